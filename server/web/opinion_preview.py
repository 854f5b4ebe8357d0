"""The opinion as it would be issued now: as a page beside what is written, and as a PDF."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, make_response

from server.access.action import Action
from server.annotations.records import Revision
from server.archive import ArchiveUnavailable
from server.opinions.document import Opinion
from server.opinions.page import PREVIEW_CSP, render_html
from server.opinions.pictures import pictures_of
from server.opinions.printing import printed
from server.web.kept_pdf import PDF_POLICY
from server.web.reviewing import own_revision, written_opinion
from server.web.visit import Visit


def preview(visit: Visit) -> Response:
    """The opinion as it would be sent if it were signed now."""
    revision = own_revision(visit)
    opinion = written_opinion(visit, revision, veiled=True)
    response = make_response(render_html(opinion, _pictures(visit, revision, opinion)))
    response.headers["Content-Security-Policy"] = PREVIEW_CSP
    return response


def preview_pdf(visit: Visit) -> Response:
    """The same as a PDF; its pictures are put in when the opinion is issued."""
    opinion = written_opinion(visit, own_revision(visit), veiled=True)
    response = Response(printed(render_html(opinion)), mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=f"draft-{visit.case.number}.pdf")
    response.headers["Content-Security-Policy"] = PDF_POLICY
    return response


def _pictures(visit: Visit, revision: Revision | None, opinion: Opinion) -> Mapping[str, bytes]:
    """The pictures by the names under which this visitor knows the images; none while the archive
    does not answer.
    """
    if not opinion.key_images or not visit.may(Action.IMAGES_READ):
        return {}
    images = written_opinion(visit, revision).key_images if visit.pseudonymised else None
    try:
        drawn = pictures_of(visit.services.archive, images or opinion.key_images)
    except ArchiveUnavailable:
        return {}
    if images is None:
        return drawn
    real = {one.pointer: one.name for one in images}
    return {
        one.name: drawn[real[one.pointer]]
        for one in opinion.key_images
        if real.get(one.pointer) in drawn
    }
