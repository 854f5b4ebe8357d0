"""The page of uploads: sending, how far it is, and what became of every file."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict
from typing import Any

from flask import Response, jsonify, request

from server.access.action import Action
from server.access.door import Route
from server.access.permissions import Account
from server.cases.lifecycle import Event, State, possible
from server.foundation.clock import iso
from server.foundation.errors import BadRequest
from server.intake.uploads import actions as uploads
from server.intake.uploads.kinds import HEAD_BYTES, NotTaken, NotWanted, kind_of
from server.intake.uploads.queries import (
    Outcome,
    marks,
    missing_of_discs,
    outcomes,
    progress,
    uploads_of_case,
)
from server.web import languages, tus
from server.web.bodies import fields_of_body
from server.web.pages.cleaning import cleaning_rules
from server.web.pages.layout import page
from server.web.pages.records_frame import wanted_of
from server.web.visit import Visit

MOST_GLANCES = 500


class GlanceUnusable(BadRequest):
    """What was asked about some files cannot be understood."""


def uploads_page(visit: Visit) -> Response:
    """Everything that was sent to the case by hand, and the way to send more."""
    case, session = visit.case, visit.session
    launch = visit.admission.launch
    return page(
        visit,
        "uploads.html",
        case=case,
        base=f"/r/{launch.id}" if launch else f"/cases/{case.number}",
        by_link=not isinstance(visit.actor, Account),
        can_send=takes_files(visit),
        wanted=wanted_of(visit),
        progress=progress(session, case.id),
        uploads=uploads_of_case(session, case.id),
        refusals=outcomes(session, case.id, ("refused",)),
        left_out=outcomes(session, case.id, ("left_out",)),
        known=outcomes(session, case.id, ("known",)),
        missing_of_discs=missing_of_discs(session, case.id),
    )


def takes_files(visit: Visit) -> bool:
    """Whether the case still takes what is sent."""
    return possible(State(visit.case.state), Event.STUDY_ATTACHED)


def state(visit: Visit) -> Response:
    """How far everything is, for the page to look at again and again; `language` says in which language
    reasons are given, English without it."""
    languages.speak_in(request.args.get("language", ""))
    session, case_id = visit.session, visit.case.id
    refused = outcomes(session, case_id, ("refused",))
    return jsonify(
        {
            "progress": asdict(progress(session, case_id)),
            "refused": [_refusal(one) for one in refused],
            "missing": [_refusal(one) for one in missing_of_discs(session, case_id)],
        }
    )


def _refusal(one: Outcome) -> dict[str, Any]:
    return {**asdict(one), "reason": languages.said(one.reason), "at": iso(one.at)}


def known_marks(visit: Visit) -> Response:
    """The marks that this page, or another, gave to the files of this case."""
    return jsonify({"marks": [asdict(one) for one in marks(visit.session, visit.case.id)]})


def glance(visit: Visit) -> Response:
    """Say of large files by their first bytes whether sending them is worth the line.

    What is not is noted as refused, so that it stands in the list with its reason; the answer gives it
    in the `language` that is asked for.
    """
    languages.speak_in(request.args.get("language", ""))
    answers = []
    for name, size, head in _asked():
        kind = kind_of(head, b"%%EOF", name)
        if not isinstance(kind, NotTaken | NotWanted):
            answers.append({"send": True, "outcome": "", "reason": ""})
            continue
        outcome = "refused" if isinstance(kind, NotTaken) else "left_out"
        reason = f"Not sent. {kind.reason}"
        uploads.note_unsent(
            visit.session,
            visit.case,
            name=name,
            size_bytes=size,
            outcome=outcome,
            reason=reason,
            sender=tus.sender_of(visit),
            now=visit.now,
        )
        answers.append({"send": False, "outcome": outcome, "reason": languages.said(reason)})
    return jsonify({"files": answers})


def _asked() -> list[tuple[str, int, bytes]]:
    files = fields_of_body({"files": list})["files"]
    if len(files) > MOST_GLANCES:
        raise GlanceUnusable(f"Ask about at most {MOST_GLANCES} files at once.")
    return [_one_asked(one) for one in files]


def _one_asked(one: Any) -> tuple[str, int, bytes]:
    try:
        head = base64.b64decode(str(one["head"])[: 2 * HEAD_BYTES], validate=True)
        return str(one["name"]), max(0, min(int(one["size"]), 2**53)), head[:HEAD_BYTES]
    except (KeyError, TypeError, ValueError, binascii.Error, OverflowError) as reason:
        raise GlanceUnusable("Each file has a name, a size and its first bytes.") from reason


def rules(visit: Visit) -> Response:
    """What the page takes out of images before they leave the sender's computer."""
    settings = visit.services.settings
    response = jsonify(cleaning_rules(settings.secret_key, visit.case.id, visit.case.number))
    response.headers["Cache-Control"] = "no-store"
    return response


def _both(url: str, view: Any, methods: tuple[str, ...] = ("GET",)) -> list[Route]:
    return [
        Route(f"{base}/uploads{url}", view, Action.IMAGES_SEND, methods)
        for base in ("/r/<launch>", "/cases/<number>")
    ]


ROUTES = [
    # First, so that OPTIONS is answered by the protocol and not by Flask.
    *tus.ROUTES,
    *_both("", uploads_page),
    *_both("/state", state),
    *_both("/marks", known_marks),
    *_both("/rules", rules),
    *_both("/glance", glance, ("POST",)),
]
