"""What follows an opinion: the reassessment and its rounds, and the assessment in person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.annotations.queries import signed_revisions
from server.cases.aftercare import in_person, reassessing
from server.cases.aftercare.actions import Planned
from server.cases.aftercare.in_person import Standing
from server.cases.aftercare.in_person_actions import Noted, Wanted
from server.cases.aftercare.queries import assessments_of, plans_of, standing_plan
from server.cases.aftercare.records import InPersonAssessment
from server.cases.lifecycle import Event, State, possible
from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.opinions.records import IssuedOpinion
from server.web import following_up, shown
from server.web.following_up import newest_opinion
from server.web.languages import said_each
from server.web.pages.case_places import base_of
from server.web.pages.layout import go, page
from server.web.pages.outcome import outcome_in_short
from server.web.pages.rounds import Asked, asked_by_opinion, rounds_of
from server.web.pages.typed_forms import (
    came_back,
    day_of,
    lines_of,
    number_of,
    refuse,
    typed_fields,
    typed_list,
    version_of,
)
from server.web.visit import Visit


@dataclass(frozen=True)
class Possible:
    """What may be done now: for showing or hiding a button."""

    plan: bool
    cancel: bool
    begin: bool
    give_up: bool
    request: bool
    note: bool


def afterwards_page(
    visit: Visit, refused: Invalid | Conflict | None = None, at: str = ""
) -> Response:
    """The rounds of the case, the plan, and the assessment in person."""
    case, session = visit.case, visit.session
    opinion = newest_opinion(visit)
    plan = standing_plan(session, case.id)
    assessments = assessments_of(session, case.id)
    return page(
        visit,
        "afterwards.html",
        refused=refused,
        case=case,
        base=base_of(visit),
        may=_possible(visit, opinion, assessments[0] if assessments else None),
        rounds=rounds_of(visit),
        plan=plan,
        plans=[one for one in plans_of(session, case.id) if one is not plan],
        days_left=reassessing.days_left(plan.due_on, visit.now.date()) if plan else 0,
        asked=_asked(visit, opinion),
        opinion=opinion,
        presets=reassessing.PRESETS,
        usual_cycle_days=reassessing.USUAL_CYCLE_DAYS,
        usual_remind_days=reassessing.USUAL_REMIND_DAYS,
        reminded=reassessing.REMINDED,
        assessments=assessments,
        became=outcome_in_short(visit),
        standings=said_each(in_person.LABELS),
        tones=in_person.TONES,
        follows=in_person.FOLLOWS,
        needs=said_each(in_person.NEEDS),
        veiled=lambda text: shown.words(visit, text),
        named=not visit.pseudonymised,
        **{**came_back(refused, at), **_ticked(refused)},
    )


def _ticked(refused: Invalid | Conflict | None) -> dict[str, Any]:
    return {"ticked": {*typed_list("remind"), *typed_list("needs")} if refused else None}


def _asked(visit: Visit, opinion: IssuedOpinion | None) -> Asked | None:
    """What the surgeon wrote about looking again, to begin a plan with."""
    if opinion is None:
        return None
    signed = signed_revisions(visit.session, visit.case.id)
    found = next((one for one in signed if one.id == opinion.revision_id), None)
    return asked_by_opinion(shown.answers(visit, found.answers)) if found else None


def _possible(
    visit: Visit, opinion: IssuedOpinion | None, newest: InPersonAssessment | None
) -> Possible:
    change = visit.may(Action.AFTERCARE_CHANGE)
    coordinate = visit.may(Action.CASE_ADVANCE)
    state = State(visit.case.state)
    over = newest is None or not in_person.FOLLOWS[Standing(newest.state)]
    return Possible(
        plan=change and possible(state, Event.REASSESSMENT_PLANNED),
        cancel=change and possible(state, Event.REASSESSMENT_CANCELLED),
        begin=coordinate and possible(state, Event.ROUND_BEGUN),
        give_up=coordinate and visit.case.round > 1 and possible(state, Event.ROUND_GIVEN_UP),
        request=change and opinion is not None and over,
        note=change,
    )


def plan(visit: Visit) -> Response:
    """Keep when the case is looked at again, and at what."""
    typed = typed_fields()
    try:
        kept = following_up.plan_reassessment(visit, _planned(visit, typed), version_of(typed))
    except (Invalid, Conflict) as error:
        return afterwards_page(visit, error, "plan")
    return go(
        f"{base_of(visit)}/afterwards",
        f"The reassessment is planned for {kept.due_on.isoformat()}. New images begin its round.",
    )


def _planned(visit: Visit, typed: dict[str, str]) -> Planned:
    problems: list[FieldProblem] = []
    by_day = typed.get("how") == "day"
    due: date | None = day_of(typed, "due_on", problems) if by_day else None
    cycles = number_of(typed, "cycles", problems) if not by_day else None
    cycle_days = number_of(typed, "cycle_days", problems) if not by_day else None
    starts_on = day_of(typed, "starts_on", problems) if not by_day else None
    remind_days = number_of(typed, "remind_days", problems)
    if not by_day and cycles is None and not problems:
        problems.append(FieldProblem("/cycles", "Give the number of cycles, or choose a day."))
    refuse("The reassessment was not planned.", problems)
    opinion = newest_opinion(visit)
    preset = next((one.id for one in reassessing.PRESETS if one.id == typed.get("preset")), "")
    return Planned(
        due_on=due,
        preset=preset if not by_day else "",
        cycles=cycles,
        cycle_days=cycle_days,
        starts_on=starts_on,
        strategy=typed.get("strategy", ""),
        remeasure=lines_of(typed.get("remeasure", "")),
        remind=typed_list("remind"),
        remind_days=remind_days if remind_days is not None else reassessing.USUAL_REMIND_DAYS,
        opinion_number=opinion.number if opinion else "",
    )


def cancel(visit: Visit) -> Response:
    """Give the planned reassessment up."""
    typed = typed_fields()
    try:
        following_up.cancel_reassessment(visit, typed.get("why", ""), version_of(typed))
    except (Invalid, Conflict) as error:
        return afterwards_page(visit, error, "cancel")
    return go(f"{base_of(visit)}/afterwards", "The reassessment is given up.")


def begin(visit: Visit) -> Response:
    """Begin the next round now."""
    try:
        following_up.begin_round(visit, version_of(typed_fields()))
    except Conflict as error:
        return afterwards_page(visit, error, "begin")
    return go(
        f"/cases/{visit.case.number}",
        f"Round {visit.case.round} is open: its images and records are awaited.",
    )


def give_up(visit: Visit) -> Response:
    """Take a round back that was begun by mistake."""
    typed = typed_fields()
    try:
        following_up.give_up_round(visit, typed.get("why", ""), version_of(typed))
    except (Invalid, Conflict) as error:
        return afterwards_page(visit, error, "give-up")
    return go(f"{base_of(visit)}/afterwards", "The round is taken back; the opinion stands.")


def request_visit(visit: Visit) -> Response:
    """Ask that the patient be seen by the team that would operate."""
    typed, opinion = typed_fields(), newest_opinion(visit)
    wanted = Wanted(
        conditions=typed.get("conditions", ""),
        investigations=lines_of(typed.get("investigations", "")),
        needs=typed_list("needs"),
        centre=typed.get("centre", ""),
        opinion_number=opinion.number if opinion else "",
    )
    try:
        following_up.request_in_person(visit, wanted)
    except (Invalid, Conflict) as error:
        return afterwards_page(visit, error, "request")
    return go(f"{base_of(visit)}/afterwards#in-person", "An assessment in person is asked for.")


def note_visit(visit: Visit, assessment_id: str) -> Response:
    """Note how the assessment in person stands now."""
    typed = typed_fields()
    problems: list[FieldProblem] = []
    noted = Noted(
        standing=typed.get("standing", ""),
        on_day=day_of(typed, "on_day", problems),
        centre=typed.get("centre", ""),
        place=typed.get("place", ""),
        note=typed.get("note", ""),
        document_id=typed.get("document_id", ""),
    )
    try:
        refuse("Nothing was changed.", problems)
        asked = following_up.note_in_person(visit, assessment_id, noted, version_of(typed))
    except (Invalid, Conflict) as error:
        return afterwards_page(visit, error, f"note-{assessment_id}")
    return go(
        f"{base_of(visit)}/afterwards#in-person",
        f"Noted: {in_person.LABELS[Standing(asked.state)].lower()}.",
    )


def _both(path: str) -> tuple[str, str]:
    return f"/cases/<number>/afterwards{path}", f"/r/<launch>/afterwards{path}"


ROUTES = [
    *(Route(url, afterwards_page, Action.AFTERCARE_READ) for url in _both("")),
    *(Route(url, plan, Action.AFTERCARE_CHANGE, ("POST",)) for url in _both("/plan")),
    *(Route(url, cancel, Action.AFTERCARE_CHANGE, ("POST",)) for url in _both("/cancel")),
    Route("/cases/<number>/afterwards/begin", begin, Action.CASE_ADVANCE, ("POST",)),
    Route("/cases/<number>/afterwards/give-up", give_up, Action.CASE_ADVANCE, ("POST",)),
    *(Route(url, request_visit, Action.AFTERCARE_CHANGE, ("POST",)) for url in _both("/in-person")),
    *(
        Route(url, note_visit, Action.AFTERCARE_CHANGE, ("POST",))
        for url in _both("/in-person/<assessment_id>")
    ),
]
