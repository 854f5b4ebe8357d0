"""Who suits a case: the ranked surgeons and centres with their reasons, and what the case calls for."""

from __future__ import annotations

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.cases.lifecycle import Event, State, possible
from server.foundation.errors import Invalid
from server.routing import actions
from server.routing.vocabulary import cancer_of, titles_of
from server.web.pages import registry_forms
from server.web.pages.case_places import base_of
from server.web.pages.layout import go, page
from server.web.pages.registry_forms import errors_of, typed
from server.web.routing_of_case import ranking_of
from server.web.visit import Visit

SHOWN_AT_FIRST = 12
CENTRES_SHOWN = 8


def routing_page(visit: Visit, refused: Invalid | None = None) -> Response:
    """The ranking of a case."""
    ranking, case = ranking_of(visit), visit.case
    return page(
        visit,
        "routing.html",
        refused=refused,
        errors=errors_of(refused),
        typed={name: typed(name) for name in ("need", "reason")} if refused else {},
        case=case,
        base=base_of(visit),
        ranking=ranking,
        cancer=cancer_of(ranking.needs.organ, ranking.needs.cancer),
        first_shown=SHOWN_AT_FIRST,
        centres_shown=CENTRES_SHOWN,
        can_assign=visit.may(Action.CASE_ASSIGN)
        and possible(State(case.state), Event.SURGEON_ASSIGNED),
        most_points=max((one.score for one in ranking.surgeons), default=0.0),
        **registry_forms.offered(),
    )


def add_need(visit: Visit) -> Response:
    """The coordinator says that the case calls for something. `need` is `capability:alpps`."""
    kind, _, code = typed("need").partition(":")
    return _decide(visit, kind, code, wanted=True)


def set_aside(visit: Visit) -> Response:
    """The coordinator says that the case does not call for something after all."""
    kind, _, code = typed("need").partition(":")
    return _decide(visit, kind, code, wanted=False)


def _decide(visit: Visit, kind: str, code: str, *, wanted: bool) -> Response:
    try:
        with visit.attempt():
            actions.decide_need(
                visit.session,
                visit.case,
                kind=kind,
                code=code,
                wanted=wanted,
                reason=typed("reason"),
                by=visit.actor.text,
                now=visit.now,
            )
    except Invalid as error:
        return routing_page(visit, error)
    visit.note(need=code, wanted=wanted, why=typed("reason"))
    said = titles_of(kind)[code]
    return go(
        f"{base_of(visit)}/routing",
        f"{said} is {'called for' if wanted else 'not called for'} from now on.",
    )


def undo(visit: Visit, need_id: str) -> Response:
    """Take the coordinator's word back."""
    actions.undo_need(visit.session, visit.case, need_id)
    visit.note(need_id=need_id)
    return go(f"{base_of(visit)}/routing", "It is as the forms and the cancer say again.")


ROUTES = [
    Route("/cases/<number>/routing", routing_page, Action.CASE_ROUTE),
    Route("/cases/<number>/routing/needs", add_need, Action.CASE_ROUTE, ("POST",)),
    Route("/cases/<number>/routing/needs/aside", set_aside, Action.CASE_ROUTE, ("POST",)),
    Route("/cases/<number>/routing/needs/<need_id>/undo", undo, Action.CASE_ROUTE, ("POST",)),
]
