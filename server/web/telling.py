"""Telling people of a case's steps that are made at a door: opened, complete, paused, closed."""

from __future__ import annotations

from datetime import date
from typing import Final

from server.cases.lifecycle import Event
from server.cases.records import Assignment, Case
from server.notices.actions import post
from server.notices.kinds import NoticeKind
from server.notices.recipients import Part, Recipients, to
from server.web.visit import Visit
from server.web.voices import person_id_of

_K, _P = NoticeKind, Part
_STEPS: Final[dict[Event, tuple[NoticeKind, tuple[Part, ...]]]] = {
    Event.RECORDS_COMPLETE: (_K.RECORDS_COMPLETE, (_P.COORDINATOR, _P.HOSPITAL)),
    Event.RECORDS_WANTED: (_K.RECORDS_WANTED, (_P.HOSPITAL,)),
    Event.HOLD: (_K.CASE_PAUSED, (_P.COORDINATOR, _P.HOSPITAL, _P.PANEL)),
    Event.RESUME: (_K.CASE_RESUMED, (_P.COORDINATOR, _P.HOSPITAL, _P.PANEL)),
    Event.CLOSE: (_K.CASE_CLOSED, (_P.COORDINATOR, _P.HOSPITAL)),
}


def opened(visit: Visit, case: Case) -> None:
    """Tell the hospital and its coordinators that the case is open."""
    _tell(visit, case, _K.CASE_OPENED, to(_P.COORDINATOR, _P.HOSPITAL, but=(person_id_of(visit),)))


def step(visit: Visit, event: Event, asked: list[Assignment]) -> None:
    """Tell of a step that was just made. `asked` are those who had a part in the case before it: when
    it was withdrawn or taken back they have none any more, and are told just the same."""
    people = tuple(one.person_id for one in asked)
    if event is Event.WITHDRAW:
        whom = to(_P.COORDINATOR, _P.HOSPITAL, people=people, but=(person_id_of(visit),))
        _tell(visit, visit.case, _K.CASE_WITHDRAWN, whom)
    elif event is Event.SURGEON_WITHDRAWN:
        _tell(visit, visit.case, _K.UNASSIGNED, to(people=people))
    elif event in _STEPS:
        kind, parts = _STEPS[event]
        _tell(visit, visit.case, kind, to(*parts, but=(person_id_of(visit),)))


def assigned(visit: Visit, made: Assignment, before: list[Assignment]) -> None:
    """Tell a surgeon that they have the case, and those who had it that they do not any more."""
    key = f"{_K.ASSIGNED}:{made.id}"
    _tell(visit, visit.case, _K.ASSIGNED, to(people=(made.person_id,)), key)
    gone = tuple(one.person_id for one in before if one.person_id != made.person_id)
    if gone:
        _tell(visit, visit.case, _K.UNASSIGNED, to(people=gone))


def standing(case: Case) -> list[Assignment]:
    """Who has a part in the case now."""
    return [one for one in case.assignments if one.state in ("active", "offered")]


def _tell(visit: Visit, case: Case, kind: NoticeKind, whom: Recipients, key: str = "") -> None:
    facts: dict[str, date] = {"due_on": case.due_on} if case.due_on else {}
    post(
        visit.session,
        kind=kind,
        case=case,
        to=whom,
        facts=facts,
        now=visit.now,
        # A case's version counts its steps, so the same step made again is another event.
        key=key or f"{kind}:{case.id}:{case.version}",
    )
