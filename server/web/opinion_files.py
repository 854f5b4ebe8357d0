"""The issued opinion as files: its PDF, the structured report of DICOM, JSON, and FHIR."""

from __future__ import annotations

from contextlib import suppress

from flask import Response, request

from server.access.action import Action
from server.access.door import Route
from server.foundation.errors import NoRoom, Unavailable
from server.intake.queries import arrivals_of_case
from server.opinions.actions import note_read
from server.opinions.assessment import assessment_of
from server.opinions.export import ExportedSeries, assessment_text
from server.opinions.fhir import MIME_TYPE, fhir_text
from server.opinions.imaging import stored_report
from server.opinions.queries import issued, issued_as
from server.opinions.records import IssuedOpinion
from server.web.composition import NOT_IMAGES
from server.web.kept_pdf import kept_pdf
from server.web.visit import Visit
from server.web.voices import is_hospital


def opinion_document(visit: Visit) -> Response:
    """The issued opinion as PDF; its file name bears the case's number and nothing else."""
    opinion = _newest(visit)
    visit.note(opinion=opinion.number)
    name, to_save = f"opinion-{opinion.number}.pdf", "download" in request.args
    return kept_pdf(visit, opinion.sha256, name, to_save=to_save)


def opinion_data(visit: Visit) -> Response:
    """The signed annotation as JSON, following the schema that docs/opinion-formats.md explains."""
    assessment = assessment_of(visit.session, _newest(visit))
    series = {
        arrival.StudyInstanceUID: [
            ExportedSeries(one["SeriesInstanceUID"], one["Modality"], one["instances"])
            for one in arrival.series
            if one["Modality"] not in NOT_IMAGES
        ]
        for arrival in arrivals_of_case(visit.session, visit.case.id)
    }
    text = assessment_text(assessment, series)
    return _file(
        visit,
        text.encode(errors="replace"),
        "application/json",
        f"opinion-{assessment.opinion.number}.json",
    )


def opinion_fhir(visit: Visit) -> Response:
    """The newest opinion as a FHIR R4 bundle, with its PDF in it."""
    kept = _newest(visit)
    assessment = assessment_of(visit.session, kept)
    pdf = visit.services.files.path(kept.sha256).read_bytes()
    name = f"opinion-{assessment.opinion.number}.fhir.json"
    return _file(visit, fhir_text(assessment, pdf).encode(errors="replace"), MIME_TYPE, name)


def opinion_report(visit: Visit) -> Response:
    """The structured report as it lies beside the images; a Part 10 file."""
    kept = _newest(visit)
    assessment = assessment_of(visit.session, kept)
    body = stored_report(visit.services.archive, assessment, kept.StudyInstanceUID)
    return _file(visit, body, "application/dicom", f"opinion-{assessment.opinion.number}.dcm")


def opinion_by_number(visit: Visit, opinion: str) -> Response:
    """The document of one opinion of the case, also of one that was amended since."""
    found = issued_as(visit.session, visit.case.id, opinion)
    _note_read(visit, found)
    visit.note(opinion=found.number)
    return kept_pdf(visit, found.sha256, f"opinion-{found.number}.pdf")


def _newest(visit: Visit) -> IssuedOpinion:
    opinion = issued(visit.session, visit.case.id)
    _note_read(visit, opinion)
    return opinion


def _note_read(visit: Visit, opinion: IssuedOpinion) -> None:
    """The case's page says since when the hospital knows the opinion. It is read all the same where that
    cannot be noted; the next reading is then the first."""
    if opinion.first_read_at is None and is_hospital(visit):
        with suppress(Unavailable, NoRoom), visit.services.db.writing() as session:
            note_read(session, opinion.id, visit.now)


def _file(visit: Visit, body: bytes, mimetype: str, name: str) -> Response:
    response = Response(body, mimetype=mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "private, no-cache"
    visit.note(file=name)
    return response


ROUTES = [
    Route("/r/<launch>/opinion.pdf", opinion_document, Action.OPINION_READ),
    Route("/cases/<number>/opinion.pdf", opinion_document, Action.OPINION_READ),
    Route("/cases/<number>/opinion.json", opinion_data, Action.OPINION_READ),
    Route("/r/<launch>/opinion.json", opinion_data, Action.OPINION_READ),
    Route("/cases/<number>/opinion.fhir.json", opinion_fhir, Action.OPINION_READ),
    Route("/r/<launch>/opinion.fhir.json", opinion_fhir, Action.OPINION_READ),
    Route("/cases/<number>/opinions/<opinion>", opinion_by_number, Action.OPINION_READ),
    Route("/r/<launch>/opinions/<opinion>", opinion_by_number, Action.OPINION_READ),
    Route("/cases/<number>/opinion.dcm", opinion_report, Action.OPINION_READ),
    Route("/r/<launch>/opinion.dcm", opinion_report, Action.OPINION_READ),
]
