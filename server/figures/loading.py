"""Reads the facts of many cases at once, as they are now or as they were known at a moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, select
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
from server.outcomes.queries import findings_that_count, outcomes_that_count
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
    outcomes = outcomes_that_count(session, case_ids, as_of)
    findings = findings_that_count(session, case_ids, as_of)
    return [
        CaseFacts(
            case_id=row.id,
            number=row.number,
            organ=row.organ,
            cancer=chosen(row.organ, row.cancer or "").id,
            hospital_id=row.hospital_id,
            country=row.country,
            calendar=row.calendar or row.country,
            tier=row.tier,
            state=_state(row.state, steps.get(row.id, []), as_of),
            opened_at=row.opened_at,
            steps=tuple(steps.get(row.id, ())),
            pauses=tuple(pauses.get(row.id, ())),
            local_category=local.get(row.id, NOT_STATED),
            opinion=opinions.get(row.id),
            outcome=outcomes.get(row.id),
            findings=findings.get(row.id),
        )
        for row in _cases(session, case_ids)
    ]


def _cases(session: Session, case_ids: Collection[str]) -> Iterable[Row[Any]]:
    # Columns, not records: of a hundred thousand cases making the records takes longest.
    return session.execute(
        select(
            Case.id,
            Case.number,
            Case.organ,
            Case.hospital_id,
            Case.calendar,
            Case.tier,
            Case.state,
            Case.opened_at,
            Hospital.country,
            CaseRequest.cancer,
        )
        .join(Hospital, Hospital.id == Case.hospital_id)
        .outerjoin(CaseRequest, CaseRequest.case_id == Case.id)
        .where(Case.id.in_(case_ids))
        .order_by(Case.number)
    )


def _state(now: str, steps: list[Step], as_of: datetime | None) -> str:
    return steps[-1].to_state if as_of is not None and steps else now


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
    rows = session.execute(
        select(
            CasePause.case_id,
            CasePause.begun_at,
            CasePause.ended_at,
            CasePause.waits_for,
            CasePause.cause,
        )
        .where(CasePause.case_id.in_(case_ids), *_until(CasePause.begun_at, as_of))
        .order_by(CasePause.case_id, CasePause.begun_at)
    )

    def known(ended: datetime | None) -> datetime | None:
        return None if ended is not None and as_of is not None and ended > as_of else ended

    return _gathered(
        (case_id, Pause(begun, known(ended), "", waits_for, cause))
        for case_id, begun, ended, waits_for, cause in rows
    )


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
        select(
            IssuedOpinion.case_id,
            IssuedOpinion.id,
            IssuedOpinion.requested_at,
            IssuedOpinion.content["categories"].label("findings"),
            Revision.signed_at,
            Revision.verdict,
            Revision.answers,
            Revision.schema_version,
            Annotation.reviewer_id,
            Panel.id.label("panel_id"),
        )
        .join(Revision, Revision.id == IssuedOpinion.revision_id)
        .join(Annotation, Annotation.id == Revision.annotation_id)
        .outerjoin(Panel, Panel.id == Annotation.reviewer_id)
        .where(IssuedOpinion.case_id.in_(case_ids), *_until(IssuedOpinion.requested_at, as_of))
        .order_by(Annotation.round.desc(), IssuedOpinion.requested_at)
    )
    found = {
        row.case_id: SignedOpinion(
            signed_at=row.signed_at or row.requested_at,
            verdict=row.verdict,
            answers=row.answers,
            schema_version=row.schema_version,
            reviewer_id=PANEL if row.panel_id else row.reviewer_id,
            findings=_codes(row.findings),
            issued_id=row.id,
        )
        for row in rows  # the last of a case stays
    }
    without = [case_id for case_id in case_ids if case_id not in found]
    return found | _signed_without_document(session, without, as_of)


def _signed_without_document(
    session: Session, case_ids: Collection[str], as_of: datetime | None
) -> dict[str, SignedOpinion]:
    """The same from signed revisions, for cases of which no document was issued. Votes do not count:
    the case must have come to its opinion."""
    if not case_ids:
        return {}
    came = select(CaseStep.id).where(
        CaseStep.case_id == Annotation.case_id,
        CaseStep.event == Event.OPINION_SIGNED,
        CaseStep.at >= Revision.signed_at,
    )
    rows = session.execute(
        select(
            Annotation.case_id,
            Annotation.reviewer_id,
            Revision.signed_at,
            Revision.verdict,
            Revision.answers,
            Revision.schema_version,
        )
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
        row.case_id: SignedOpinion(
            signed_at=row.signed_at,
            verdict=row.verdict,
            answers=row.answers,
            schema_version=row.schema_version,
            reviewer_id=row.reviewer_id,
            findings=(),
        )
        for row in rows
        if row.signed_at is not None
    }


def _codes(kept: object) -> tuple[str, ...]:
    """The findings in an opinion's content, which holds codes or objects with a `code`."""
    entries = kept if isinstance(kept, list) else []
    codes = [one.get("code") if isinstance(one, dict) else one for one in entries]
    return tuple(code for code in codes if isinstance(code, str))
