"""What became of the patient, as far as anybody knows."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, structs

from server.access.action import Action
from server.access.permissions import Account, Program
from server.cases.local_category import LOCAL_CATEGORIES, state_local_category
from server.foundation.errors import FieldProblem
from server.outcomes import actions, queries, value_sets
from server.outcomes.entered import LONGEST_NAME, LONGEST_NOTE, NAMES, read
from server.web.api.endpoint import Endpoint, Given, Sent
from server.web.api.fields import AT, DAY, Choice, Day, Line, Moment, Word, choices
from server.web.api.fitting import RequestRefused
from server.web.pages.outcome import judged_of
from server.web.visit import Visit

TAG = "Outcome"
Millilitres = Annotated[float, Meta(gt=0, le=100_000, description="In mL.")]


class OutcomeFields(Sent):
    """An outcome. Empty and null mean that it is not known, or does not apply."""

    course: Annotated[Word, Meta(description="operated, not_operated or pending")] = ""
    operated_on: Day | None = None
    place: Word = ""
    place_name: Annotated[str, Meta(max_length=LONGEST_NAME)] = ""
    operation: Word = ""
    resection_margin: Word = ""
    complication_grade: Word = ""
    converted: Word = ""
    conversion_therapy: Word = ""
    not_operated_reason: Word = ""
    vital_status: Word = ""
    vital_on: Day | None = None
    flr_after_ml: Millilitres | None = None
    flr_method: Word = ""
    flr_measured_on: Day | None = None
    next_update_on: Day | None = None
    note: Annotated[str, Meta(max_length=LONGEST_NOTE)] = ""


class OutcomeSent(OutcomeFields, kw_only=True):
    """The outcome as it is known now, whole. Earlier entries stay."""

    entry: Annotated[
        int, Meta(ge=0, le=1_000_000, description="The number of the entry that you saw, or 0.")
    ]


class OutcomeWords(Given):
    """What each field can say, for the organ of this case."""

    course: list[Choice]
    place: list[Choice]
    operation: list[Choice]
    resection_margin: list[Choice]
    complication_grade: list[Choice]
    converted: list[Choice]
    conversion_therapy: list[Choice]
    not_operated_reason: list[Choice]
    vital_status: list[Choice]
    flr_method: list[Choice]


class EntryRead(Given):
    """One entry of the outcome's history: who said when what otherwise than before."""

    entry: int
    entered_at: Moment
    entered_by: Line
    entered_as: Annotated[str, Meta(description="coordinator or hospital")]
    changed: Annotated[list[str], Meta(description="The fields that it changed.")]


class OutcomeRead(Given):
    """The outcome as it stands, and the words that it is told in."""

    entry: Annotated[
        int, Meta(description="The number of the newest entry; 0 where there is none.")
    ]
    outcome: OutcomeFields
    words: OutcomeWords
    history: Annotated[list[EntryRead], Meta(description="Every entry, the oldest first.")]


class VerdictsRead(Given):
    """What the local verdict comes to beside the second opinion's, and what kinds of finding it was."""

    local_category: Word
    verdict: Annotated[Word, Meta(description="Of the signed opinion; empty before it.")]
    change: Annotated[str, Meta(description="What the two come to, in words; empty before both.")]
    findings: list[str]
    chosen: Annotated[int, Meta(description="How often findings were chosen; 0: suggested only.")]
    local_categories: list[Choice]
    finding_kinds: list[Choice]


class VerdictsSent(Sent):
    """What the local verdict comes to, and which kinds of finding the opinion was."""

    local_category: Annotated[Word, Meta(description=f"One of {', '.join(LOCAL_CATEGORIES)}.")]
    findings: Annotated[
        list[Word], Meta(max_length=len(value_sets.FINDINGS), description="None is an answer too.")
    ]
    chosen: Annotated[int, Meta(ge=0, le=1_000_000, description="`chosen` as you saw it.")]


def read_outcome(visit: Visit) -> OutcomeRead:
    """The outcome as it stands."""
    entries = queries.outcome_entries(visit.session, visit.case.id)
    outcome = queries.outcome_of(entries)
    return OutcomeRead(
        entry=len(entries),
        outcome=OutcomeFields(**{name: getattr(outcome, name) for name in NAMES}),
        words=OutcomeWords(
            course=choices(value_sets.COURSES),
            place=choices(value_sets.PLACES),
            operation=choices(value_sets.operations(visit.case.organ)),
            resection_margin=choices(value_sets.RESECTION_MARGINS),
            complication_grade=choices(value_sets.COMPLICATION_GRADES),
            converted=choices(value_sets.CONVERTED),
            conversion_therapy=choices(value_sets.CONVERSION_THERAPIES),
            not_operated_reason=choices(value_sets.NOT_OPERATED_REASONS),
            vital_status=choices(value_sets.VITAL_STATUSES),
            flr_method=choices(value_sets.FLR_METHODS),
        ),
        history=[
            EntryRead(
                entry=one.number,
                entered_at=one.entered_at,
                entered_by=one.entered_by,
                entered_as=one.entered_as,
                changed=[change.name for change in queries.corrections(before, one)],
            )
            for before, one in zip([None, *entries], entries, strict=False)
        ],
    )


def enter_outcome(visit: Visit, body: OutcomeSent) -> OutcomeRead:
    """Keep what is known now as a new entry."""
    sent = {name: value for name, value in structs.asdict(body).items() if name in NAMES}
    texts = {name: "" if value is None else str(value) for name, value in sent.items()}
    outcome, problems = read(texts, visit.case.organ)
    # A form sends what does not apply and it is passed over; from a program it is a mistake.
    problems += [
        FieldProblem(f"/{name}", "This does not go with the course that is said.")
        for name, text in texts.items()
        if text and not getattr(outcome, name) and f"/{name}" not in {p.pointer for p in problems}
    ]
    if problems:
        raise RequestRefused("The outcome was not kept.", problems)
    actor = visit.actor
    is_hospitals = isinstance(actor, Program) and actor.hospital_id is not None
    entry = actions.enter_outcome(
        visit.session,
        visit.case,
        outcome,
        seen_number=body.entry,
        by=visit.actor.text,
        entered_as="coordinator"
        if isinstance(actor, Account) or (isinstance(actor, Program) and not is_hospitals)
        else "hospital",
        now=visit.now,
    )
    visit.note(entry=entry.number, course=entry.course)
    return read_outcome(visit)


def read_verdicts(visit: Visit) -> VerdictsRead:
    """Both verdicts and what they come to."""
    judged = judged_of(visit)
    return VerdictsRead(
        local_category=judged.category,
        verdict=judged.verdict,
        change=judged.change,
        findings=list(judged.findings),
        chosen=judged.findings_number,
        local_categories=choices(LOCAL_CATEGORIES),
        finding_kinds=choices(value_sets.FINDINGS),
    )


def judge(visit: Visit, body: VerdictsSent) -> VerdictsRead:
    """Keep what the local verdict comes to, and what kinds of finding the opinion was."""
    state_local_category(
        visit.session, visit.case, body.local_category, by=visit.actor.text, now=visit.now
    )
    actions.choose_findings(
        visit.session,
        visit.case,
        body.findings,
        seen_number=body.chosen,
        by=visit.actor.text,
        now=visit.now,
    )
    visit.note(local_category=body.local_category)
    return read_verdicts(visit)


_OPERATED = OutcomeFields(
    course="operated",
    operated_on=DAY,
    place="reviewing_centre",
    operation="pancreatoduodenectomy",
    resection_margin="R0",
    complication_grade="II",
    vital_status="alive",
    vital_on=DAY,
)
_NONE: list[Choice] = []
_OUTCOME = OutcomeRead(
    entry=1,
    outcome=_OPERATED,
    words=OutcomeWords(
        course=choices(value_sets.COURSES), place=_NONE, operation=_NONE, resection_margin=_NONE,
        complication_grade=_NONE, converted=_NONE, conversion_therapy=_NONE,
        not_operated_reason=_NONE, vital_status=_NONE, flr_method=_NONE,
    ),
    history=[
        EntryRead(
            entry=1, entered_at=AT, entered_by="program 3f2b8c1d PACS bridge",
            entered_as="hospital", changed=["course", "operated_on"],
        )
    ],
)  # fmt: skip
_JUDGED = VerdictsRead(
    local_category="unresectable", verdict="resectable",
    change="From unresectable to resectable", findings=list(value_sets.FINDINGS)[:1], chosen=1,
    local_categories=choices(LOCAL_CATEGORIES), finding_kinds=choices(value_sets.FINDINGS),
)  # fmt: skip
_VERDICTS = "/cases/<number>/outcome/verdicts"

ENDPOINTS = (
    Endpoint(
        "GET", "/cases/<number>/outcome", read_outcome, Action.OUTCOME_READ, TAG,
        "What became of the patient", OutcomeRead, _OUTCOME,
    ),
    Endpoint(
        "PUT", "/cases/<number>/outcome", enter_outcome, Action.OUTCOME_ENTER, TAG,
        "Say what became of the patient", OutcomeRead, _OUTCOME,
        body=OutcomeSent, sent=OutcomeSent(**structs.asdict(_OPERATED), entry=0),
        refusals=("outcome_changed_meanwhile",),
    ),
    Endpoint(
        "GET", _VERDICTS, read_verdicts, Action.OUTCOME_JUDGE, TAG,
        "What both verdicts come to", VerdictsRead, _JUDGED,
    ),
    Endpoint(
        "PUT", _VERDICTS, judge, Action.OUTCOME_JUDGE, TAG, "Judge both verdicts",
        VerdictsRead, _JUDGED,
        body=VerdictsSent,
        sent=VerdictsSent(local_category="unresectable", findings=_JUDGED.findings, chosen=0),
        refusals=("outcome_changed_meanwhile",),
    ),
)  # fmt: skip
