"""What a case calls for, and who suits it: the ranking as plain values for the pages and the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases.asking import DECIDING, STANDING_WORDS, Standing
from server.cases.clocks.business_days import BusinessDays
from server.cases.clocks.tiers import tiers
from server.cases.records import Assignment, Case
from server.routing.queries import candidates, centre_facts
from server.routing.ranking import Ranked, RankedCentre, rank, rank_centres
from server.routing.records import CaseNeed
from server.routing.values import Call, CaseNeeds
from server.routing.vocabulary import (
    cancer_of,
    capability_words,
    name_words,
    operations_of,
)
from server.routing.weights import weights

COORDINATOR = "the coordinator"


@dataclass(frozen=True)
class CaseSaid:
    """What other rooms know of a case: the records' cancer and first centre, and which capabilities
    the annotation and the imaging call for."""

    cancer: str = ""
    first_centre: str = ""
    calls: Sequence[Call] = ()


@dataclass(frozen=True)
class CalledFor:
    """A capability with everybody who calls for it. `needed` False: only the kind of cancer does."""

    code: str
    words: str
    callers: tuple[str, ...]
    needed: bool
    decision: CaseNeed | None = None


@dataclass(frozen=True)
class CaseRanking:
    """Who suits a case. `called` is what it calls for, `set_aside` what a coordinator took out of it,
    `also` their other words; `remarks` say what is not known of its independence."""

    needs: CaseNeeds
    surgeons: list[Ranked]
    centres: list[RankedCentre]
    called: list[CalledFor]
    set_aside: list[CalledFor]
    also: list[CaseNeed]
    remarks: tuple[str, ...] = ()

    @property
    def fit(self) -> list[Ranked]:
        """Who can be asked, best first."""
        return [one for one in self.surgeons if not one.is_excluded]

    @property
    def excluded(self) -> list[Ranked]:
        """Who cannot, by name."""
        return [one for one in self.surgeons if one.is_excluded]


def decided_needs(session: Session, case_id: str) -> list[CaseNeed]:
    """What coordinators decided on a case, oldest first."""
    wanted = select(CaseNeed).where(CaseNeed.case_id == case_id)
    return list(session.scalars(wanted.order_by(CaseNeed.at, CaseNeed.code)))


def needs_of(session: Session, case: Case, said: CaseSaid, now: datetime) -> CaseNeeds:
    """The needs of a case, with the coordinator's word over everybody else's."""
    decided = decided_needs(session, case.id)
    calls = [
        *(Call(code, "", False) for code in cancer_of(case.organ, said.cancer).welcome),
        *said.calls,
        *(Call(code, COORDINATOR) for code in _codes(decided, "capability", wanted=True)),
    ]
    not_called_for = _codes(decided, "capability", wanted=False)
    spoken = dict.fromkeys((case.hospital.language, *_codes(decided, "language", wanted=True)))
    not_spoken = _codes(decided, "language", wanted=False)
    tier = tiers().get(case.tier)
    return CaseNeeds(
        today=now.date(),
        organ=case.organ,
        cancer=said.cancer,
        calls=tuple(call for call in calls if call.capability not in not_called_for),
        operations=_codes(decided, "operation", wanted=True),
        languages=tuple(code for code in spoken if code and code not in not_spoken),
        country=case.hospital.country,
        hospital_id=case.hospital_id,
        hospital_name=case.hospital.name,
        first_centre=said.first_centre,
        due_on=case.due_on,
        tier=case.tier,
        tier_title=tier.title if tier else case.tier,
        asked={one.person_id: _asked_words(one) for one in case.assignments if not _before(one)},
        knows={
            one.person_id: "Answered this case in an earlier round."
            for one in case.assignments
            if _before(one)
        },
        on_case=frozenset(one.person_id for one in case.assignments if one.state == "active"),
    )


def _codes(decided: Iterable[CaseNeed], kind: str, *, wanted: bool) -> tuple[str, ...]:
    """Of what coordinators decided the codes of one kind that are called for, or are not."""
    return tuple(one.code for one in decided if one.kind == kind and one.wanted is wanted)


def _before(one: Assignment) -> bool:
    """Whether this part was played in an earlier round of the case."""
    complete_at, ended_at = one.case.records_complete_at, one.ended_at
    if one.state != Standing.COMPLETED or ended_at is None:
        return False
    return complete_at is None or ended_at < complete_at


def _asked_words(one: Assignment) -> str:
    """What became of asking somebody: `Declined on 2026-11-18: on leave.`"""
    at = one.ended_at or one.answered_at or one.assigned_at
    words = {
        Standing.OFFERED: "Was asked and has not answered yet",
        Standing.ACTIVE: "Has the case now",
        Standing.DECLINED: f"Declined on {at:%Y-%m-%d}",
        Standing.TIMED_OUT: f"Was asked and did not answer by {at:%Y-%m-%d}",
        Standing.WITHDRAWN: f"Had the case; it was taken back on {at:%Y-%m-%d}",
        Standing.COMPLETED: f"Answered this case on {at:%Y-%m-%d}",
    }
    known = {standing.value: said for standing, said in words.items()}
    said = known.get(one.state, STANDING_WORDS[Standing.WITHDRAWN].capitalize())
    if one.role not in {role.value for role in DECIDING} and one.state == Standing.ACTIVE:
        said = "Looks on without a voice"
    why = f": {one.reason.rstrip('.')}" if one.reason else ""
    return f"{said}{why}."


def ranked_for_case(session: Session, case: Case, said: CaseSaid, now: datetime) -> CaseRanking:
    """Surgeons and centres for a case, best first, with every reason, and what was asked for."""
    needs = needs_of(session, case, said, now)
    operations = operations_of(needs.organ, needs.operations)
    asked = candidates(session, now, operations)
    needs = replace(needs, holidays=_holidays({one.calendar for one in asked}, needs))
    surgeons = rank(needs, asked)
    askable = Counter(one.candidate.centre_id for one in surgeons if not one.is_excluded)
    facts = centre_facts(session, askable, operations)
    decided = decided_needs(session, case.id)
    return CaseRanking(
        needs=needs,
        surgeons=surgeons,
        centres=rank_centres(needs, facts),
        called=_called(needs.calls, decided),
        set_aside=_set_aside(said, needs, decided),
        also=[one for one in decided if one.kind != "capability"],
        remarks=_remarks(needs, {one.name for one in facts}),
    )


def _holidays(countries: set[str], needs: CaseNeeds) -> dict[str, tuple[tuple[date, str], ...]]:
    """The holidays of each country from today until it is due."""
    until = needs.due_on or needs.today + timedelta(days=weights().scale.horizon_days)
    yesterday = needs.today - timedelta(days=1)
    return {one: tuple(_days_of(one).left_out(yesterday, until)) for one in countries if one}


@cache
def _days_of(country: str) -> BusinessDays:
    return BusinessDays(country, {})


def _called(calls: Sequence[Call], decided: Sequence[CaseNeed]) -> list[CalledFor]:
    """Each capability once: what this case calls for first, then what its cancer often does."""
    by_coordinator = {one.code: one for one in decided if one.kind == "capability" and one.wanted}
    found: list[CalledFor] = []
    for needed in (True, False):
        codes = dict.fromkeys(call.capability for call in calls if call.needed is needed)
        for code in codes:
            if any(one.code == code for one in found):
                continue
            callers = [call.called_by for call in calls if call.capability == code and call.needed]
            found.append(
                CalledFor(
                    code,
                    capability_words(code),
                    tuple(dict.fromkeys(callers)),
                    needed,
                    by_coordinator.get(code),
                )
            )
    return found


def _set_aside(said: CaseSaid, needs: CaseNeeds, decided: Sequence[CaseNeed]) -> list[CalledFor]:
    called = (*said.calls, *(Call(code, "", False) for code in _welcome(needs)))
    return [
        CalledFor(
            one.code,
            capability_words(one.code),
            tuple(
                dict.fromkeys(
                    call.called_by for call in called if call.capability == one.code and call.needed
                )
            ),
            any(call.capability == one.code and call.needed for call in called),
            one,
        )
        for one in decided
        if one.kind == "capability" and not one.wanted
    ]


def _welcome(needs: CaseNeeds) -> tuple[str, ...]:
    return cancer_of(needs.organ, needs.cancer).welcome


def _remarks(needs: CaseNeeds, centre_names: set[str]) -> tuple[str, ...]:
    if not needs.first_centre:
        return (
            "Nobody has said which centre gave the first verdict: only the hospital that asks is"
            " excluded. Enter it under Records, Request and consent.",
        )
    words = name_words(needs.first_centre)
    known = {name_words(name) for name in (*centre_names, needs.hospital_name)}
    if words in known:
        return ()
    return (
        f"“{needs.first_centre}” gave the first verdict and is none of the centres known here: it is"
        " compared by its name alone.",
    )
