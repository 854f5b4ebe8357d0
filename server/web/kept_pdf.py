"""A PDF that Margin keeps, as browsers get it: shown in the page, and able to do nothing there."""

from __future__ import annotations

from typing import Final

from flask import Response, send_file

from server.web.visit import Visit

# A PDF can hold scripts and links; in a sandbox it is looked at and no more.
PDF_POLICY: Final = "sandbox; default-src 'none'; frame-ancestors 'self'"


def kept_pdf(visit: Visit, sha256: str, name: str, *, to_save: bool = False) -> Response:
    """The kept file of this digest under a file name that says nothing of the patient."""
    response = send_file(
        visit.services.files.path(sha256),
        mimetype="application/pdf",
        download_name=name,
        as_attachment=to_save,
    )
    response.headers["Content-Security-Policy"] = PDF_POLICY
    return response
