"""The opinion as it was issued or would be now: as a page beside what is written, and as a PDF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, make_response

from server.access.action import Action
from server.archive import ArchiveUnavailable
from server.opinions.document import Opinion
from server.opinions.page import PREVIEW_CSP, render_html
from server.opinions.pictures import pictures_of
from server.opinions.printing import printed
from server.opinions.queries import opinion_of_revision
from server.opinions.records import IssuedOpinion
from server.opinions.stored import from_stored
from server.web.kept_pdf import PDF_POLICY
from server.web.reviewing import own_revision, written_opinion
from server.web.shown import veil_of
from server.web.visit import Visit


def preview(visit: Visit) -> Response:
    """The opinion of this visitor as it was issued; before that, as it would be if it were signed now."""
    opinion, plain = _standing(visit)
    response = make_response(render_html(opinion, _pictures(visit, opinion, plain)))
    response.headers["Content-Security-Policy"] = PREVIEW_CSP
    return response


def preview_pdf(visit: Visit) -> Response:
    """The same as a PDF; its pictures are put in when the opinion is issued."""
    opinion, _ = _standing(visit)
    response = Response(printed(render_html(opinion)), mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=f"draft-{visit.case.number}.pdf")
    response.headers["Content-Security-Policy"] = PDF_POLICY
    return response


def _standing(visit: Visit) -> tuple[Opinion, Opinion]:
    """The opinion as this visitor may see it, and with the archive's own names of its images."""
    revision = own_revision(visit)
    kept = opinion_of_revision(visit.session, revision.id) if revision else None
    if kept is not None:
        return issued_seen(visit, kept), from_stored(kept.content)
    opinion = written_opinion(visit, revision, veiled=True)
    return opinion, written_opinion(visit, revision) if visit.pseudonymised else opinion


def issued_seen(visit: Visit, kept: IssuedOpinion) -> Opinion:
    """An issued opinion as this visitor may see it: without names where somebody decided so."""
    veil = veil_of(visit)
    if veil is None:
        return from_stored(kept.content)
    content: dict[str, Any] = veil.answers(kept.content)
    # The case's number may have been the accession number, too, and is no secret here.
    hidden = replace(
        from_stored({**content, "format": kept.content["format"]}),
        number=kept.number,
        case_number=visit.case.number,
    )
    return veil.opinion(hidden)


def _pictures(visit: Visit, opinion: Opinion, plain: Opinion) -> Mapping[str, bytes]:
    """The pictures by the names under which this visitor knows the images; none while the archive
    does not answer. `plain` is the opinion with the archive's own names.
    """
    if not opinion.key_images or not visit.may(Action.IMAGES_READ):
        return {}
    try:
        drawn = pictures_of(visit.services.archive, plain.key_images)
    except ArchiveUnavailable:
        return {}
    if not visit.pseudonymised:
        return drawn
    real = {one.pointer: one.name for one in plain.key_images}
    return {
        one.name: drawn[real[one.pointer]]
        for one in opinion.key_images
        if real.get(one.pointer) in drawn
    }
