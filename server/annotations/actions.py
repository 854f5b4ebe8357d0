"""Saving and signing what a surgeon recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from server.annotations.chain import answers_sha256, link_of, seal
from server.annotations.evidence import standing
from server.annotations.organs import ORGANS
from server.annotations.organs.organ import Organ
from server.annotations.queries import annotation_of, current, earlier_link, time_point_of
from server.annotations.records import Annotation, EarlierCase, Revision, SignedRevisionIsFinal
from server.annotations.validation import problems
from server.annotations.versions import refuse_future, version_problems
from server.cases.records import Case
from server.foundation.errors import Conflict, FieldProblem, Invalid

LONGEST_REASON: Final = 2000


class AnnotationChangedElsewhere(Conflict):
    """The same annotation was saved from another window or device meanwhile."""


class AnswersRefused(Invalid):
    """Some answers do not fit the organ's form."""


class AnnotationIncomplete(Invalid):
    """Something is still missing that a signed opinion must say."""


class VerdictNotRestated(Invalid):
    """The verdict given at signing is not the one in the form."""


class AmendmentNotPossible(Conflict):
    """There is no signed revision of this reviewer to amend, or an amendment is open already."""


class AmendmentWithoutReason(Invalid):
    """An amendment was begun without saying why."""


class AmendmentChangesNothing(Invalid):
    """An amendment was to be signed that says what the signed revision says."""


class EarlierCaseRefused(Invalid):
    """A case cannot be the earlier one of another."""


def draft_of(
    session: Session, case_id: str, organ: str, *, reviewer_id: str, reviewer_name: str
) -> Revision:
    """The revision this reviewer is writing, begun when there is none; or the signed one."""
    annotation = annotation_of(session, case_id, reviewer_id)
    if annotation is None:
        annotation = Annotation(
            case_id=case_id,
            organ=organ,
            reviewer_id=reviewer_id,
            reviewer_name=reviewer_name,
            time_point=_next_time_point(session, case_id, reviewer_id),
            round=session.get_one(Case, case_id).round,
        )
        session.add(annotation)
        session.flush()
    found = current(annotation)
    if found is None:
        found = Revision(
            annotation_id=annotation.id,
            number=1,
            answers={},
            evaluations=[],
            schema_version=ORGANS[organ].schema_version,
        )
        session.add(found)
        session.flush()
        session.expire(annotation, ["revisions"])
    return found


def _next_time_point(session: Session, case_id: str, reviewer_id: str) -> int:
    """The time point of the case; later than the reviewer's last also where links to earlier cases
    changed since."""
    last = session.scalar(
        select(func.max(Annotation.time_point)).where(
            Annotation.case_id == case_id, Annotation.reviewer_id == reviewer_id
        )
    )
    return max(time_point_of(session, case_id), (last or 0) + 1)


def save(
    session: Session,
    draft: Revision,
    answers: Any,
    *,
    seen_version: int,
    now: datetime,
    options: Any = None,
    schema_version: object = None,
    refused_before: Iterable[FieldProblem] = (),
) -> Revision:
    """Keep the whole document of answers over the version that was seen.

    `options` are those chosen of the rulesets (None: as they were); `schema_version` is that of the
    form the answers were given in (None: the newest); `refused_before` is what the caller found wrong
    that the form cannot know, such as an image of another case. Raises SignedRevisionIsFinal,
    FormFromTheFuture, AnswersRefused (nothing is kept) or AnnotationChangedElsewhere.
    """
    refuse_if_signed(draft)
    organ = ORGANS[draft.annotation.organ]
    refuse_future(organ, draft.schema_version)
    chosen = draft.options if options is None else options
    refused = [
        *([] if schema_version is None else version_problems(organ, schema_version)),
        *organ.option_problems(chosen),
        *problems(organ, answers),
        *refused_before,
    ]
    if refused:
        raise AnswersRefused(
            "Some answers were not saved.", refused, remedy="Correct the marked fields."
        )
    return _written_over(
        session,
        draft,
        seen_version,
        answers=answers,
        options=chosen,
        schema_version=organ.schema_version,
        evaluations=organ.evaluated(answers, chosen),
        saved_at=now,
    )


def _written_over(
    session: Session, draft: Revision, seen_version: int, **values: object
) -> Revision:
    """The draft with these values in place of the version that was seen, unless another window, or the
    signature, was faster."""
    unsigned = Revision.signed_at.is_(None)
    changed = session.execute(
        update(Revision)
        .where(Revision.id == draft.id, Revision.version == seen_version, unsigned)
        .values(**values, version=Revision.version + 1)
        .execution_options(synchronize_session=False)
    )
    session.refresh(draft)
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        refuse_if_signed(draft)
        raise AnnotationChangedElsewhere(
            "This annotation was saved from another window meanwhile.",
            remedy="Compare the two and choose which one to keep.",
            current=_as_it_stands(draft),
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
    imaging: list[dict[str, Any]] | None = None,
    changed_beside: bool = False,
) -> Revision:
    """Make the revision final and tie it to the one before; `imaging` is what was looked at.

    `changed_beside` says that an amendment changes the opinion's texts, so that its answers may be
    the same.
    Raises SignedRevisionIsFinal, FormFromTheFuture, AnnotationChangedElsewhere, AnnotationIncomplete,
    VerdictNotRestated or AmendmentChangesNothing.
    """
    refuse_if_signed(draft)
    organ = ORGANS[draft.annotation.organ]
    refuse_future(organ, draft.schema_version)
    if draft.version != seen_version:
        raise AnnotationChangedElsewhere(
            "The annotation changed after you looked at what will be sent.",
            remedy="Look at the preview again, then sign.",
            current=_as_it_stands(draft),
        )
    before = _signed_before(draft)
    _refuse_to_sign(organ, draft, before, restated_verdict, changed_beside=changed_beside)
    draft.evaluations = organ.evaluated(draft.answers, draft.options)
    draft.verdict = restated_verdict
    draft.signed_by = signed_by
    draft.sha256 = answers_sha256(organ.id, draft.answers)
    draft.schema_version = organ.schema_version
    draft.imaging = imaging or []
    draft.previous_sha256 = seal(before) if before else ""
    draft.signed_at = now
    draft.chain_sha256 = link_of(organ.id, draft).sha256
    session.flush()
    return draft


def _refuse_to_sign(
    organ: Organ,
    draft: Revision,
    before: Revision | None,
    restated_verdict: str,
    *,
    changed_beside: bool,
) -> None:
    """Raise for a draft that lacks an answer, says another verdict, or amends nothing."""
    missing = list(organ.to_sign(draft.answers, draft.options))
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
    same = before is not None and (before.answers, before.options) == (draft.answers, draft.options)
    if same and not changed_beside:
        raise AmendmentChangesNothing(
            "The amendment says the same as the signed revision.",
            remedy="Change what was wrong, or discard the amendment.",
        )


def mark_unsupported(draft: Revision, study_uids: Collection[str]) -> None:
    """Before a draft is signed: what was seen on a study that is not among these is marked so."""
    refuse_if_signed(draft)
    marked = standing(draft.answers, study_uids)
    if marked != draft.answers:
        draft.answers = marked


def begin_amendment(
    session: Session, case_id: str, reviewer_id: str, *, reason: str, now: datetime
) -> Revision:
    """Open a new revision from the reviewer's signed one, which stays what it is.

    Raises AmendmentWithoutReason, AmendmentNotPossible or FormFromTheFuture.
    """
    words = reason.strip()
    if not words or len(words) > LONGEST_REASON:
        text = f"Say in at most {LONGEST_REASON} characters why the opinion is amended."
        raise AmendmentWithoutReason(
            "The amendment was not begun.", [FieldProblem("/reason", text)], remedy="Give a reason."
        )
    annotation = annotation_of(session, case_id, reviewer_id)
    if annotation is not None:
        # Two windows: the second waits here, and then sees the revision that the first one opened.
        session.refresh(annotation, with_for_update=True)
    signed = current(annotation)
    if annotation is None or signed is None or signed.signed_at is None:
        raise AmendmentNotPossible(
            "There is no signed revision to amend, or an amendment is open already.",
            remedy="Reload the panel: it shows what there is.",
        )
    refuse_future(ORGANS[annotation.organ], signed.schema_version)
    amended = Revision(
        annotation_id=annotation.id,
        number=signed.number + 1,
        version=max(signed.version, annotation.last_version) + 1,
        answers=signed.answers,
        options=signed.options,
        evaluations=signed.evaluations,
        schema_version=signed.schema_version,
        saved_at=now,
        amends=signed.number,
        amendment_reason=words,
    )
    session.add(amended)
    session.flush()
    session.expire(annotation, ["revisions"])
    return amended


def discard_amendment(
    session: Session, case_id: str, reviewer_id: str, *, seen_version: int
) -> Revision:
    """Throw an amendment's draft away; the signed revision stands. Gives that one back.

    Raises AmendmentNotPossible or AnnotationChangedElsewhere.
    """
    annotation = annotation_of(session, case_id, reviewer_id)
    draft = current(annotation)
    if annotation is None or draft is None or draft.signed_at or draft.amends is None:
        raise AmendmentNotPossible(
            "No amendment is open.", remedy="Reload the panel: it shows what there is."
        )
    if draft.version != seen_version:
        raise AnnotationChangedElsewhere(
            "The amendment was saved from another window meanwhile.",
            remedy="Look at what changed there before you discard it.",
            current=_as_it_stands(draft),
        )
    annotation.last_version = draft.version
    session.delete(draft)
    session.flush()
    session.expire(annotation, ["revisions"])
    return annotation.revisions[-1]


def link_earlier_case(
    session: Session, case_id: str, earlier_case_id: str, *, by: str, now: datetime
) -> None:
    """Say that an earlier case is about the same patient; the one linked before is replaced.

    Raises EarlierCaseRefused for a case that leads back to itself.
    """
    met, here = {case_id}, earlier_case_id
    while here not in met:
        met.add(here)
        found = earlier_link(session, here)
        if found is None:
            break
        here = found.earlier_case_id
    else:
        raise EarlierCaseRefused(
            "The case was not linked: it would be earlier than itself.",
            [FieldProblem("/earlier", "Give the number of an earlier case of the same patient.")],
        )
    link = earlier_link(session, case_id) or EarlierCase(case_id=case_id)
    link.earlier_case_id, link.linked_by, link.linked_at = earlier_case_id, by, now
    session.add(link)
    session.flush()


def refuse_if_signed(revision: Revision) -> None:
    """Raise SignedRevisionIsFinal when the revision is signed."""
    if revision.signed_at is not None:
        raise SignedRevisionIsFinal(
            "This opinion is signed and cannot be changed.",
            remedy="An amendment is written as a new revision that says what changed.",
        )


def _signed_before(draft: Revision) -> Revision | None:
    """The signed revision that this one follows."""
    before = [one for one in draft.annotation.revisions if one.number < draft.number]
    return before[-1] if before else None


def _as_it_stands(draft: Revision) -> dict[str, Any]:
    """What somebody who saw an older version has to see now."""
    return {"answers": draft.answers, "version": draft.version, "options": draft.options}
