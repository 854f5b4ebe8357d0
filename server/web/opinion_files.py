"""The issued opinion as data: the structured report of DICOM, JSON, and FHIR."""

from __future__ import annotations

from flask import Response

from server.access.action import Action
from server.access.door import Route
from server.intake.queries import arrivals_of_case
from server.opinions.assessment import Assessment, assessment_of
from server.opinions.export import ExportedSeries, assessment_text
from server.opinions.fhir import MIME_TYPE, fhir_text
from server.opinions.imaging import stored_report
from server.opinions.queries import issued, issued_as
from server.web.composition import NOT_IMAGES
from server.web.kept_pdf import kept_pdf
from server.web.visit import Visit


def opinion_data(visit: Visit) -> Response:
    """The signed annotation as JSON, following the schema that docs/opinion-formats.md explains."""
    assessment = _assessment(visit)
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
    kept = issued(visit.session, visit.case.id)
    assessment = assessment_of(visit.session, kept)
    pdf = visit.services.files.path(kept.sha256).read_bytes()
    name = f"opinion-{assessment.opinion.number}.fhir.json"
    return _file(visit, fhir_text(assessment, pdf).encode(errors="replace"), MIME_TYPE, name)


def opinion_report(visit: Visit) -> Response:
    """The structured report as it lies beside the images; a Part 10 file."""
    assessment = _assessment(visit)
    study = issued(visit.session, visit.case.id).StudyInstanceUID
    body = stored_report(visit.services.archive, assessment, study)
    return _file(visit, body, "application/dicom", f"opinion-{assessment.opinion.number}.dcm")


def opinion_by_number(visit: Visit, opinion: str) -> Response:
    """The document of one opinion of the case, also of one that was amended since."""
    found = issued_as(visit.session, visit.case.id, opinion)
    visit.note(opinion=found.number)
    return kept_pdf(visit, found.sha256, f"opinion-{found.number}.pdf")


def _assessment(visit: Visit) -> Assessment:
    return assessment_of(visit.session, issued(visit.session, visit.case.id))


def _file(visit: Visit, body: bytes, mimetype: str, name: str) -> Response:
    response = Response(body, mimetype=mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "private, no-cache"
    visit.note(file=name)
    return response


ROUTES = [
    Route("/cases/<number>/opinion.json", opinion_data, Action.OPINION_READ),
    Route("/r/<launch>/opinion.json", opinion_data, Action.OPINION_READ),
    Route("/cases/<number>/opinion.fhir.json", opinion_fhir, Action.OPINION_READ),
    Route("/r/<launch>/opinion.fhir.json", opinion_fhir, Action.OPINION_READ),
    Route("/cases/<number>/opinions/<opinion>", opinion_by_number, Action.OPINION_READ),
    Route("/r/<launch>/opinions/<opinion>", opinion_by_number, Action.OPINION_READ),
    Route("/cases/<number>/opinion.dcm", opinion_report, Action.OPINION_READ),
    Route("/r/<launch>/opinion.dcm", opinion_report, Action.OPINION_READ),
]
