"""How the records of many cases stand, read together: a worklist asks for a page of them at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Integer,
    Row,
    ScalarSelect,
    Select,
    String,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from server.cases.clocks.records import CaseStep
from server.cases.lifecycle import Event
from server.cases.records import Case, CaseDocument
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
    CustodyEvent,
    DocumentFacts,
    ItemDecision,
    PatientConsent,
    RecordedValue,
    RecordEntry,
    Specimen,
)
from server.dossier.value_sets import OPERATIONS
from server.foundation.db import UtcDateTime

# What of every kind of record decides how it stands, as columns of one row.
_COLUMNS: Final[Mapping[str, Any]] = {
    "key": String,
    "word": String,
    "reason": String,
    "by": String,
    "content": JSON,
    "number": Integer,
    "at": UtcDateTime,
}


def standings(session: Session, cases: Sequence[Case]) -> dict[str, Completeness]:
    """How the records of each case stand against its checklist, by the case's id."""
    kept: dict[str, dict[str, list[Row[Any]]]] = {case.id: {} for case in cases}
    if kept:
        for row in session.execute(union_all(*_every_kind(list(kept)))):
            kept[row.case_id].setdefault(row.what, []).append(row)
    return {case.id: _standing(case, kept[case.id]) for case in cases}


def _every_kind(ids: Sequence[str]) -> Iterable[Select[Any]]:
    """What is kept of some cases' records, each kind as a select of the same columns: over a slow line
    one question to the database is answered sooner than eight."""
    yield from _what_came(ids)
    yield from _what_was_said(ids)


def _what_came(ids: Sequence[str]) -> Iterable[Select[Any]]:
    yield _rows(
        "document",
        DocumentFacts,
        ids,
        key=DocumentFacts.document_id,
        word=DocumentFacts.kind,
        content=DocumentFacts.also,
        number=CaseDocument.round,
        at=CaseDocument.received_at,
    ).join(CaseDocument, CaseDocument.id == DocumentFacts.document_id)
    newest = func.max(RecordedValue.round)
    yield (
        _rows("value", RecordedValue, ids, key=RecordedValue.quantity, number=newest)
        .where(RecordedValue.withdrawn_at.is_(None))
        .group_by(RecordedValue.case_id, RecordedValue.quantity)
    )
    yield _rows(
        "line",
        RecordEntry,
        ids,
        word=RecordEntry.kind,
        content=RecordEntry.content,
        number=RecordEntry.round,
    ).where(RecordEntry.withdrawn_at.is_(None))
    arrived = (
        select(func.count(CustodyEvent.id))
        .where(CustodyEvent.specimen_id == Specimen.id, CustodyEvent.step == Step.RECEIVED.value)
        .scalar_subquery()
    )
    yield _rows("specimen", Specimen, ids, number=arrived)


def _what_was_said(ids: Sequence[str]) -> Iterable[Select[Any]]:
    yield _rows(
        "request",
        CaseRequest,
        ids,
        key=CaseRequest.cancer,
        word=CaseRequest.asker,
        content=CaseRequest.circumstances,
    )
    yield _rows(
        "decision",
        ItemDecision,
        ids,
        key=ItemDecision.item_id,
        word=ItemDecision.standing,
        reason=ItemDecision.reason,
        by=ItemDecision.by,
        number=1 + _steps_before(Event.ROUND_BEGUN) - _steps_before(Event.ROUND_GIVEN_UP),
    )
    yield _rows(
        "given", PatientConsent, ids, key=PatientConsent.id, at=PatientConsent.recorded_at
    ).where(PatientConsent.revoked_at.is_(None))
    yield _rows(
        "revoked", PatientConsent, ids, key=PatientConsent.id, at=PatientConsent.recorded_at
    ).where(PatientConsent.revoked_at.is_not(None))


def _steps_before(event: Event) -> ScalarSelect[int]:
    """How often this had happened to the case when the item was decided."""
    return (
        select(func.count(CaseStep.id))
        .where(
            CaseStep.case_id == ItemDecision.case_id,
            CaseStep.event == event.value,
            CaseStep.at <= ItemDecision.at,
        )
        .scalar_subquery()
    )


def _rows(what: str, record: Any, ids: Sequence[str], **given: Any) -> Select[Any]:
    columns = [given.get(name, cast(null(), kind)).label(name) for name, kind in _COLUMNS.items()]
    return select(literal(what).label("what"), record.case_id, *columns).where(
        record.case_id.in_(ids)
    )


def _standing(case: Case, kept: Mapping[str, list[Row[Any]]]) -> Completeness:
    request = next(iter(kept.get("request", [])), None)
    lines, specimens = kept.get("line", []), kept.get("specimen", [])
    documents = sorted(kept.get("document", []), key=lambda one: (one.at, one.key))
    facts = Facts(
        documents={one.key: frozenset({one.word, *one.content}) for one in documents},
        quantities=frozenset(one.key for one in kept.get("value", [])),
        markers=frozenset(one.content["marker"] for one in lines if one.word == EntryKind.MARKER),
        entries=Counter(one.word for one in lines),
        studies=sum(one.round >= case.round for one in case.studies),
        specimens=len(specimens),
        specimens_here=sum(one.number > 0 for one in specimens),
        question=bool(case.question.strip()),
        circumstances=_circumstances(request.content if request else {}, lines),
        decisions={
            one.key: Decision(Standing(one.word), one.reason, one.by, one.number < case.round)
            for one in kept.get("decision", [])
        },
        consent=_consent(request.word if request else "hospital", kept),
        fresh=_fresh(case.round, kept),
    )
    return completeness(chosen(case.organ, request.key if request else ""), facts)


def _fresh(case_round: int, kept: Mapping[str, list[Row[Any]]]) -> frozenset[str] | None:
    """What came for the round that the case is in; None in its first."""
    if case_round == 1:
        return None
    named = ((kind, one) for kind in ("document", "value", "line") for one in kept.get(kind, []))
    return frozenset(
        one.word if kind == "line" else one.key for kind, one in named if one.number >= case_round
    )


def _consent(asker: str, kept: Mapping[str, list[Row[Any]]]) -> ConsentFacts:
    """The newest consent counts; where nobody said who asks, the hospital does."""
    noted = [*kept.get("given", []), *kept.get("revoked", [])]
    newest = min(noted, key=lambda one: (-one.at.timestamp(), one.key), default=None)
    standing = newest.what if newest is not None else ""
    return ConsentFacts(asker, given=standing == "given", revoked=standing == "revoked")


def _circumstances(said: Mapping[str, bool], lines: Iterable[Row[Any]]) -> dict[str, bool]:
    """What was said of the case, and what follows from its treatments."""
    found = dict(said)
    kinds = {one.content.get("kind", "") for one in lines if one.word == EntryKind.TREATMENT}
    if kinds & OPERATIONS:
        found["operated_before"] = True
    if "operation_abandoned" in kinds:
        found["operation_abandoned"] = True
    if kinds - OPERATIONS:
        found["treated_before"] = True
    return found
