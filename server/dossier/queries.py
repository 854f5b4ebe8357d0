"""Reading the records of a case."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from server.cases.records import Case, CaseDocument
from server.dossier import custody
from server.dossier.completeness import (
    Completeness,
    ItemState,
)
from server.dossier.custody import Step
from server.dossier.entries import EntryKind
from server.dossier.quantities import QUANTITIES
from server.dossier.records import (
    CaseRequest,
    CaseTask,
    DocumentFacts,
    PatientConsent,
    RecordedValue,
    RecordEntry,
    RecordsOverride,
    Specimen,
)
from server.dossier.standings import standings


@dataclass(frozen=True)
class LatestValue:
    """The newest recorded value for one field of a form, in that field's unit."""

    value: float
    unit: str
    taken_on: date
    entered_by: str
    reported: str


@dataclass(frozen=True)
class SpecimenSeen:
    """A specimen with where it is, and what may be noted of it next."""

    specimen: Specimen
    standing: custody.Standing
    next_steps: tuple[Step, ...]


def facts_of_document(session: Session, case_id: str) -> dict[str, DocumentFacts]:
    """What was said of each document of the case, by the document's id."""
    found = session.scalars(select(DocumentFacts).where(DocumentFacts.case_id == case_id))
    return {one.document_id: one for one in found}


def unclassified(case: Case, facts: Collection[str]) -> list[CaseDocument]:
    """The documents nobody has said anything of, oldest first."""
    return [one for one in case.documents if one.id not in facts]


def values_of(session: Session, case_id: str) -> list[RecordedValue]:
    """The case's values that stand, the newest first."""
    return list(
        session.scalars(
            select(RecordedValue)
            .where(RecordedValue.case_id == case_id, RecordedValue.withdrawn_at.is_(None))
            .order_by(RecordedValue.taken_on.desc(), RecordedValue.entered_at.desc())
        )
    )


def latest_values(
    session: Session, case: Case, at: date, fields: Collection[str] | None = None
) -> dict[str, LatestValue]:
    """The newest value taken on or before `at` for each field that a form has, by the field's name.

    Where a form has one field for each unit, only the field of the unit that the laboratory reported
    is filled. A value that is only a bound (`< 2`) fills none. `fields` None means every known field.
    """
    found: dict[str, LatestValue] = {}
    seen: set[str] = set()
    for kept in values_of(session, case.id):
        quantity = QUANTITIES.get(kept.quantity)
        if quantity is None or kept.quantity in seen or kept.taken_on > at:
            continue
        seen.add(kept.quantity)
        offered = [one for one in quantity.fields if fields is None or one[0] in fields]
        if kept.comparator or not offered:
            continue
        name, unit = next((one for one in offered if one[1] == kept.unit), offered[0])
        value = quantity.convert(kept.value, kept.unit, unit)
        reported = f"{kept.value:g} {kept.unit}"
        found[name] = LatestValue(value, unit, kept.taken_on, kept.entered_by, reported)
    return found


def entries_of(session: Session, case_id: str) -> dict[EntryKind, list[RecordEntry]]:
    """The typed lines that stand, by kind; treatments by their beginning, others as entered."""
    found: dict[EntryKind, list[RecordEntry]] = {kind: [] for kind in EntryKind}
    kept = session.scalars(
        select(RecordEntry)
        .where(RecordEntry.case_id == case_id, RecordEntry.withdrawn_at.is_(None))
        .order_by(RecordEntry.entered_at, RecordEntry.id)
    )
    for entry in kept:
        found[EntryKind(entry.kind)].append(entry)
    found[EntryKind.TREATMENT].sort(key=lambda one: one.content.get("from_on", ""))
    return found


def request_of(session: Session, case: Case) -> CaseRequest:
    """Who asks and why; where nobody said so, the hospital asks. What is new is not kept by this."""
    return session.get(CaseRequest, case.id) or CaseRequest(
        case_id=case.id,
        cancer="",
        asker="hospital",
        asker_name="",
        asker_relation="",
        reasons=[],
        reason_note="",
        first_centre="",
        first_verdict_on="",
        circumstances={},
    )


def consents_of(session: Session, case: Case) -> list[PatientConsent]:
    """Every consent that was noted, the newest first."""
    return list(
        session.scalars(
            select(PatientConsent)
            .where(PatientConsent.case_id == case.id)
            .order_by(PatientConsent.recorded_at.desc(), PatientConsent.id)
        )
    )


def standing_consent(session: Session, case: Case) -> PatientConsent | None:
    """The newest consent, which may have been revoked."""
    return next(iter(consents_of(session, case)), None)


def overrides_of(session: Session, case: Case) -> list[RecordsOverride]:
    """How often the case went on without something required, the newest first."""
    return list(
        session.scalars(
            select(RecordsOverride)
            .where(RecordsOverride.case_id == case.id)
            .order_by(RecordsOverride.at.desc())
        )
    )


def specimens_of(session: Session, case: Case, today: date) -> list[SpecimenSeen]:
    """The case's specimens in the order in which they were listed."""
    kept = session.scalars(
        select(Specimen)
        .where(Specimen.case_id == case.id)
        .options(selectinload(Specimen.events))
        .order_by(Specimen.added_at, Specimen.id)
    )
    return [_seen(one, today) for one in kept]


def events_of(specimen: Specimen) -> list[custody.Event]:
    """A specimen's events as the rule of custody reads them."""
    return [custody.Event(Step(one.step), one.at, one.to_whom) for one in specimen.events]


def _seen(specimen: Specimen, today: date) -> SpecimenSeen:
    events = events_of(specimen)
    return SpecimenSeen(
        specimen,
        custody.standing(events, specimen.due_back_on, today),
        tuple(custody.next_steps(events)),
    )


def tasks_of(session: Session, case: Case) -> list[CaseTask]:
    """What was asked of somebody for the case: what is open first, then the newest."""
    kept = session.scalars(
        select(CaseTask).where(CaseTask.case_id == case.id).order_by(CaseTask.asked_at.desc())
    )
    return sorted(kept, key=lambda one: one.state != "open")


def completeness_of(session: Session, case: Case) -> Completeness:
    """How the case's records stand against its checklist."""
    return standings(session, [case])[case.id]


def wanted(session: Session, case: Case) -> tuple[ItemState, ...]:
    """What the hospital still has to send or say, the required first."""
    return completeness_of(session, case).wanted
