"""Who asks, why, and with whose consent: the actions on a case's request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from server.cases.records import Case
from server.dossier import when
from server.dossier.checklist import circumstances, of_organ
from server.dossier.quantities import read_day
from server.dossier.queries import request_of, standing_consent
from server.dossier.records import CaseRequest, PatientConsent
from server.dossier.value_sets import ASKERS, CONSENT_WAYS, REASONS
from server.foundation.errors import Conflict, FieldProblem, Invalid

LONGEST_NAME = 200
LONGEST_NOTE = 4000


class NoConsentStanding(Conflict):
    """There is no consent that could be revoked."""


@dataclass(frozen=True)
class Asked:
    """A request as a form sends it. `circumstances` leaves out what is not known."""

    cancer: str = ""
    asker: str = "hospital"
    asker_name: str = ""
    asker_relation: str = ""
    reasons: Sequence[str] = ()
    reason_note: str = ""
    first_centre: str = ""
    first_verdict_on: str = ""
    circumstances: Mapping[str, bool] = field(default_factory=dict)


def describe_request(
    session: Session, case: Case, asked: Asked, *, by: str, now: datetime
) -> CaseRequest:
    """Keep who asks and why. Raises Invalid."""
    day = when.partial(asked.first_verdict_on) if asked.first_verdict_on.strip() else ""
    problems = _objections(case, asked)
    if day is None:
        wanted = "Write the date as 2026, 2026-05 or 2026-05-12."
        problems.append(FieldProblem("/first_verdict_on", wanted))
    elif day and when.in_the_future(day, now):
        problems.append(FieldProblem("/first_verdict_on", "This date lies in the future."))
    if problems:
        raise Invalid("The request was not changed.", problems)
    kept = session.get(CaseRequest, case.id) or request_of(session, case)
    kept.cancer, kept.asker = asked.cancer, asked.asker
    kept.asker_name = asked.asker_name.strip()[:LONGEST_NAME]
    kept.asker_relation = asked.asker_relation.strip()[:LONGEST_NAME]
    kept.reasons = [one for one in REASONS if one in asked.reasons]
    kept.reason_note = asked.reason_note.strip()[:LONGEST_NOTE]
    kept.first_centre = asked.first_centre.strip()[:LONGEST_NAME]
    kept.first_verdict_on = day or ""
    known = [one.id for one in circumstances()]
    kept.circumstances = {
        one: asked.circumstances[one] for one in known if one in asked.circumstances
    }
    kept.changed_by, kept.changed_at = by, now
    session.add(kept)
    session.flush()
    return kept


def _objections(case: Case, asked: Asked) -> list[FieldProblem]:
    problems = []
    if asked.asker not in ASKERS:
        problems.append(FieldProblem("/asker", "Choose who asks."))
    elif asked.asker in ("relative", "friend") and not asked.asker_relation.strip():
        wanted = "Say how they are related to the patient, such as daughter."
        problems.append(FieldProblem("/asker_relation", wanted))
    if asked.cancer not in {"", *(one.id for one in of_organ(case.organ))}:
        problems.append(FieldProblem("/cancer", "Choose a kind of cancer from the list."))
    if any(one not in REASONS for one in asked.reasons):
        problems.append(FieldProblem("/reasons", "Choose reasons from the list."))
    return problems


def record_consent(
    session: Session,
    case: Case,
    *,
    given_on: str,
    how: str,
    document_id: str,
    by: str,
    now: datetime,
) -> PatientConsent:
    """Note that the patient agreed to ask elsewhere. Raises Invalid."""
    problems = []
    day = read_day(given_on, now, "/given_on", "Enter the date on which the consent was given.")
    if isinstance(day, FieldProblem):
        problems.append(day)
    if how not in CONSENT_WAYS:
        problems.append(FieldProblem("/how", "Choose how the consent was given."))
    if document_id and document_id not in {one.id for one in case.documents}:
        problems.append(FieldProblem("/document_id", "Choose a document of this case."))
    if problems or isinstance(day, FieldProblem):
        raise Invalid("The consent was not noted.", problems)
    consent = PatientConsent(
        case_id=case.id,
        given_on=day,
        how=how,
        document_id=document_id or None,
        recorded_by=by,
        recorded_at=now,
    )
    session.add(consent)
    session.flush()
    return consent


def revoke_consent(
    session: Session, case: Case, *, why: str, by: str, now: datetime
) -> PatientConsent:
    """Note that the patient takes the consent back. Raises NoConsentStanding and Invalid."""
    consent = standing_consent(session, case)
    if consent is None or consent.revoked_at is not None:
        raise NoConsentStanding(
            "No consent stands that could be revoked.", remedy="Reload the case's records."
        )
    if not why.strip():
        wanted = FieldProblem("/why", "Say who revoked it, and how you learned of it.")
        raise Invalid("The consent still stands.", [wanted])
    consent.revoked_at, consent.revoked_by = now, by
    consent.revoked_why = why.strip()[:LONGEST_NOTE]
    session.flush()
    return consent
