"""Issuing an opinion: fixed at signing, made into a document, stored beside the images."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.dicom.uids import uid_from
from server.foundation import jobs
from server.foundation.errors import Conflict, Invalid
from server.opinions.document import Opinion
from server.opinions.drafts import changed, draft_of_json, draft_problems
from server.opinions.queries import draft_record
from server.opinions.records import IssuedOpinion, OpinionDraft
from server.opinions.standing import Verification, code_of
from server.opinions.stored import content_sha256, to_stored

ISSUE_OPINION = "issue_opinion"


class OpinionDraftChangedElsewhere(Conflict):
    """The same opinion was written in another window or on another device meanwhile."""


class OpinionDraftRefused(Invalid):
    """Some parts of the opinion's draft cannot be kept."""


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
    verify_at: str = "",
) -> IssuedOpinion:
    """Keep the signed opinion as it stands and ask the worker to make and store its document.

    `verify_at` is the address at which a reader can check it; the code for that is made here.
    """
    if verify_at:
        opinion = replace(opinion, verification=Verification(verify_at, new_code()))
    content = to_stored(opinion)
    kept = IssuedOpinion(
        status=opinion.status,
        content_sha256=content_sha256(content),
        verify_code=opinion.verification.code if opinion.verification else "",
        replaces=replaced_number(opinion),
        number=opinion.number,
        case_id=case_id,
        revision_id=revision_id,
        StudyInstanceUID=StudyInstanceUID,
        SeriesInstanceUID=uid_from("opinion series", revision_id),
        SOPInstanceUID=uid_from("opinion instance", revision_id),
        content=content,
        requested_at=now,
    )
    session.add(kept)
    session.flush()
    jobs.enqueue(
        session, ISSUE_OPINION, {"opinion_id": kept.id}, key=f"{ISSUE_OPINION} {kept.id}", now=now
    )
    return kept


def note_document(
    session: Session, opinion_id: str, sha256: str, now: datetime, *, sealed: bool = False
) -> None:
    """The PDF is made: the hospital can read it from now on."""
    kept = session.get_one(IssuedOpinion, opinion_id)
    if not kept.sha256:
        kept.sha256, kept.issued_at, kept.state, kept.sealed = sha256, now, "issued", sealed


def note_archived(session: Session, opinion_id: str, now: datetime) -> None:
    """The PDF lies in the study in the archive, too."""
    kept = session.get_one(IssuedOpinion, opinion_id)
    kept.archived_at, kept.state = now, "archived"


def note_read(session: Session, opinion_id: str, now: datetime) -> None:
    """Remember when the hospital first read it."""
    kept = session.get_one(IssuedOpinion, opinion_id)
    kept.first_read_at = kept.first_read_at or now


def new_code() -> str:
    """A short code to be printed in one opinion, such as `7K3QX-90MZD`."""
    return code_of(secrets.token_hex(32))


def replaced_number(opinion: Opinion) -> str:
    """The number of the opinion that this one amends or makes final; empty for a first one."""
    if opinion.amendment is not None and opinion.amendment.opinion_number:
        return opinion.amendment.opinion_number
    return opinion.precedent.number if opinion.precedent else ""


def save_draft(
    session: Session,
    case_id: str,
    reviewer_id: str,
    sent: Mapping[str, Any],
    generated: Mapping[str, str],
    *,
    time_point: int,
    seen_version: int,
    by: str,
    now: datetime,
) -> OpinionDraft:
    """Keep what a reviewer wrote over the version that they saw; `generated` are the texts as the
    annotation makes them (`server.opinions.drafts`).

    Raises OpinionDraftRefused (nothing is kept) or OpinionDraftChangedElsewhere.
    """
    problems = draft_problems(sent, now.date())
    if problems:
        raise OpinionDraftRefused(
            "The opinion was not saved.", problems, remedy="Correct the marked parts."
        )
    kept = draft_record(session, case_id, reviewer_id, time_point)
    if kept is None:
        kept = _begun(session, case_id, reviewer_id, time_point)
    content = changed(draft_of_json(kept.content), sent, generated).to_json()
    written = session.execute(
        update(OpinionDraft)
        .where(OpinionDraft.id == kept.id, OpinionDraft.version == seen_version)
        .values(content=content, version=seen_version + 1, saved_at=now, saved_by=by)
        .execution_options(synchronize_session=False)
    )
    session.refresh(kept)
    if written.rowcount != 1:  # type: ignore[attr-defined]
        raise draft_changed_elsewhere(kept)
    return kept


def draft_changed_elsewhere(kept: OpinionDraft | None) -> OpinionDraftChangedElsewhere:
    """The refusal of somebody who saw another version; `current` is the draft as it stands now."""
    content, version = (kept.content, kept.version) if kept else ({}, 0)
    return OpinionDraftChangedElsewhere(
        "This opinion was written in another window meanwhile.",
        remedy="Look at what is there now, then write your change again.",
        current={**content, "version": version},
    )


def _begun(session: Session, case_id: str, reviewer_id: str, time_point: int) -> OpinionDraft:
    """A draft to write over; of two windows that begin at once, both get the same one."""
    kept = OpinionDraft(
        case_id=case_id, reviewer_id=reviewer_id, time_point=time_point, version=0, content={}
    )
    try:
        with session.begin_nested():
            session.add(kept)
    except IntegrityError:
        found = draft_record(session, case_id, reviewer_id, time_point)
        assert found is not None
        return found
    return kept
