"""The panel as its members see it: who has voted, then the votes beside each other, the discussion and
the chair's conclusion."""

from __future__ import annotations

from typing import Any

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.access.permissions import Account, Program
from server.annotations.organs import ORGANS
from server.cases.asking import Standing
from server.cases.assigning import part_of
from server.cases.locking import lock
from server.foundation.errors import Invalid, MarginError, NotFound, Refused
from server.opinions.finality import refuse_unfounded
from server.panel import actions, concluding
from server.panel.concluding import Conclusion
from server.panel.queries import (
    agreement_of,
    messages_of,
    rule_for,
    seats_of,
    vote_of,
    voters_of,
)
from server.panel.records import Panel, PanelMessage
from server.people.queries import person as person_of
from server.web import shown, signing
from server.web.composition import imaging_seen
from server.web.imaging_ground import ground_of
from server.web.pages.case_facts import viewer_address
from server.web.pages.case_places import base_of
from server.web.pages.layout import go, page
from server.web.pages.registry_forms import number, typed
from server.web.panel_said import reason_of
from server.web.reviewing import draft_seen
from server.web.taking_part import Part, own_id, part_in
from server.web.visit import Visit


class NoPanel(NotFound):
    """The case is not looked at by a panel."""


class NotOfThePanel(Refused):
    """Whoever asks has no part in the panel."""


def panel_page(visit: Visit, refused: MarginError | None = None) -> Response:
    """The panel, as far as this visitor may see it."""
    part, panel = admitted(visit)
    case, organ = visit.case, ORGANS[visit.case.organ]
    found: dict[str, Any] = {}
    if not panel.sealed:
        found = {
            "votes": panel.votes,
            "reasons": {one.person_id: shown.words(visit, reason_of(one)) for one in panel.votes},
            "agreement": agreement_of(panel, case),
            "messages": messages_of(visit.session, panel),
            "conclusion": _conclusion(visit, part, panel),
        }
    return page(
        visit,
        "panel.html",
        refused=refused,
        case=case,
        base=base_of(visit),
        part=part,
        panel=panel,
        rule=rule_for(panel),
        seats=seats_of(panel, case),
        voters=voters_of(panel, case),
        mine=vote_of(panel, part.person_id or ""),
        account_coordinates=isinstance(visit.actor, Account) and visit.actor.role != "surgeon",
        viewer=viewer_address(visit.launch.id, case, visit.view)
        if visit.admission.launch
        else None,
        organ=organ,
        may_discuss=visit.may(Action.PANEL_DISCUSS) and panel.state == "open",
        words=lambda text: shown.words(visit, text),
        typed={name: typed(name) for name in ("text", "message", "departure_reason")}
        if refused
        else {},
        **found,
    )


def admitted(visit: Visit) -> tuple[Part, Panel]:
    """Members, the chair, observers, and coordinators with their programs; a link that only shows the
    case is none of them."""
    part = part_in(visit)
    if part.panel is None:
        raise NoPanel("This case has no panel.", remedy="The case's page says who looks at it.")
    actor = visit.actor
    if isinstance(actor, Program) or (isinstance(actor, Account) and actor.role != "surgeon"):
        return part, part.panel
    mine = part_of(visit.case, part.person_id) if part.person_id else None
    if mine is None or mine.state not in (Standing.ACTIVE, Standing.COMPLETED):
        raise NotOfThePanel("You have no part in this panel.", remedy="Ask the coordinator.")
    return part, part.panel


def _conclusion(visit: Visit, part: Part, panel: Panel) -> dict[str, Any] | None:
    """What the chair needs to conclude: the form as it stands, and what stops the signature."""
    if not part.concludes or panel.state != "open":
        return None
    organ = ORGANS[visit.case.organ]
    draft = concluding.conclusion_draft(visit.session, panel, visit.case)
    verdict = organ.verdict(draft.answers) or ""
    return {
        "version": draft.version,
        "verdict": verdict,
        "label": organ.verdict_label(verdict) if verdict else "",
        "missing": organ.to_sign(draft.answers, draft.options),
        "departs": verdict != panel.majority,
    }


def discuss(visit: Visit) -> Response:
    """Add to the discussion."""
    try:
        with visit.attempt():
            said = discussed(visit, typed("message"))
    except Invalid as error:
        return panel_page(visit, refused=error)
    visit.note(message=said.id)
    return go(f"{base_of(visit)}/panel#discussion", "Your contribution is there for all members.")


def discussed(visit: Visit, text: str) -> PanelMessage:
    """The same for whoever asks; raises VotesNotIn, PanelConcluded or Invalid."""
    part, panel = admitted(visit)
    return actions.discuss(
        visit.session,
        panel,
        author_id=own_id(visit),
        author=part.name,
        text=text,
        now=visit.now,
    )


def conclude(visit: Visit) -> Response:
    """Sign the conclusion: the opinion is issued in the panel's name."""
    try:
        with visit.attempt():
            said = Conclusion(typed("text"), typed("verdict"), typed("departure_reason"))
            concluded(visit, said, number("version", -1))
    except Invalid as error:
        visit.session.refresh(visit.case)
        visit.found.pop("part", None)
        return panel_page(visit, refused=error)
    return go(f"{base_of(visit)}/panel", "The conclusion is signed and the opinion is being made.")


def concluded(visit: Visit, said: Conclusion, seen_version: int) -> None:
    """The same for whoever asks. Raises VotesNotIn, PanelConcluded, NotTheChair, Invalid, and what
    signing raises."""
    lock(visit.session, visit.case)
    visit.found.pop("part", None)
    part, panel = admitted(visit)
    chair = person_of(visit.session, part.person_id or "")
    ground = ground_of(visit.session, visit.case, visit.now.date())
    refuse_unfounded(draft_seen(visit), said.verdict, ground.too_old)
    signed = concluding.conclude(
        visit.session,
        panel,
        visit.case,
        said,
        chair=chair,
        seen_version=seen_version,
        imaging=imaging_seen(visit.session, visit.case),
        now=visit.now,
    )
    signing.issue(visit, signed)


ROUTES = [
    Route(f"{base}/panel{rest}", view, action, methods)
    for base in ("/cases/<number>", "/r/<launch>")
    for rest, view, action, methods in (
        ("", panel_page, Action.PANEL_READ, ("GET",)),
        ("/messages", discuss, Action.PANEL_DISCUSS, ("POST",)),
        ("/conclusion", conclude, Action.PANEL_CONCLUDE, ("POST",)),
    )
]
