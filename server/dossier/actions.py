"""Everything that changes the records of a case. Nothing is overwritten silently: a wrong value or line
is withdrawn and stays, with who and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.cases import actions as cases
from server.cases.queries import document
from server.cases.records import Case
from server.dossier import when
from server.dossier.checklist import chosen
from server.dossier.completeness import Standing
from server.dossier.documents import KINDS, LANGUAGES
from server.dossier.entries import EntryKind, read_entry
from server.dossier.quantities import QUANTITIES, read_day, read_value
from server.dossier.queries import completeness_of, facts_of_document, request_of
from server.dossier.records import (
    DocumentFacts,
    ItemDecision,
    RecordedValue,
    RecordEntry,
    RecordsOverride,
)
from server.foundation.errors import Conflict, FieldProblem, Invalid, NotFound

LONGEST_REASON: Final = 2000


class RecordsNotComplete(Conflict):
    """Something required is missing and nobody said why the case may go on all the same."""


class NotOfThisCase(NotFound):
    """The case has no such value, line or item."""


def classify(
    session: Session,
    case: Case,
    document_id: str,
    *,
    kind: str,
    by: str,
    now: datetime,
    language: str = "",
    dated_on: str = "",
    translation_of: str = "",
    also: Sequence[str] = (),
) -> DocumentFacts:
    """Say what a document is. Raises DocumentNotFound and Invalid."""
    kept = document(case, document_id)
    problems = []
    if kind not in KINDS:
        problems.append(FieldProblem("/kind", "Choose what kind of document it is."))
    if language and language not in LANGUAGES:
        problems.append(FieldProblem("/language", "Choose a language from the list."))
    day = when.partial(dated_on) if dated_on.strip() else ""
    if day is None:
        problems.append(FieldProblem("/dated_on", "Write the date as 2026-05-12 or 2026-05."))
    elif day and when.in_the_future(day, now):
        problems.append(FieldProblem("/dated_on", "This date lies in the future."))
    checklist = chosen(case.organ, request_of(session, case).cancer)
    known_items = {item.id for item in checklist.items}
    if not known_items.issuperset(also):
        problems.append(FieldProblem("/also", "Choose items of this case's checklist."))
    why = _translation_objection(session, case, kept.id, translation_of)
    if why:
        problems.append(FieldProblem("/translation_of", why))
    if problems:
        raise Invalid("The document was not classified.", problems)
    facts = session.get(DocumentFacts, kept.id) or DocumentFacts(
        document_id=kept.id, case_id=case.id
    )
    facts.kind, facts.language, facts.dated_on = kind, language, day or ""
    facts.translation_of, facts.also = translation_of or None, list(also)
    facts.set_by, facts.set_at = by, now
    session.add(facts)
    session.flush()
    return facts


def _translation_objection(session: Session, case: Case, own_id: str, original_id: str) -> str:
    if not original_id:
        return ""
    if original_id == own_id:
        return "A document is not a translation of itself."
    if original_id not in {one.id for one in case.documents}:
        return "Choose a document of this case."
    facts = facts_of_document(session, case.id)
    if original_id in facts and facts[original_id].translation_of:
        return "That document is itself a translation; choose its original."
    if any(one.translation_of == own_id for one in facts.values()):
        return "Other documents are translations of this one."
    return ""


def decide(
    session: Session,
    case: Case,
    item_id: str,
    *,
    standing: Standing,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    """Say that an item is not available, or waive it. Raises NotOfThisCase and Invalid."""
    _item_of(session, case, item_id)
    if standing not in (Standing.NOT_AVAILABLE, Standing.WAIVED):
        raise Invalid(
            "Nothing was noted.", [FieldProblem("/standing", "Choose what holds for the item.")]
        )
    if not reason.strip():
        raise Invalid("Nothing was noted.", [FieldProblem("/reason", "Say why.")])
    known = _decision(session, case, item_id)
    kept = known or ItemDecision(case_id=case.id, item_id=item_id)
    kept.standing, kept.reason = standing.value, reason.strip()[:LONGEST_REASON]
    kept.by, kept.at = by, now
    session.add(kept)
    session.flush()


def undecide(session: Session, case: Case, item_id: str) -> None:
    """The item is wanted again."""
    known = _decision(session, case, item_id)
    if known is not None:
        session.delete(known)
        session.flush()


def _decision(session: Session, case: Case, item_id: str) -> ItemDecision | None:
    return session.scalar(
        select(ItemDecision).where(ItemDecision.case_id == case.id, ItemDecision.item_id == item_id)
    )


def _item_of(session: Session, case: Case, item_id: str) -> None:
    if completeness_of(session, case).checklist.item(item_id) is None:
        raise NotOfThisCase(
            "This case's checklist has no such item.", remedy="Reload the case's records."
        )


def record_values(
    session: Session,
    case: Case,
    typed: Mapping[str, tuple[str, str]],
    *,
    taken_on: str,
    by: str,
    now: datetime,
) -> list[RecordedValue]:
    """Keep the values of one day, all of them or none: quantity -> (text, unit).

    Empty texts are passed over. Raises Invalid, with the quantity's name as the pointer.
    """
    day = read_day(taken_on, now)
    readings = [
        read_value(QUANTITIES[name], text, unit)
        for name, (text, unit) in typed.items()
        if text.strip() and name in QUANTITIES
    ]
    problems = [problem for reading in readings for problem in reading.problems]
    checked = [reading.checked for reading in readings if reading.checked]
    if isinstance(day, FieldProblem):
        raise Invalid("No value was kept.", [day, *problems])
    if not checked and not problems:
        problems = [FieldProblem("", "Enter at least one value.")]
    if problems:
        raise Invalid("No value was kept.", problems)
    kept = [
        RecordedValue(
            case_id=case.id,
            quantity=one.quantity,
            value=one.value,
            unit=one.unit,
            comparator=one.comparator,
            taken_on=day,
            entered_by=by,
            entered_at=now,
            round=case.round_awaited,
        )
        for one in checked
    ]
    session.add_all(kept)
    session.flush()
    return kept


def withdraw_value(session: Session, case: Case, value_id: str, *, by: str, now: datetime) -> str:
    """Take a wrong value out of use; the quantity's id. Raises NotOfThisCase."""
    value = session.get(RecordedValue, value_id)
    if value is None or value.case_id != case.id:
        raise NotOfThisCase("This case has no such value.", remedy="Reload the case's records.")
    if value.withdrawn_at is None:
        value.withdrawn_by, value.withdrawn_at = by, now
        session.flush()
    return value.quantity


def add_entry(
    session: Session, case: Case, kind: EntryKind, sent: Mapping[str, str], by: str, now: datetime
) -> RecordEntry:
    """Keep a typed line. Raises Invalid."""
    read = read_entry(kind, sent, now)
    if read.problems:
        raise Invalid("The line was not kept.", list(read.problems))
    entry = RecordEntry(
        case_id=case.id,
        kind=kind.value,
        content=read.content,
        entered_by=by,
        entered_at=now,
        round=case.round_awaited,
    )
    session.add(entry)
    session.flush()
    return entry


def withdraw_entry(
    session: Session, case: Case, entry_id: str, *, by: str, now: datetime
) -> EntryKind:
    """Take a wrong line out of use; its kind. Raises NotOfThisCase."""
    entry = session.get(RecordEntry, entry_id)
    if entry is None or entry.case_id != case.id:
        raise NotOfThisCase("This case has no such line.", remedy="Reload the case's records.")
    if entry.withdrawn_at is None:
        entry.withdrawn_by, entry.withdrawn_at = by, now
        session.flush()
    return EntryKind(entry.kind)


def declare_complete(
    session: Session,
    case: Case,
    *,
    seen_version: int,
    by: str,
    now: datetime,
    override: str = "",
) -> tuple[str, ...]:
    """Start the clock when nothing required is missing, or when somebody says why it may start.

    Gives what was missing, in phrases. Raises RecordsNotComplete, and what the case's step raises.
    """
    missing = completeness_of(session, case).blocking
    if missing and not override.strip():
        raise RecordsNotComplete(
            f"The records are not complete: {'; '.join(missing)}.",
            remedy="Waive what nobody can send, or say why the case may go on without it.",
        )
    cases.declare_records_complete(session, case, seen_version, now, by=by)
    if missing:
        session.add(
            RecordsOverride(
                case_id=case.id,
                missing=list(missing),
                why=override.strip()[:LONGEST_REASON],
                by=by,
                at=now,
            )
        )
        session.flush()
    return missing
