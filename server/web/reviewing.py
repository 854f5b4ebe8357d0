"""What one reviewer is writing on a case: their revision, their texts, and the opinion both make."""

from __future__ import annotations

from dataclasses import replace

from server.access.action import Action
from server.annotations import actions as annotation_actions
from server.annotations.queries import annotation_of, current, time_point_of
from server.annotations.records import Revision
from server.opinions.document import Opinion, Signer
from server.opinions.drafts import Draft, draft_of_json, generated_texts, text_changes, written_into
from server.opinions.queries import draft_record, opinion_of_revision
from server.opinions.records import IssuedOpinion, OpinionDraft
from server.opinions.standing import Precedent
from server.opinions.stored import from_stored
from server.people.records import Person
from server.web import shown
from server.web.composition import Signature, compose
from server.web.lesion_slices import slices_of
from server.web.panel_said import panel_part
from server.web.prior import amended_by, amendment_note
from server.web.seen_images import standing_answers
from server.web.taking_part import own_id, part_in, signed_seen
from server.web.visit import Visit


def reviewer(visit: Visit) -> tuple[str, str]:
    """Id and name under which this visitor's annotation is kept; the panel's id for who concludes."""
    part = part_in(visit)
    return part.reviewer_id, part.name


def signer(visit: Visit) -> Signer:
    """The visitor as they answer for an opinion."""
    part = part_in(visit)
    name, person_id = part.name, part.person_id
    person = visit.session.get(Person, person_id) if person_id else None
    return Signer(person.name, person.centre, person.subspecialty) if person else Signer(name)


def draft_revision(visit: Visit) -> Revision:
    """The revision this visitor is writing, begun when there is none; or the signed one."""
    reviewer_id, name = reviewer(visit)
    return annotation_actions.draft_of(
        visit.session, visit.case.id, visit.case.organ, reviewer_id=reviewer_id, reviewer_name=name
    )


def own_revision(visit: Visit) -> Revision | None:
    """The visitor's own revision; whoever does not review sees a signed one only."""
    own = current(annotation_of(visit.session, visit.case.id, reviewer(visit)[0]))
    if own is not None or visit.may(Action.ANNOTATION_WRITE):
        return own
    signed = signed_seen(visit)
    return signed[-1] if signed else None


def time_point(visit: Visit) -> int:
    """At which time point this visitor is writing."""
    annotation = annotation_of(visit.session, visit.case.id, reviewer(visit)[0])
    return annotation.time_point if annotation else time_point_of(visit.session, visit.case.id)


def text_draft(visit: Visit) -> OpinionDraft | None:
    """What this visitor wrote beside the annotation, or None."""
    return draft_record(visit.session, visit.case.id, reviewer(visit)[0], time_point(visit))


def draft_seen(visit: Visit, *, veiled: bool = False) -> Draft:
    """The same as a value; `veiled` as this visitor may see it."""
    kept = text_draft(visit)
    draft = draft_of_json(kept.content) if kept else Draft()
    if not veiled:
        return draft
    texts = {
        key: replace(one, text=shown.words(visit, one.text)) for key, one in draft.texts.items()
    }
    return replace(draft, texts=texts)


def generated_opinion(
    visit: Visit,
    revision: Revision | None,
    *,
    signature: Signature | None = None,
    veiled: bool = False,
) -> Opinion:
    """The opinion as the annotation alone makes it; `veiled` as this visitor may see it."""
    answers = standing_answers(visit, revision.answers) if revision else {}
    opinion = compose(
        visit.session,
        visit.case,
        shown.answers(visit, answers) if veiled else answers,
        signer=signer(visit),
        now=visit.now,
        signature=signature,
        options=revision.options if revision else {},
        amendment=amendment_note(visit, revision, veiled=veiled),
        seen_by=own_id(visit),
        slices=slices_of(visit.session, visit.case.id, answers),
    )
    opinion = replace(opinion, panel=panel_part(visit, revision, veiled=veiled))
    return shown.opinion(visit, opinion) if veiled else opinion


def written_opinion(
    visit: Visit,
    revision: Revision | None,
    *,
    signature: Signature | None = None,
    veiled: bool = False,
) -> Opinion:
    """The opinion with this visitor's own texts: as it would be issued now."""
    generated = generated_opinion(visit, revision, signature=signature, veiled=veiled)
    opinion = written_into(generated, draft_seen(visit, veiled=veiled))
    before = replaced_opinion(visit, revision)
    if before is None:
        return opinion
    was = from_stored(before.content)
    if was.status == "preliminary" and opinion.status == "final" and was.signed_at is not None:
        precedent = Precedent(was.number, was.signed_at, was.signer.name)
        opinion = replace(opinion, precedent=precedent)
    if opinion.amendment is None:
        return opinion
    # What the veil hides from this visitor it hides of the texts of the signed opinion, too.
    rewritten = [
        replace(one, before=shown.words(visit, one.before)) if veiled else one
        for one in text_changes(was, opinion, generated_texts(generated))
    ]
    changes = (*opinion.amendment.changes, *rewritten)
    return replace(opinion, amendment=replace(opinion.amendment, changes=changes))


def replaced_opinion(visit: Visit, revision: Revision | None) -> IssuedOpinion | None:
    """The issued opinion that this revision amends, or None."""
    if revision is None or revision.amends is None:
        return None
    return opinion_of_revision(visit.session, amended_by(revision).id)
