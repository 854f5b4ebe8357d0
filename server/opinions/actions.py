"""Issuing an opinion: fixed at signing, made into a document, stored beside the images."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.dicom.uids import uid_from
from server.foundation import jobs
from server.opinions.document import Opinion
from server.opinions.records import IssuedOpinion
from server.opinions.stored import to_stored

ISSUE_OPINION = "issue_opinion"


def next_number(session: Session, case_id: str, case_number: str) -> str:
    """The number of the case's next opinion, such as `M-2026-00001-O1`."""
    taken = session.scalar(
        select(func.count(IssuedOpinion.id)).where(IssuedOpinion.case_id == case_id)
    )
    return f"{case_number}-O{(taken or 0) + 1}"


def issue(
    session: Session,
    opinion: Opinion,
    *,
    case_id: str,
    revision_id: str,
    StudyInstanceUID: str,
    now: datetime,
) -> IssuedOpinion:
    """Keep the signed opinion as it stands and ask the worker to make and store its document."""
    kept = IssuedOpinion(
        number=opinion.number,
        case_id=case_id,
        revision_id=revision_id,
        StudyInstanceUID=StudyInstanceUID,
        SeriesInstanceUID=uid_from("opinion series", revision_id),
        SOPInstanceUID=uid_from("opinion instance", revision_id),
        content=to_stored(opinion),
        requested_at=now,
    )
    session.add(kept)
    session.flush()
    jobs.enqueue(
        session, ISSUE_OPINION, {"opinion_id": kept.id}, key=f"{ISSUE_OPINION} {kept.id}", now=now
    )
    return kept


def note_document(session: Session, opinion_id: str, sha256: str, now: datetime) -> None:
    """The PDF is made: the hospital can read it from now on."""
    kept = session.get_one(IssuedOpinion, opinion_id)
    if not kept.sha256:
        kept.sha256, kept.issued_at, kept.state = sha256, now, "issued"


def note_archived(session: Session, opinion_id: str, now: datetime) -> None:
    """The PDF lies in the study in the archive, too."""
    kept = session.get_one(IssuedOpinion, opinion_id)
    kept.archived_at, kept.state = now, "archived"


def note_read(opinion: IssuedOpinion, now: datetime) -> None:
    """Remember when the hospital first read it."""
    if opinion.first_read_at is None:
        opinion.first_read_at = now
