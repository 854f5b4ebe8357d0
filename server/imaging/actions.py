"""Keeping what was found about the imaging of a case, and what people say about it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from server.cases import actions as case_actions
from server.cases.lifecycle import State
from server.cases.records import Case
from server.foundation import jobs
from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.imaging import letter
from server.imaging.facts import SeriesFacts
from server.imaging.phase import Phase
from server.imaging.queries import (
    CaseImaging,
    FindingNotThere,
    finding_to_json,
    imaging_of,
    returns_of_case,
    series_rows,
    valid_waivers,
)
from server.imaging.records import (
    AssessedSeries,
    FindingWaiver,
    HospitalReturn,
    ImagingAssessment,
)
from server.imaging.stored import to_json
from server.imaging.submission import NOT_GIVEN, BodySize

ASSESS_IMAGING = "assess_imaging"
LONGEST_REASON = 2000


class NothingToReturn(Invalid):
    """Nobody said what the hospital is to do."""


class WaivedAlready(Conflict):
    """Somebody waived the finding before."""


@dataclass(frozen=True)
class Assessed:
    """One series: its facts, the state in which the archive held it, whether its pixels were seen."""

    facts: SeriesFacts
    mark: str
    looked_at: bool


def ask_for_assessment(session: Session, case_id: str, *, mark: str, now: datetime) -> None:
    """Have the imaging of a case assessed. `mark` says what changed: the same is asked once.

    One that is done is done again: it costs little when nothing has changed.
    """
    job = jobs.enqueue(
        session,
        ASSESS_IMAGING,
        {"case_id": case_id},
        key=f"{ASSESS_IMAGING} {case_id} {mark}"[:200],
        now=now,
    )
    jobs.urge(job, now, urgency=0)


def note_assessment(
    session: Session,
    case: Case,
    series: Sequence[Assessed],
    *,
    whole: bool,
    now: datetime,
    given: BodySize = NOT_GIVEN,
) -> CaseImaging:
    """Keep the facts of all series of the case instead of those known before, and judge them."""
    known = {row.SeriesInstanceUID: row for row in series_rows(session, case.id)}
    for one in series:
        uid = one.facts.SeriesInstanceUID
        row = known.pop(uid, None)
        if row is None:
            row = AssessedSeries(case_id=case.id, SeriesInstanceUID=uid, phase_by_person="")
            session.add(row)
        row.StudyInstanceUID, row.mark = one.facts.StudyInstanceUID, one.mark
        row.facts, row.looked_at = to_json(one.facts), one.looked_at
    for gone in known.values():
        session.delete(gone)
    kept = session.get(ImagingAssessment, case.id)
    if kept is None:
        kept = ImagingAssessment(case_id=case.id, on=now.date(), assessed_at=now)
        kept.protocol = kept.protocol_version = kept.verdict = ""
        kept.findings = []
        session.add(kept)
    kept.state = "whole" if whole else "headers"
    session.flush()
    return judge(session, case, now, given)


def judge(session: Session, case: Case, now: datetime, given: BodySize = NOT_GIVEN) -> CaseImaging:
    """Make the findings anew from what is kept, and tick off what the hospital has mended.

    `given` is the patient's size as the records of the case hold it.

    Raises FindingNotThere before anything was assessed.
    """
    found = imaging_of(session, case.id, case.organ, now.date(), given)
    kept = session.get(ImagingAssessment, case.id)
    if found is None or kept is None:
        raise FindingNotThere("The imaging of this case was not assessed yet.")
    kept.protocol = found.assessment.protocol.id
    kept.protocol_version = found.assessment.protocol.version
    kept.verdict = found.verdict.value
    kept.findings = [finding_to_json(one) for one in found.assessment.findings]
    kept.on, kept.assessed_at = now.date(), now
    if kept.state == "whole":
        _tick(session, case.id, {one.id for one in found.open_findings}, now)
    session.flush()
    return found


def _tick(session: Session, case_id: str, open_ids: Collection[str], now: datetime) -> None:
    """What is found no more is done; what is found again is open again."""
    for sent in returns_of_case(session, case_id):
        items = [
            {**item, "done_at": item.get("done_at") or now.isoformat()}
            if item["id"] not in open_ids
            else {**item, "done_at": None}
            for item in sent.items
        ]
        _settle(sent, items, now)


def _settle(sent: HospitalReturn, items: list[dict[str, object]], now: datetime) -> None:
    if items != sent.items:
        sent.items = items
    settled = all(item.get("done_at") or item.get("answer") for item in items)
    if settled and sent.answered_at is None:
        sent.answered_at = now
    elif not settled:
        sent.answered_at = None


def set_phase(
    session: Session,
    case: Case,
    row: AssessedSeries,
    phase: Phase | None,
    *,
    by: str,
    now: datetime,
    given: BodySize = NOT_GIVEN,
) -> CaseImaging:
    """A person says which phase a series is; None takes that back."""
    row.phase_by_person = phase.value if phase is not None else ""
    row.phase_set_by, row.phase_set_at = by, now
    session.flush()
    return judge(session, case, now, given)


def waive(
    session: Session,
    case: Case,
    key: str,
    *,
    reason: str,
    by: str,
    now: datetime,
    given: BodySize = NOT_GIVEN,
) -> FindingWaiver:
    """A person says that a finding does not count, and why; raises Invalid without a reason,
    FindingNotThere, WaivedAlready.
    """
    if not reason.strip():
        raise Invalid(
            "The finding still counts.",
            [FieldProblem("/reason", "Say why this finding does not count for this case.")],
        )
    found = imaging_of(session, case.id, case.organ, now.date(), given)
    if found is None:
        raise FindingNotThere("The imaging of this case was not assessed yet.")
    finding = found.finding(key)
    if key in found.waivers:
        raise WaivedAlready("This finding was waived already.", remedy="Reload the case.")
    waiver = FindingWaiver(
        case_id=case.id,
        finding_key=key,
        finding_id=finding.id,
        reason=reason.strip()[:LONGEST_REASON],
        waived_by=by,
        waived_at=now,
    )
    session.add(waiver)
    session.flush()
    judge(session, case, now, given)
    return waiver


def let_count(
    session: Session,
    case: Case,
    key: str,
    *,
    by: str,
    now: datetime,
    given: BodySize = NOT_GIVEN,
) -> None:
    """A waived finding counts again; raises FindingNotThere when it was not waived."""
    waiver = valid_waivers(session, case.id).get(key)
    if waiver is None:
        raise FindingNotThere("This finding is not waived.", remedy="Reload the case.")
    waiver.withdrawn_by, waiver.withdrawn_at = by, now
    session.flush()
    judge(session, case, now, given)


def return_to_hospital(
    session: Session,
    case: Case,
    keys: Collection[str],
    *,
    language: str,
    note: str,
    by: str,
    seen_version: int,
    now: datetime,
    given: BodySize = NOT_GIVEN,
) -> HospitalReturn:
    """Ask the hospital to mend these findings, and stop the clock until it answers.

    Raises NothingToReturn, FindingNotThere, LanguageNotKnown, and what holding the case raises.
    """
    if not keys:
        raise NothingToReturn(
            "Nothing was sent.",
            [FieldProblem("/findings", "Choose at least one point for the hospital.")],
        )
    found = imaging_of(session, case.id, case.organ, now.date(), given)
    if found is None:
        raise FindingNotThere("The imaging of this case was not assessed yet.")
    chosen = [found.finding(key) for key in keys]
    text = letter.text_of(case.number, chosen, language, now.date(), note)
    if State(case.state) is not State.ON_HOLD:
        case_actions.hold(
            session,
            case,
            reason=f"Returned to the hospital about the imaging ({len(chosen)} to answer). "
            "The hospital must act.",
            seen_version=seen_version,
            now=now,
            by=by,
            waits_for="hospital",
        )
    sent = HospitalReturn(
        case_id=case.id,
        language=language,
        protocol=found.assessment.protocol.id,
        note=note.strip()[:LONGEST_REASON],
        message=text,
        items=[finding_to_json(one) for one in chosen],
        sent_by=by,
        sent_at=now,
    )
    session.add(sent)
    session.flush()
    return sent


def answer_item(
    session: Session, sent: HospitalReturn, key: str, *, answer: str, now: datetime
) -> None:
    """The hospital says why an item cannot be had; raises Invalid without words, FindingNotThere."""
    if not answer.strip():
        raise Invalid("Nothing was noted.", [FieldProblem("/answer", "Say why it cannot be sent.")])
    if key not in [item["key"] for item in sent.items]:
        raise FindingNotThere("This point was not asked for.", remedy="Reload the page.")
    items = [
        {**item, "answer": answer.strip()[:LONGEST_REASON], "answered_at": now.isoformat()}
        if item["key"] == key
        else item
        for item in sent.items
    ]
    _settle(sent, items, now)
    session.flush()
