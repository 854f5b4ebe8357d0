"""A surgeon's answer to being asked: what the case is about, accept, or decline with a reason."""

from __future__ import annotations

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.access.permissions import Account
from server.cases import assigning
from server.cases.asking import ROLE_WORDS, Role, Standing
from server.cases.assigning import OfferNotOpen, part_of
from server.cases.locking import lock
from server.cases.records import Assignment
from server.foundation.errors import Invalid, MarginError
from server.panel import actions, telling
from server.panel.queries import panel_of, rule_for
from server.web import shown
from server.web.pages.assignment import follow
from server.web.pages.case_places import base_of
from server.web.pages.layout import go, page
from server.web.pages.registry_forms import typed
from server.web.taking_part import part_in
from server.web.visit import Visit


def offer_page(visit: Visit, refused: MarginError | None = None) -> Response:
    """What is asked, until when, and the two answers."""
    person_id = person_asked(visit)
    mine = part_of(visit.case, person_id)
    if mine is None:
        raise OfferNotOpen("This case was not offered to you.", remedy="Ask the coordinator.")
    panel = panel_of(visit.session, visit.case)
    return page(
        visit,
        "offer.html",
        refused=refused,
        case=visit.case,
        base=base_of(visit),
        mine=mine,
        role=ROLE_WORDS[Role(mine.role)],
        asked=shown.asked(visit),
        rule=rule_for(panel) if panel else None,
        reason=typed("reason") if refused else "",
    )


def accept(visit: Visit) -> Response:
    """Take the case, or the seat in its panel."""
    accepted(visit)
    return go(_case_of(visit), "You have accepted this case.")


def accepted(visit: Visit) -> Assignment:
    """The same for whoever asks, and those who wait for it are told."""
    mine = assigning.accept(visit.session, visit.case, person_asked(visit), now=visit.now)
    telling.accepted(visit.session, visit.case, mine, visit.now)
    panel = panel_of(visit.session, visit.case)
    if panel is not None and panel.sealed and mine.role == Role.REVIEWER:
        telling.vote_wanted(visit.session, panel, visit.case, mine.person_id, visit.now)
    return mine


def decline(visit: Visit) -> Response:
    """Say no, or give the case back."""
    try:
        with visit.attempt():
            declined(visit, typed("reason"))
    except Invalid as error:
        return offer_page(visit, refused=error)
    said = "You have declined this case. What you entered is kept."
    if isinstance(visit.actor, Account) and visit.admission.launch is None:
        return go("/worklist", said)
    return go(f"{base_of(visit)}/offer", said)


def declined(visit: Visit, reason: str) -> Assignment:
    """The same for whoever asks; in a panel the next one is asked. Raises Invalid without a reason."""
    lock(visit.session, visit.case)
    person_id = person_asked(visit)
    actions.refuse_leaving(visit.session, visit.case, person_id)
    mine = assigning.decline(visit.session, visit.case, person_id, reason=reason, now=visit.now)
    telling.declined(visit.session, visit.case, mine, visit.now)
    follow(visit)
    return mine


def person_asked(visit: Visit) -> str:
    """Whose answer it is; raises OfferNotOpen for a link that was made out to a name only."""
    person_id = part_in(visit).person_id
    if person_id is None:
        raise OfferNotOpen(
            "This link was made out to a name only: there is nothing to accept.",
            remedy="Open the case and begin.",
        )
    return person_id


def _case_of(visit: Visit) -> str:
    base = base_of(visit)
    return f"{base}/" if visit.admission.launch else base


def is_offered(visit: Visit) -> bool:
    """Whether this visitor has an offer to answer."""
    person_id = part_in(visit).person_id
    mine = part_of(visit.case, person_id) if person_id else None
    return mine is not None and mine.state == Standing.OFFERED


ROUTES = [
    Route(f"{base}/offer{rest}", view, Action.OFFER_ANSWER, methods)
    for base in ("/cases/<number>", "/r/<launch>")
    for rest, view, methods in (
        ("", offer_page, ("GET",)),
        ("/accept", accept, ("POST",)),
        ("/decline", decline, ("POST",)),
    )
]
