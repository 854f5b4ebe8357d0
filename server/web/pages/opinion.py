"""The page on which a reviewer writes the opinion: what the annotation makes of it, their own words
over that, and what would be issued beside both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, jsonify, request

from server.access.action import Action
from server.access.door import Route
from server.annotations import actions as annotation_actions
from server.annotations.organs import ORGANS
from server.annotations.records import Revision
from server.foundation.clock import iso
from server.foundation.errors import BadRequest, Conflict, Invalid, MarginError
from server.opinions.actions import save_draft
from server.opinions.document import Opinion
from server.opinions.drafts import (
    LANGUAGES,
    PAPERS,
    PARTS,
    Draft,
    Part,
    generated_texts,
    missing_parts,
    sha256_of,
)
from server.opinions.key_images import MOST_IMAGES, KeyImage
from server.opinions.queries import opinion_of_revision
from server.opinions.standing import BASES, CATEGORIES
from server.web import shown, signing
from server.web.bodies import fields_of_body
from server.web.forms import text_only
from server.web.headers import PAGE_POLICY
from server.web.imaging_ground import ground_of
from server.web.opinion_preview import preview, preview_pdf
from server.web.pages.case_places import base_of
from server.web.pages.layout import go, page
from server.web.reviewing import (
    draft_seen,
    generated_opinion,
    own_revision,
    reviewer,
    text_draft,
    time_point,
)
from server.web.visit import Visit


class OpinionNotUnderstood(BadRequest):
    """What was sent as an opinion's draft is not what was agreed."""


class OpinionSigned(Conflict):
    """The opinion is signed, and nobody began an amendment or the final one."""


@dataclass(frozen=True)
class PartShown:
    """One part as the page shows it: `text` is what would be printed, `own` says that the reviewer
    wrote it, `stale` that what is generated changed since.
    """

    part: Part
    generated: str
    text: str
    own: bool
    stale: bool


def opinion_page(visit: Visit, refused: MarginError | None = None) -> Response:
    """Every part of the opinion, generated and written, with the preview beside it."""
    revision, kept = own_revision(visit), text_draft(visit)
    signed = revision is not None and revision.signed_at is not None
    draft = draft_seen(visit, veiled=True)
    generated = generated_opinion(visit, revision, veiled=True)
    own = opinion_of_revision(visit.session, revision.id) if revision else None
    response = page(
        visit,
        "case_opinion.html",
        refused=refused,
        case=visit.case,
        base=base_of(visit),
        revision=revision,
        signed=signed,
        own=own,
        draft=draft,
        version=kept.version if kept else 0,
        saved_at=kept.saved_at if kept else None,
        parts_shown=parts_shown(generated, draft),
        missing=missing_parts(generated, draft) if revision else [],
        to_sign=_to_sign(revision),
        verdicts=_verdicts(visit),
        images=_images(generated, draft),
        most_images=MOST_IMAGES,
        ground=ground_of(visit.session, visit.case, visit.now.date()),
        opinion=generated,
        bases=BASES,
        categories=CATEGORIES,
        languages=LANGUAGES,
        papers=PAPERS,
    )
    response.headers["Content-Security-Policy"] = f"{PAGE_POLICY}; frame-src 'self'"
    return response


def parts_shown(generated: Opinion, draft: Draft) -> list[PartShown]:
    """The parts in the order of the opinion."""
    texts = generated_texts(generated)
    found = []
    for part in PARTS:
        own, made = draft.texts.get(part.key), texts[part.key]
        stale = own is not None and bool(own.over) and own.over != sha256_of(made)
        text = own.text if own else made
        found.append(PartShown(part, made, text, own is not None, stale))
    return found


def save(visit: Visit) -> Response:
    """Keep what was written: JSON as it is typed, or the whole form."""
    if request.is_json:
        return jsonify(_saved(visit, fields_of_body({"version": int})))
    sent = _form_sent()
    try:
        with visit.attempt():
            _saved(visit, sent)
    except (Invalid, Conflict) as error:
        return opinion_page(visit, refused=error)
    return go(f"{base_of(visit)}/opinion", "The opinion’s draft is saved.")


def _saved(visit: Visit, sent: dict[str, Any]) -> dict[str, Any]:
    revision, kept = own_revision(visit), text_draft(visit)
    if revision is not None and revision.signed_at is not None:
        raise OpinionSigned(
            "This opinion is signed and cannot be changed.",
            remedy="Begin an amendment or the final opinion first; what you wrote stays here.",
        )
    stored = draft_seen(visit)
    words = {key: one.text for key, one in stored.texts.items()}
    texts = sent.get("texts")
    if isinstance(texts, dict):
        seen = generated_texts(generated_opinion(visit, revision, veiled=True))
        sent["texts"] = {
            # A generated text comes back as this visitor was shown it: then it is the generated one.
            key: None if isinstance(one, str) and one.strip() == seen.get(key, "").strip() else one
            for key, one in shown.kept(visit, texts, words).items()
        }
    generated = generated_texts(generated_opinion(visit, revision))
    saved = save_draft(
        visit.session,
        visit.case.id,
        reviewer(visit)[0],
        sent,
        generated,
        time_point=time_point(visit),
        seen_version=sent["version"],
        by=reviewer(visit)[1],
        now=visit.now,
    )
    visit.note(draft_version=saved.version, was=kept.version if kept else 0)
    draft = draft_seen(visit, veiled=True)
    made = generated_opinion(visit, revision, veiled=True)
    return {
        "version": saved.version,
        "saved_at": iso(visit.now),
        "missing": missing_parts(made, draft),
        "parts": {
            one.part.key: {"text": one.text, "own": one.own, "stale": one.stale}
            for one in parts_shown(made, draft)
        },
    }


def sign(visit: Visit) -> Response:
    """Sign what the page showed, and issue it."""
    versions = [request.form.get(name, "") for name in ("version", "draft_version")]
    if not all(one.isdecimal() and len(one) < 10 for one in versions):
        raise OpinionNotUnderstood("The form is incomplete.", remedy="Reload the page.")
    try:
        with visit.attempt():
            _, issued = signing.sign(
                visit,
                seen_version=int(versions[0]),
                restated_verdict=request.form.get("verdict", ""),
                seen_draft=int(versions[1]),
            )
    except (Invalid, Conflict) as error:
        return opinion_page(visit, refused=error)
    said = "Signed: your vote is kept."
    if issued is not None:
        said = f"Signed: {issued.number} is being made and goes to the hospital in a moment."
    return go(f"{base_of(visit)}/opinion", said)


def begin(visit: Visit) -> Response:
    """Open the next revision of a signed opinion: to amend it, or to write the final one."""
    reason = text_only(request.form.get("reason")) or ""
    if visit.case.state not in signing.AMENDED_IN:
        raise OpinionSigned(
            "An opinion is amended or made final while its case stands at “opinion issued”.",
            remedy="Ask the coordinator to open a new round for this patient.",
        )
    try:
        with visit.attempt():
            draft = annotation_actions.begin_amendment(
                visit.session,
                visit.case.id,
                reviewer(visit)[0],
                reason=shown.kept(visit, {"reason": reason}, {})["reason"],
                now=visit.now,
            )
    except Invalid as error:
        return opinion_page(visit, refused=error)
    visit.note(amends=draft.amends)
    return go(
        f"{base_of(visit)}/opinion", "A new revision is open; the signed one stands meanwhile."
    )


def _to_sign(revision: Revision | None) -> list[str]:
    """What the annotation still lacks for a signature."""
    if revision is None:
        return ["The form beside the images is not begun."]
    organ = ORGANS[revision.annotation.organ]
    return [one.message for one in organ.to_sign(revision.answers, revision.options)]


def _verdicts(visit: Visit) -> dict[str, str]:
    """The verdicts of the organ's form by their codes."""
    organ = ORGANS[visit.case.organ]
    field = next(one for one in organ.fields if one.pointer == organ.verdict_pointer)
    return {str(code): str(label) for code, label in field.hints["choices"].items()}


def _images(generated: Opinion, draft: Draft) -> list[tuple[KeyImage, bool]]:
    return [(one, one.pointer not in draft.images_left_out) for one in generated.key_images]


def _form_sent() -> dict[str, Any]:
    form = request.form
    version = form.get("version", "")
    if not (version.isdecimal() and len(version) < 10):
        raise OpinionNotUnderstood("The form is incomplete.", remedy="Reload the page.")
    again = form.get("take")
    texts = {
        part.key: None if part.key == again else text_only(form[f"text-{part.key}"])
        for part in PARTS
        if f"text-{part.key}" in form
    }
    chosen = {name: form.get(name, "") for name in ("basis", "assessed_on", "language", "paper")}
    every, printed = set(form.getlist("image_offered")), set(form.getlist("image"))
    return {
        **chosen,
        "version": int(version),
        "texts": texts,
        "status": form.get("status", "preliminary"),
        "categories": form.getlist("categories"),
        "images_left_out": sorted(every - printed),
    }


CASE, VISIT = "/cases/<number>/opinion", "/r/<launch>/opinion"
A = Action.ANNOTATION_SIGN
ROUTES = [
    Route(CASE, opinion_page, A),
    Route(VISIT, opinion_page, A),
    Route(f"{CASE}/draft", save, A, ("PUT", "POST")),
    Route(f"{VISIT}/draft", save, A, ("PUT", "POST")),
    Route(f"{CASE}/sign", sign, A, ("POST",)),
    Route(f"{VISIT}/sign", sign, A, ("POST",)),
    Route(f"{CASE}/begin", begin, A, ("POST",)),
    Route(f"{VISIT}/begin", begin, A, ("POST",)),
    Route(f"{CASE}/preview", preview, A),
    Route(f"{VISIT}/preview", preview, A),
    Route(f"{CASE}/preview.pdf", preview_pdf, A),
    Route(f"{VISIT}/preview.pdf", preview_pdf, A),
]
