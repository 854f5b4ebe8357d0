"""How the records of many cases stand, read together: a worklist asks for a page of them at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from server.cases.records import Case
from server.dossier.checklist import chosen
from server.dossier.completeness import (
    Completeness,
    ConsentFacts,
    Decision,
    Facts,
    Standing,
    completeness,
)
from server.dossier.custody import Step
from server.dossier.entries import EntryKind
from server.dossier.records import (
    CaseRequest,
    DocumentFacts,
    ItemDecision,
    PatientConsent,
    RecordedValue,
    RecordEntry,
    Specimen,
)
from server.dossier.value_sets import OPERATIONS


def standings(session: Session, cases: Sequence[Case]) -> dict[str, Completeness]:
    """How the records of each case stand against its checklist, by the case's id."""
    kept = _Kept(session, [case.id for case in cases])
    return {case.id: _standing(case, kept) for case in cases}


class _Kept:
    """Everything that is kept of some cases' records, by the case's id."""

    def __init__(self, session: Session, ids: Sequence[str]) -> None:
        self._session = session
        self.requests = {
            one.case_id: one for one in self._of(CaseRequest, ids, select(CaseRequest))
        }
        self.documents = self._grouped(DocumentFacts, ids, select(DocumentFacts))
        stands = select(RecordedValue).where(RecordedValue.withdrawn_at.is_(None))
        self.values = self._grouped(RecordedValue, ids, stands)
        lines = select(RecordEntry).where(RecordEntry.withdrawn_at.is_(None))
        self.lines = self._grouped(RecordEntry, ids, lines)
        specimens = select(Specimen).options(selectinload(Specimen.events))
        self.specimens = self._grouped(Specimen, ids, specimens)
        self.decisions = self._grouped(ItemDecision, ids, select(ItemDecision))
        newest = select(PatientConsent).order_by(
            PatientConsent.recorded_at.desc(), PatientConsent.id
        )
        self.consents = self._grouped(PatientConsent, ids, newest)

    def _of(self, record: Any, ids: Sequence[str], wanted: Select[Any]) -> Iterable[Any]:
        return self._session.scalars(wanted.where(record.case_id.in_(ids)))

    def _grouped(
        self, record: Any, ids: Sequence[str], wanted: Select[Any]
    ) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for one in self._of(record, ids, wanted):
            found.setdefault(one.case_id, []).append(one)
        return found


def _standing(case: Case, kept: _Kept) -> Completeness:
    request: CaseRequest | None = kept.requests.get(case.id)
    lines: list[RecordEntry] = kept.lines.get(case.id, [])
    specimens: list[Specimen] = kept.specimens.get(case.id, [])
    decisions: list[ItemDecision] = kept.decisions.get(case.id, [])
    facts = Facts(
        documents={
            one.document_id: frozenset({one.kind, *one.also})
            for one in kept.documents.get(case.id, [])
        },
        quantities=frozenset(one.quantity for one in kept.values.get(case.id, [])),
        markers=frozenset(one.content["marker"] for one in lines if one.kind == EntryKind.MARKER),
        entries=Counter(one.kind for one in lines),
        studies=len(case.studies),
        specimens=len(specimens),
        specimens_here=sum(_arrived(one) for one in specimens),
        question=bool(case.question.strip()),
        circumstances=_circumstances(request, lines),
        decisions={
            one.item_id: Decision(Standing(one.standing), one.reason, one.by) for one in decisions
        },
        consent=_consent(request, kept.consents.get(case.id, [])),
    )
    return completeness(chosen(case.organ, request.cancer if request else ""), facts)


def _consent(request: CaseRequest | None, noted: Sequence[PatientConsent]) -> ConsentFacts:
    """The newest consent counts; where nobody said who asks, the hospital does."""
    newest = noted[0] if noted else None
    return ConsentFacts(
        request.asker if request else "hospital",
        given=newest is not None and newest.revoked_at is None,
        revoked=newest is not None and newest.revoked_at is not None,
    )


def _arrived(specimen: Specimen) -> bool:
    return any(one.step == Step.RECEIVED for one in specimen.events)


def _circumstances(request: CaseRequest | None, lines: Iterable[RecordEntry]) -> dict[str, bool]:
    """What was said of the case, and what follows from its treatments."""
    found = dict(request.circumstances) if request else {}
    kinds = {one.content.get("kind", "") for one in lines if one.kind == EntryKind.TREATMENT}
    if kinds & OPERATIONS:
        found["operated_before"] = True
    if "operation_abandoned" in kinds:
        found["operation_abandoned"] = True
    if kinds - OPERATIONS:
        found["treated_before"] = True
    return found
