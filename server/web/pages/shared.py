"""What a recipient reads: the opinion that was shared on a consent, and the images where it says so."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, jsonify, make_response

from server.access.action import Action
from server.access.door import Route
from server.access.permissions import Holder
from server.access.sharing import OPINION_AND_IMAGES
from server.access.sharing_queries import share_of_grant
from server.access.sharing_records import ShareConsent
from server.answers.queries import addenda_of, addendum
from server.opinions.page import PREVIEW_CSP, render_html
from server.opinions.queries import OpinionNotIssued, issued_as, opinions_of_case
from server.web.kept_pdf import kept_pdf
from server.web.opinion_preview import issued_seen
from server.web.pages import case_facts
from server.web.pages.layout import page
from server.web.shared_places import SHARED_PAGE
from server.web.visit import Visit


def shared_page(visit: Visit) -> Response:
    """The newest opinion in a few words, its documents, and the way to the images."""
    consent = _consent(visit)
    readable = [one for one in opinions_of_case(visit.session, visit.case.id) if one.sha256]
    if not readable:
        raise OpinionNotIssued(
            "There is no opinion to read yet.", remedy="Open the link again later."
        )
    launch = visit.launch
    address = case_facts.viewer_address(launch.id, visit.case, visit.view)
    return page(
        visit,
        "shared.html",
        case=visit.case,
        base=f"/r/{launch.id}",
        consent=consent,
        opinion=issued_seen(visit, readable[0]),
        issued=readable[0],
        earlier=readable[1:],
        addenda=_addenda(visit),
        viewer=f"{address}&shared=1"
        if address and consent.what == OPINION_AND_IMAGES and visit.may(Action.IMAGES_READ)
        else None,
        may_take_data=visit.may(Action.OPINION_READ),
    )


def _consent(visit: Visit) -> ShareConsent:
    """The consent by which this visitor reads; the door has just seen that it stands."""
    assert isinstance(visit.actor, Holder)
    share = share_of_grant(visit.session, visit.actor.grant_id)
    assert share is not None
    return share.consent


def _addenda(visit: Visit) -> list[Any]:
    """The addenda: signed texts that may name the hospital, so not for who sees no names."""
    if visit.pseudonymised:
        return []
    return [one for one in addenda_of(visit.session, visit.case.id) if one.sha256]


def shared_opinion(visit: Visit, opinion: str) -> Response:
    """One opinion as its PDF; for who sees no names as a page made for them, which can be printed."""
    kept = issued_as(visit.session, visit.case.id, opinion)
    visit.note(opinion=kept.number)
    if visit.pseudonymised:
        response = make_response(render_html(issued_seen(visit, kept)))
        response.headers["Content-Security-Policy"] = PREVIEW_CSP
        return response
    return _pdf(visit, kept.sha256, f"opinion-{kept.number}.pdf")


def shared_addendum(visit: Visit, addendum_number: str) -> Response:
    """One addendum as its PDF."""
    found = addendum(visit.session, visit.case.id, "" if visit.pseudonymised else addendum_number)
    visit.note(addendum=found.number)
    return _pdf(visit, found.sha256, f"addendum-{found.number}.pdf")


def _pdf(visit: Visit, sha256: str, name: str) -> Response:
    response = kept_pdf(visit, sha256, name)
    response.headers["Cache-Control"] = "no-store"
    return response


def shared_standing(visit: Visit) -> Response:
    """That the consent still stands; asked by open pages, so that they end with it."""
    return jsonify({"stands": True})


BASE: Final = f"/r/<launch>/{SHARED_PAGE}"
ROUTES = [
    Route(BASE, shared_page, Action.SHARED_READ),
    Route(f"{BASE}/opinions/<opinion>", shared_opinion, Action.SHARED_READ),
    Route(f"{BASE}/addenda/<addendum_number>", shared_addendum, Action.SHARED_READ),
    Route(f"{BASE}/standing", shared_standing, Action.SHARED_STANDING),
]
