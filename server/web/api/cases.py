"""Cases: open one, find some, read one, and let happen what a coordinator may let happen."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from server.access.action import Action
from server.access.permissions import Account, Program
from server.annotations.organs import ORGANS
from server.cases import actions
from server.cases.accession import accession_numbers, written_as_list
from server.cases.clocks.pauses import WHO
from server.cases.clocks.tiers import default_tier
from server.cases.clocks.timekeeping import agree_tier
from server.cases.lifecycle import LABELS, Event, State
from server.cases.paged import Wanted, cases_page
from server.cases.records import Case
from server.foundation.errors import FieldProblem
from server.people.queries import HospitalNotFound, hospital
from server.people.records import Hospital
from server.web import telling
from server.web.api import paging
from server.web.api.endpoint import BASE, Endpoint, Given, Sent
from server.web.api.fields import (
    AN_ID,
    AT,
    DAY,
    NUMBER,
    After,
    Day,
    Done,
    Href,
    Id,
    Limit,
    Line,
    Moment,
    Next,
    Number,
    Said,
    Text,
    Version,
    Word,
)
from server.web.api.fitting import RequestRefused
from server.web.api.scope import hospitals_of
from server.web.pages.steps import let_happen
from server.web.pages.visits import what_happens_next
from server.web.visit import Visit

TAG = "Cases"
MOST_ACCESSION_NUMBERS = 20
# One DICOM SH has 16 characters (PS3.5 6.2); what is longer could never match an image.
AccessionNumber = Annotated[str, Meta(min_length=1, max_length=16, pattern=r"^[^\s,;\\]+$")]
AccessionNumbers = Annotated[
    list[AccessionNumber],
    Meta(
        max_length=MOST_ACCESSION_NUMBERS,
        description="Accession numbers (0008,0050) under which images of the case will come: by "
        "these they find the case by themselves. They may have 64 characters together.",
    ),
]


class HospitalNamed(Given):
    """A hospital, by its id and name."""

    id: Id
    name: Line


class CaseSummary(Given):
    """A case in a list."""

    href: Href
    number: Number
    organ: Word
    hospital: HospitalNamed
    state: Annotated[State, Meta(description="Where the case stands.")]
    state_label: Annotated[str, Meta(description="The same in words.")]
    version: int
    opened_at: Moment
    due_on: Annotated[Day | None, Meta(description="The day promised; null while no clock runs.")]


class CaseRead(CaseSummary):
    """Everything that was said of a case when it was opened, and where it stands."""

    question: Text
    local_verdict: Text
    local_verdict_reason: Text
    accession_numbers: list[str]
    records_complete_at: Moment | None
    held_reason: Annotated[str, Meta(description="Why it is on hold or was withdrawn, or empty.")]
    next: Annotated[str, Meta(description="What happens next, in a sentence for the hospital.")]


class CasesPage(Given):
    """Some cases, the newest first."""

    cases: list[CaseSummary]
    next: Next


class CaseToOpen(Sent):
    """A case that is to be opened. No patient is named: the images say whose case it is."""

    organ: Annotated[str, Meta(description="One of `organs` of the vocabulary.")]
    question: Annotated[Said, Meta(description="The question that the surgeon is to answer.")]
    hospital_id: Annotated[
        Id | UnsetType,
        Meta(description="Which hospital asks; a hospital's key leaves it out."),
    ] = UNSET
    local_verdict: Annotated[Text, Meta(description="What the local team concluded.")] = ""
    local_verdict_reason: Text = ""
    accession_numbers: AccessionNumbers = []  # noqa: RUF012 - msgspec copies it for each value
    tier: Annotated[
        Word | UnsetType, Meta(description="What is promised; one of `tiers` of the clock.")
    ] = UNSET


class CaseFilters(Sent):
    """Which cases are wanted. What is left out is not asked."""

    state: Annotated[
        list[State] | None, Meta(description="One state, or several by naming it again.")
    ] = None
    organ: Word | None = None
    hospital_id: Id | None = None
    accession_number: Word | None = None
    opened_from: Annotated[Moment | None, Meta(description="Opened at this moment or later.")] = (
        None
    )
    opened_before: Moment | None = None
    due_until: Annotated[
        Day | None,
        Meta(description="Promised for this day or an earlier one, whether answered or not."),
    ] = None
    limit: Limit = paging.USUAL
    after: After | None = None


class Step(StrEnum):
    """What a coordinator can let happen."""

    RECORDS_COMPLETE = Event.RECORDS_COMPLETE.value
    RECORDS_WANTED = Event.RECORDS_WANTED.value
    HOLD = Event.HOLD.value
    RESUME = Event.RESUME.value
    SURGEON_WITHDRAWN = Event.SURGEON_WITHDRAWN.value
    CLOSE = Event.CLOSE.value
    WITHDRAW = Event.WITHDRAW.value


class StepToTake(Sent):
    """A step on the way of a case."""

    step: Step
    version: Version
    reason: Annotated[
        Text,
        Meta(
            description="Needed for hold and withdraw, and for records_complete while something "
            "required is missing."
        ),
    ] = ""
    waits_for: Annotated[
        Word, Meta(description=f"Who must act while it is held: {', '.join(WHO)}.")
    ] = "coordinator"


class AccessionsToExpect(Sent):
    """The accession numbers from now on, instead of those before."""

    accession_numbers: AccessionNumbers


def list_cases(visit: Visit, query: CaseFilters) -> CasesPage:
    """The cases that the asker may see, a page at a time."""
    actor = visit.actor
    is_surgeon = isinstance(actor, Account) and actor.role == "surgeon"
    case_ids = actor.case_ids if isinstance(actor, Account) and is_surgeon else None
    found = cases_page(
        visit.session,
        Wanted(
            hospital_ids=hospitals_of(visit),
            case_ids=case_ids,
            states=[one.value for one in query.state] if query.state is not None else None,
            organ=query.organ,
            hospital_id=query.hospital_id,
            accession_number=query.accession_number,
            opened_from=query.opened_from,
            opened_before=query.opened_before,
            due_until=query.due_until,
        ),
        after=paging.place_of(query.after) if query.after is not None else None,
        limit=query.limit + 1,
    )
    shown = found[: query.limit]
    more = len(found) > query.limit
    return CasesPage(
        cases=[CaseSummary(**_summary(case)) for case in shown],
        next=paging.mark_of(shown[-1].opened_at, shown[-1].id) if more else None,
    )


def open_case(visit: Visit, body: CaseToOpen) -> CaseRead:
    """Open a case for the key's own hospital, or for one in the account's care."""
    if body.organ not in ORGANS:
        known = ", ".join(ORGANS)
        raise RequestRefused(
            "The case was not opened.", [FieldProblem("/organ", f"An organ is one of: {known}.")]
        )
    case = actions.open_case(
        visit.session,
        organ=body.organ,
        hospital=_asking(visit, body.hospital_id),
        question=body.question,
        local_verdict=body.local_verdict,
        local_verdict_reason=body.local_verdict_reason,
        accession_number=_written(body.accession_numbers),
        opened_by=visit.actor.text,
        now=visit.now,
    )
    agree_tier(visit.session, case, body.tier or default_tier(), visit.now)
    telling.opened(visit, case)
    visit.note(case_number=case.number)
    return case_read(case)


def _asking(visit: Visit, hospital_id: str | UnsetType) -> Hospital:
    """The hospital that asks; raises RequestRefused for one that is not the asker's to speak for."""
    actor, own = visit.actor, hospitals_of(visit)
    if isinstance(actor, Program) and actor.hospital_id is not None:
        hospital_id = hospital_id or actor.hospital_id
    wanted = FieldProblem("/hospital_id", "Name a hospital for which you may open cases.")
    if not hospital_id or (own is not None and hospital_id not in own):
        raise RequestRefused("The case was not opened.", [wanted])
    try:
        return hospital(visit.session, hospital_id)
    except HospitalNotFound as error:
        raise RequestRefused("The case was not opened.", [wanted]) from error


def _written(numbers: list[str]) -> str:
    text = written_as_list(", ".join(numbers))
    if len(text) > Case.accession_number.type.length:
        wanted = "These have more than 64 characters together; send the first and expect the rest."
        raise RequestRefused("Nothing was done.", [FieldProblem("/accession_numbers", wanted)])
    return text


def read_case(visit: Visit) -> CaseRead:
    """One case."""
    return case_read(visit.case)


def take_step(visit: Visit, body: StepToTake) -> Done:
    """Let something happen to the case; one of two at once wins."""
    reason = body.reason.strip()
    let_happen(visit, Event(body.step.value), reason, body.version, body.waits_for)
    visit.note(event=body.step.value, **({"why": reason} if reason else {}))
    return done(visit.case)


def expect_accessions(visit: Visit, body: AccessionsToExpect) -> CaseRead:
    """Say under which accession numbers the images of the case will come."""
    case = visit.case
    case.accession_number = _written(body.accession_numbers)
    actions.expect_accessions(visit.session, case)
    return case_read(case)


def done(case: Case) -> Done:
    """What every change of a case's state answers."""
    return Done(number=case.number, state=case.state, version=case.version)


def case_read(case: Case) -> CaseRead:
    """A case as the API shows it."""
    return CaseRead(
        **_summary(case),
        question=case.question,
        local_verdict=case.local_verdict,
        local_verdict_reason=case.local_verdict_reason,
        accession_numbers=sorted(accession_numbers(case.accession_number)),
        records_complete_at=case.records_complete_at,
        held_reason=case.held_reason,
        next=what_happens_next(case, can_send=False),
    )


def _summary(case: Case) -> dict[str, Any]:
    return {
        "href": f"{BASE}/cases/{case.number}",
        "number": case.number,
        "organ": case.organ,
        "hospital": HospitalNamed(id=case.hospital_id, name=case.hospital.name),
        "state": State(case.state),
        "state_label": LABELS[State(case.state)],
        "version": case.version,
        "opened_at": case.opened_at,
        "due_on": case.due_on,
    }


_SHOWN: dict[str, Any] = {
    "href": f"{BASE}/cases/{NUMBER}",
    "number": NUMBER,
    "organ": "pancreas",
    "hospital": HospitalNamed(id=AN_ID, name="Riverside General"),
    "state": State.OPEN,
    "state_label": LABELS[State.OPEN],
    "version": 1,
    "opened_at": AT,
    "due_on": DAY,
}
_SUMMARY = CaseSummary(**_SHOWN)
_CASE = CaseRead(
    **_SHOWN,
    question="Can the tumour be resected after four cycles of FOLFIRINOX?",
    local_verdict="Unresectable",
    local_verdict_reason="Contact with the superior mesenteric artery of more than 180°.",
    accession_numbers=["CT2026-1187"],
    records_complete_at=None,
    held_reason="",
    next="The coordinator checks them and starts the clock.",
)
_TO_OPEN = CaseToOpen(
    organ="pancreas",
    question=_CASE.question,
    local_verdict=_CASE.local_verdict,
    local_verdict_reason=_CASE.local_verdict_reason,
    accession_numbers=["CT2026-1187"],
)
_MOVED = Done(number=NUMBER, state="on_hold", version=6)

ENDPOINTS = (
    Endpoint(
        "GET", "/cases", list_cases, Action.WORKLIST_READ, TAG,
        "List cases", CasesPage, CasesPage(cases=[_SUMMARY], next=None), query=CaseFilters,
    ),
    Endpoint(
        "POST", "/cases", open_case, Action.CASE_OPEN, TAG,
        "Open a case", CaseRead, _CASE, body=CaseToOpen, sent=_TO_OPEN, status=201, creates=True,
    ),
    Endpoint(
        "GET", "/cases/<number>", read_case, Action.CASE_READ, TAG,
        "Read a case", CaseRead, _CASE,
    ),
    Endpoint(
        "POST", "/cases/<number>/steps", take_step, Action.CASE_ADVANCE, TAG,
        "Let something happen to a case", Done, _MOVED,
        body=StepToTake,
        sent=StepToTake(step=Step.HOLD, version=5, reason="The hospital repeats the CT."),
        creates=True,
        refusals=("case_changed_meanwhile", "event_not_possible", "records_not_complete"),
    ),
    Endpoint(
        "PUT", "/cases/<number>/accession-numbers", expect_accessions, Action.RECORDS_FILL, TAG,
        "Say under which accession numbers images will come", CaseRead, _CASE,
        body=AccessionsToExpect,
        sent=AccessionsToExpect(accession_numbers=["CT2026-1187", "MR2026-0310"]),
    ),
)  # fmt: skip
