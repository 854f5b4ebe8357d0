"""Signing, by which an annotation and its texts become an opinion: from the panel and from its page."""

from __future__ import annotations

from server.annotations import actions as annotation_actions
from server.annotations.queries import annotation_of, current
from server.annotations.records import Revision
from server.cases import actions as case_actions
from server.cases.lifecycle import State
from server.opinions import actions as opinions
from server.opinions.document import Opinion
from server.opinions.drafts import same_texts
from server.opinions.finality import refuse_unfounded
from server.opinions.records import IssuedOpinion
from server.opinions.stored import from_stored
from server.panel import actions as panels
from server.panel import telling
from server.web.composition import Signature, imaging_seen, study_for_document
from server.web.imaging_ground import ground_of
from server.web.reviewing import (
    draft_revision,
    draft_seen,
    replaced_opinion,
    reviewer,
    text_draft,
    written_opinion,
)
from server.web.seen_images import case_studies
from server.web.taking_part import hold_to_sign
from server.web.visit import Visit

# The states in which a case has its opinion and no newer round was begun.
AMENDED_IN = (State.OPINED, State.REASSESSMENT)


def sign(
    visit: Visit, *, seen_version: int, restated_verdict: str, seen_draft: int | None = None
) -> tuple[Revision, IssuedOpinion | None]:
    """Make the visitor's annotation final and ask for the opinion's document. In a panel it becomes the
    visitor's vote instead, and there is no opinion.

    `seen_version` is the annotation's, `seen_draft` the texts' version that the signer had before
    their eyes; None where the signer saw the preview only. Raises what `taking_part.hold_to_sign`,
    `annotations.actions.sign`, `opinions.finality` and `cases.actions.complete` raise, and
    OpinionDraftChangedElsewhere; then nothing is signed and nothing written is lost.
    """
    part = hold_to_sign(visit, amends=_amends(visit))
    case, draft = visit.case, draft_revision(visit)
    kept = text_draft(visit)
    if seen_draft is not None and seen_draft != (kept.version if kept else 0):
        raise opinions.draft_changed_elsewhere(kept)
    ground = ground_of(visit.session, case, visit.now.date())
    refuse_unfounded(draft_seen(visit), restated_verdict, ground.too_old)
    annotation_actions.mark_unsupported(draft, case_studies(visit))
    signed = annotation_actions.sign(
        visit.session,
        draft,
        seen_version=seen_version,
        restated_verdict=restated_verdict,
        signed_by=reviewer(visit)[1],
        now=visit.now,
        imaging=imaging_seen(visit.session, case),
        changed_beside=_written_anew(visit, draft),
    )
    if part.panel is not None and not part.concludes:
        assert part.person_id is not None
        advance = panels.cast(visit.session, part.panel, case, part.person_id, signed, visit.now)
        telling.advanced(visit.session, part.panel, case, advance, visit.now)
        visit.note(vote=len(part.panel.votes), of=part.panel.wanted, opened=advance.opened)
        return signed, None
    # An amendment is signed after the opinion; a case that was closed since takes none.
    if signed.amends is None or case.state not in AMENDED_IN:
        case_actions.complete(visit.session, case, visit.now, by=visit.actor.text)
    return signed, issue(visit, signed)


def _amends(visit: Visit) -> bool:
    draft = current(annotation_of(visit.session, visit.case.id, reviewer(visit)[0]))
    return draft is not None and draft.amends is not None


def issue(visit: Visit, signed: Revision) -> IssuedOpinion:
    """Keep what was signed as an opinion and ask for its document."""
    case = visit.case
    signature = Signature(
        number=opinions.next_number(visit.session, case.id, case.number),
        signed_at=visit.now,
        revision=signed.number,
        sha256=signed.sha256,
    )
    issued = opinions.issue(
        visit.session,
        written_opinion(visit, signed, signature=signature),
        case_id=case.id,
        revision_id=signed.id,
        StudyInstanceUID=study_for_document(visit.session, case),
        now=visit.now,
        verify_at=f"{visit.services.settings.public_url}/verify",
    )
    visit.note(
        verdict=signed.verdict,
        sha256=signed.chain_sha256,
        opinion=signature.number,
        status=issued.status,
        content_sha256=issued.content_sha256,
    )
    if signed.amends is not None:
        visit.note(amends=signed.amends)
    return issued


def _written_anew(visit: Visit, draft: Revision) -> bool:
    """Whether the opinion says something else than the one it replaces, beside the annotation."""
    before = replaced_opinion(visit, draft)
    if before is None:
        return False
    now: Opinion = written_opinion(visit, draft)
    return not same_texts(from_stored(before.content), now)
