"""Reads the facts of many cases at once, as they are now or as they were known at a moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from server.annotations.records import Annotation, Revision
from server.cases.clocks.pauses import Pause
from server.cases.clocks.records import CasePause, CaseStep
from server.cases.clocks.stages import Step
from server.cases.lifecycle import Event
from server.cases.local_category import NOT_STATED
from server.cases.records import Case, LocalCategoryEntry
from server.dossier.checklist import chosen
from server.dossier.records import CaseRequest
from server.figures.facts import PANEL, CaseFacts, SignedOpinion
from server.opinions.records import IssuedOpinion
from server.outcomes.queries import findings_of, outcome_in, outcomes_of
from server.panel.records import Panel
from server.people.records import Hospital

T = TypeVar("T")


def facts_of(
    session: Session, case_ids: Collection[str], as_of: datetime | None = None
) -> list[CaseFacts]:
    """The facts of these cases by case number; with `as_of`, without what was not known then.

    What a case never keeps a history of (its organ, hospital, kind of cancer, tier) is as it is now.
    """
    steps = _steps(session, case_ids, as_of)
    pauses = _pauses(session, case_ids, as_of)
    local = _local_categories(session, case_ids, as_of)
    opinions = _opinions(session, case_ids, as_of)
    outcomes = outcomes_of(session, case_ids, as_of)
    findings = findings_of(session, case_ids, as_of)
    rows = session.execute(
        select(Case, Hospital.country, CaseRequest.cancer)
        .join(Hospital, Hospital.id == Case.hospital_id)
        .outerjoin(CaseRequest, CaseRequest.case_id == Case.id)
        .where(Case.id.in_(case_ids))
        .order_by(Case.number)
    )
    return [
        CaseFacts(
            case_id=case.id,
            number=case.number,
            organ=case.organ,
            cancer=chosen(case.organ, cancer or "").id,
            hospital_id=case.hospital_id,
            country=country,
            calendar=case.calendar or country,
            tier=case.tier,
            state=_state(case, steps.get(case.id, []), as_of),
            opened_at=case.opened_at,
            steps=tuple(steps.get(case.id, ())),
            pauses=tuple(pauses.get(case.id, ())),
            local_category=local.get(case.id, NOT_STATED),
            opinion=opinions.get(case.id),
            outcome=outcome_in(outcomes[case.id][-1]) if case.id in outcomes else None,
            findings=tuple(findings[case.id][-1].categories) if case.id in findings else None,
        )
        for case, country, cancer in rows
    ]


def _state(case: Case, steps: list[Step], as_of: datetime | None) -> str:
    return steps[-1].to_state if as_of is not None and steps else case.state


def _gathered(pairs: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for case_id, one in pairs:
        found.setdefault(case_id, []).append(one)
    return found


def _until(moment: Any, as_of: datetime | None) -> list[ColumnElement[bool]]:
    return [] if as_of is None else [moment <= as_of]


def _steps(
    session: Session, case_ids: Collection[str], as_of: datetime | None
) -> dict[str, list[Step]]:
    rows = session.execute(
        select(CaseStep.case_id, CaseStep.at, CaseStep.to_state, CaseStep.event)
        .where(CaseStep.case_id.in_(case_ids), *_until(CaseStep.at, as_of))
        .order_by(CaseStep.case_id, CaseStep.at, CaseStep.id)
    )
    return _gathered((case_id, Step(at, to, event)) for case_id, at, to, event in rows)


def _pauses(
    session: Session, case_ids: Collection[str], as_of: datetime | None
) -> dict[str, list[Pause]]:
    rows = session.scalars(
        select(CasePause)
        .where(CasePause.case_id.in_(case_ids), *_until(CasePause.begun_at, as_of))
        .order_by(CasePause.case_id, CasePause.begun_at)
    )

    def known(row: CasePause) -> Pause:
        ended = row.ended_at
        if ended is not None and as_of is not None and ended > as_of:
            ended = None
        return Pause(row.begun_at, ended, "", row.waits_for, row.cause)

    return _gathered((row.case_id, known(row)) for row in rows)


def _local_categories(
    session: Session, case_ids: Collection[str], as_of: datetime | None
) -> dict[str, str]:
    rows = session.execute(
        select(LocalCategoryEntry.case_id, LocalCategoryEntry.category)
        .where(LocalCategoryEntry.case_id.in_(case_ids), *_until(LocalCategoryEntry.set_at, as_of))
        .order_by(LocalCategoryEntry.number)
    )
    return {case_id: category for case_id, category in rows}  # noqa: C416 - the last one stays


def _opinions(
    session: Session, case_ids: Collection[str], as_of: datetime | None
) -> dict[str, SignedOpinion]:
    """Of each case the last opinion of its first round."""
    rows = session.execute(
        select(IssuedOpinion, Revision, Annotation.reviewer_id, Panel.id)
        .join(Revision, Revision.id == IssuedOpinion.revision_id)
        .join(Annotation, Annotation.id == Revision.annotation_id)
        .outerjoin(Panel, Panel.id == Annotation.reviewer_id)
        .where(IssuedOpinion.case_id.in_(case_ids), *_until(IssuedOpinion.requested_at, as_of))
        .order_by(Annotation.round.desc(), IssuedOpinion.requested_at)
    )
    found = _signed_without_document(session, case_ids, as_of)
    for issued, revision, reviewer_id, panel_id in rows:
        found[issued.case_id] = SignedOpinion(
            signed_at=revision.signed_at or issued.requested_at,
            verdict=revision.verdict,
            answers=revision.answers,
            schema_version=revision.schema_version,
            reviewer_id=PANEL if panel_id else reviewer_id,
            findings=_codes(issued.content.get("categories")),
            issued_id=issued.id,
        )
    return found


def _signed_without_document(
    session: Session, case_ids: Collection[str], as_of: datetime | None
) -> dict[str, SignedOpinion]:
    """The same from signed revisions, for cases of which no document was issued. Votes do not count:
    the case must have come to its opinion."""
    came = select(CaseStep.id).where(
        CaseStep.case_id == Annotation.case_id,
        CaseStep.event == Event.OPINION_SIGNED,
        CaseStep.at >= Revision.signed_at,
    )
    rows = session.execute(
        select(Annotation.case_id, Annotation.reviewer_id, Revision)
        .join(Revision, Revision.annotation_id == Annotation.id)
        .where(
            Annotation.case_id.in_(case_ids),
            Revision.signed_at.is_not(None),
            *_until(Revision.signed_at, as_of),
            came.exists(),
        )
        .order_by(Annotation.round.desc(), Revision.signed_at)
    )
    return {
        case_id: SignedOpinion(
            signed_at=revision.signed_at,
            verdict=revision.verdict,
            answers=revision.answers,
            schema_version=revision.schema_version,
            reviewer_id=reviewer_id,
            findings=(),
        )
        for case_id, reviewer_id, revision in rows
        if revision.signed_at is not None
    }


def _codes(kept: object) -> tuple[str, ...]:
    """The findings in an opinion's content, which holds codes or objects with a `code`."""
    entries = kept if isinstance(kept, list) else []
    codes = [one.get("code") if isinstance(one, dict) else one for one in entries]
    return tuple(code for code in codes if isinstance(code, str))
