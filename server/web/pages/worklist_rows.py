"""The rows of a worklist: who holds a case, what it waits for and lacks, and how urgent that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from server.cases import queries
from server.cases.clocks import clock
from server.cases.clocks.clock import Standing
from server.cases.clocks.pauses import Pause
from server.cases.clocks.queries import open_pauses
from server.cases.lifecycle import State
from server.cases.listing import RUNNING, STOPPED
from server.cases.records import Assignment, Case
from server.dossier.completeness import Completeness
from server.dossier.standings import standings
from server.imaging.lacks import ImagingLack, lacks_of
from server.panel.actions import open_seats
from server.panel.queries import panels_of
from server.panel.records import Panel
from server.web.wording import count, day

URGENCY = {
    Standing.RUNNING: "later",
    Standing.SOON: "soon",
    Standing.DUE: "soon",
    Standing.OVERDUE: "overdue",
    Standing.PAST_LIMIT: "overdue",
}
OVER = frozenset({State.OPINED, State.REASSESSMENT, State.CLOSED, State.WITHDRAWN})
IN_PANEL = frozenset({State.READY, State.ASSIGNED, State.IN_REVIEW})
PHRASES_SHOWN = 2


@dataclass(frozen=True)
class Row:
    """One line of the worklist. `urgency` is none, later, soon or overdue; `lacks` are phrases of what
    is not there yet, `pause` why the clock stands still, `panel` the panel that has the case in this
    round, `needs_members` whether somebody must be found for it."""

    case: Case
    holder: Assignment | None
    waits_for: str
    urgency: str
    lacks: tuple[str, ...] = ()
    pause: Pause | None = None
    past_limit: bool = False
    panel: Panel | None = None
    needs_members: bool = False


def row_of(case: Case, today: date, panel: Panel | None = None) -> Row:
    """A case with who holds it, what it waits for and how urgent that is. `panel` is the one that has it
    in this round."""
    holder = queries.holder(case)
    return Row(
        case,
        holder,
        waits_for(case, holder, panel),
        case_urgency(case, today),
        panel=panel,
        needs_members=panel is not None and _needs_members(panel, case),
    )


def rows_of(session: Session, cases: Sequence[Case], today: date) -> list[Row]:
    """The rows of a page, with what each lacks; what they need is read together."""
    ids = [case.id for case in cases]
    in_work = [case for case in cases if State(case.state) not in OVER]
    records = standings(session, in_work)
    images = lacks_of(session, ids)
    stopped = [case.id for case in cases if case.state in STOPPED]
    pauses = open_pauses(session, stopped) if stopped else {}
    panels = panels_of(session, [case.id for case in in_work])
    found = []
    for case in cases:
        panel = panels.get(case.id)
        row = row_of(case, today, panel if panel and panel.case_round == case.round else None)
        found.append(
            replace(
                row,
                lacks=_lacks(records.get(case.id), images.get(case.id)),
                pause=pauses.get(case.id),
                past_limit=case_standing(case, today) is Standing.PAST_LIMIT,
            )
        )
    return found


def case_standing(case: Case, today: date) -> Standing:
    """How the clock of a case stands, by the days that are kept of it."""
    if case.state not in RUNNING:
        return Standing.NOT_RUNNING
    return clock.listed(case.soon_on, case.due_on, case.limit_on, today)


def case_urgency(case: Case, today: date) -> str:
    """`none` while the clock stands or is over, otherwise what the deadline says."""
    return URGENCY.get(case_standing(case, today), "none")


def waits_for(case: Case, holder: Assignment | None, panel: Panel | None = None) -> str:
    """What has to happen next, and since when it is waited for."""
    state = State(case.state)
    if panel is not None and state in IN_PANEL:
        return _of_panel(case, panel)
    name = holder.person.name if holder else "The surgeon"
    since = holder.assigned_at.date() if holder else None
    sentences = {
        State.OPEN: f"Images from the hospital, since {day(case.opened_at.date())}",
        State.AWAITING_RECORDS: _records(case),
        State.READY: f"A surgeon to be chosen, since {_day_of(case.records_complete_at)}",
        State.ASSIGNED: f"{name} to begin, asked {day(since)}",
        State.IN_REVIEW: f"{name} to sign, asked {day(since)}",
        State.OPINED: "To be closed",
        State.REASSESSMENT: "New images for the reassessment",
        State.ON_HOLD: case.held_reason or "To be resumed",
    }
    return sentences.get(state, "")


def _of_panel(case: Case, panel: Panel) -> str:
    """How far a panel is; never what somebody voted."""
    votes = f"{len(panel.votes)} of {panel.wanted} votes in"
    if not panel.sealed:
        chair = next((one for one in case.assignments if one.person_id == panel.chair_id), None)
        return f"{votes}, {chair.person.name if chair else 'a chair'} to conclude"
    free = open_seats(panel, case).unfilled
    found = [votes]
    if free:
        found.append(f"nobody for {count(free, 'seat')}")
    if panel.chair_id is None:
        found.append("no chair")
    return ", ".join(found)


def _needs_members(panel: Panel, case: Case) -> bool:
    """Whether a coordinator must find somebody: for a seat, or to conclude."""
    if panel.state == "concluded" or State(case.state) in OVER:
        return False
    return panel.chair_id is None or (panel.sealed and open_seats(panel, case).unfilled > 0)


def _records(case: Case) -> str:
    if not case.studies:
        return f"Records from the hospital, since {day(case.opened_at.date())}"
    last = max(study.attached_at for study in case.studies).date()
    return f"{count(len(case.studies), 'study', 'studies')} to be checked, the last of {day(last)}"


def _day_of(moment: datetime | None) -> str:
    return day(moment.date() if moment else None)


def _lacks(records: Completeness | None, images: ImagingLack | None) -> tuple[str, ...]:
    """What stops the case, or limits its answer, in a few words each."""
    found = []
    if records is not None:
        found = [one.item.title for one in records.items if one.blocks]
    more = len(found) - PHRASES_SHOWN
    if more > 1:
        found = [*found[:PHRASES_SHOWN], f"and {more} more records"]
    if records is not None and records.consent.problem:
        found.append("consent: revoked" if records.consent.revoked else "consent: not recorded")
    if records is not None and images is not None:
        if images.blocking:
            found.append(f"images: {count(images.blocking, 'point')} to mend")
        elif images.limiting:
            found.append(f"images: limited by {count(images.limiting, 'point')}")
        elif images.pixels_pending:
            found.append("images: being assessed")
    return tuple(found)
