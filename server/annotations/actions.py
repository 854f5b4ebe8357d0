"""Saving and signing what a surgeon recorded."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from server.annotations.organs import ORGANS, Organ
from server.annotations.queries import annotation_of, current
from server.annotations.records import Annotation, Revision, SignedRevisionIsFinal
from server.annotations.validation import problems
from server.foundation.errors import Conflict, FieldProblem, Invalid


class AnnotationChangedElsewhere(Conflict):
    """The same annotation was saved from another window or device meanwhile."""


class AnswersRefused(Invalid):
    """Some answers do not fit the organ's form."""


class AnnotationIncomplete(Invalid):
    """Something is still missing that a signed opinion must say."""


class VerdictNotRestated(Invalid):
    """The verdict given at signing is not the one in the form."""


def draft_of(
    session: Session, case_id: str, organ: str, *, reviewer_id: str, reviewer_name: str
) -> Revision:
    """The revision this reviewer is writing, begun when there is none; or the signed one."""
    annotation = annotation_of(session, case_id, reviewer_id)
    if annotation is None:
        annotation = Annotation(
            case_id=case_id, organ=organ, reviewer_id=reviewer_id, reviewer_name=reviewer_name
        )
        session.add(annotation)
        session.flush()
    found = current(annotation)
    if found is None:
        found = Revision(annotation_id=annotation.id, number=1, answers={}, evaluations=[])
        session.add(found)
        session.flush()
        session.expire(annotation, ["revisions"])
    return found


def save(
    session: Session, draft: Revision, answers: Any, *, seen_version: int, now: datetime
) -> Revision:
    """Keep the whole document of answers over the version that was seen.

    Raises SignedRevisionIsFinal, AnswersRefused (nothing is kept) or AnnotationChangedElsewhere.
    """
    refuse_if_signed(draft)
    organ = ORGANS[draft.annotation.organ]
    refused = problems(organ, answers)
    if refused:
        raise AnswersRefused(
            "Some answers were not saved.", refused, remedy="Correct the marked fields."
        )
    evaluations = [evaluation.to_json() for evaluation in organ.evaluate(answers)]
    changed = session.execute(
        update(Revision)
        .where(
            Revision.id == draft.id, Revision.version == seen_version, Revision.signed_at.is_(None)
        )
        .values(
            answers=answers, evaluations=evaluations, saved_at=now, version=Revision.version + 1
        )
        .execution_options(synchronize_session=False)
    )
    session.refresh(draft)
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        refuse_if_signed(draft)
        raise AnnotationChangedElsewhere(
            "This annotation was saved from another window meanwhile.",
            remedy="Compare the two and choose which one to keep.",
            current={"answers": draft.answers, "version": draft.version},
        )
    return draft


def sign(
    session: Session,
    draft: Revision,
    *,
    seen_version: int,
    restated_verdict: str,
    signed_by: str,
    now: datetime,
) -> Revision:
    """Make the revision final.

    Raises SignedRevisionIsFinal, AnnotationChangedElsewhere, AnnotationIncomplete or VerdictNotRestated.
    """
    refuse_if_signed(draft)
    if draft.version != seen_version:
        raise AnnotationChangedElsewhere(
            "The annotation changed after you looked at what will be sent.",
            remedy="Look at the preview again, then sign.",
            current={"answers": draft.answers, "version": draft.version},
        )
    organ = ORGANS[draft.annotation.organ]
    missing = list(organ.to_sign(draft.answers))
    if missing:
        raise AnnotationIncomplete(
            "The opinion cannot be signed yet.", missing, remedy="Answer the marked fields."
        )
    if restated_verdict != draft.answers.get("verdict"):
        raise VerdictNotRestated(
            "The verdict you re-stated is not the one in the form.",
            [FieldProblem("/verdict", "Choose the verdict that you wish to sign.")],
            remedy="Choose the same verdict again, or go back and change the form.",
        )
    draft.evaluations = [evaluation.to_json() for evaluation in organ.evaluate(draft.answers)]
    draft.verdict = restated_verdict
    draft.signed_by = signed_by
    draft.sha256 = content_sha256(organ, draft.answers)
    draft.signed_at = now
    session.flush()
    return draft


def refuse_if_signed(revision: Revision) -> None:
    """Raise SignedRevisionIsFinal when the revision is signed."""
    if revision.signed_at is not None:
        raise SignedRevisionIsFinal(
            "This opinion is signed and cannot be changed.",
            remedy="An amendment is written as a new revision that says what changed.",
        )


def content_sha256(organ: Organ, answers: dict[str, Any]) -> str:
    """SHA-256 of the answers in canonical JSON, together with the organ they are about."""
    canonical = json.dumps(
        {"organ": organ.id, "answers": answers}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode()).hexdigest()
