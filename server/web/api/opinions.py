"""The issued opinions of a case: which there are, and each as a document and as data."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from server.access.action import Action
from server.opinions.fhir import MIME_TYPE
from server.opinions.queries import opinions_of_case, rounds_of_opinions
from server.opinions.records import IssuedOpinion
from server.web.api.endpoint import BASE, Endpoint, Given, Media
from server.web.api.fields import AT, NUMBER, Href, Moment, Word
from server.web.opinion_files import (
    opinion_by_number,
    opinion_data,
    opinion_document,
    opinion_fhir,
    opinion_report,
)
from server.web.visit import Visit

TAG = "Opinion"


class OpinionRead(Given):
    """One opinion of the case."""

    number: Word
    round: Annotated[int, Meta(ge=1, description="The round of the case that it answers.")]
    state: Annotated[
        str,
        Meta(description="issuing, issued (the document can be read) or archived (also in PACS)"),
    ]
    status: Annotated[str, Meta(description="preliminary or final")]
    replaces: Annotated[str, Meta(description="The opinion that this one replaces, or empty.")]
    signed_at: Moment
    issued_at: Moment | None
    sha256: Annotated[str, Meta(description="SHA-256 of the PDF; empty while it is made.")]
    StudyInstanceUID: str
    SOPInstanceUID: Annotated[str, Meta(description="The encapsulated PDF beside the images.")]
    document: Annotated[Href, Meta(description="The address of the PDF.")]


class Opinions(Given):
    """Every opinion of the case, the newest first. The newest one that is issued stands."""

    opinions: list[OpinionRead]


def list_opinions(visit: Visit) -> Opinions:
    """The case's opinions."""
    session, case = visit.session, visit.case
    rounds = rounds_of_opinions(session, case.id)
    return Opinions(
        opinions=[
            _read(one, case.number, rounds[one.id]) for one in opinions_of_case(session, case.id)
        ]
    )


def _read(one: IssuedOpinion, number: str, of_round: int) -> OpinionRead:
    return OpinionRead(
        number=one.number,
        round=of_round,
        state=one.state,
        status=one.status,
        replaces=one.replaces,
        signed_at=one.requested_at,
        issued_at=one.issued_at,
        sha256=one.sha256,
        StudyInstanceUID=one.StudyInstanceUID,
        SOPInstanceUID=one.SOPInstanceUID,
        document=f"{BASE}/cases/{number}/opinions/{one.number}",
    )


_OPINION = OpinionRead(
    number=f"{NUMBER}-O1",
    round=1,
    state="issued",
    status="preliminary",
    replaces="",
    signed_at=AT,
    issued_at=AT,
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    StudyInstanceUID="1.2.826.0.1.3680043.8.498.4711",
    SOPInstanceUID="2.25.31415926535897932384626433832795028",
    document=f"{BASE}/cases/{NUMBER}/opinions/{NUMBER}-O1",
)
_NOT_YET = ("opinion_not_issued",)

ENDPOINTS = (
    Endpoint(
        "GET", "/cases/<number>/opinions", list_opinions, Action.OPINION_READ, TAG,
        "List opinions and amendments", Opinions, Opinions(opinions=[_OPINION]),
    ),
    Endpoint(
        "GET", "/cases/<number>/opinions/<opinion>", opinion_by_number, Action.OPINION_READ, TAG,
        "One opinion as PDF", Media("application/pdf", "The document."), refusals=_NOT_YET,
    ),
    Endpoint(
        "GET", "/cases/<number>/opinion.pdf", opinion_document, Action.OPINION_READ, TAG,
        "The newest opinion as PDF", Media("application/pdf", "The document."), refusals=_NOT_YET,
    ),
    Endpoint(
        "GET", "/cases/<number>/opinion.json", opinion_data, Action.OPINION_READ, TAG,
        "The newest opinion as data",
        Media("application/json", "As docs/opinion-formats.md explains."), refusals=_NOT_YET,
    ),
    Endpoint(
        "GET", "/cases/<number>/opinion.fhir.json", opinion_fhir, Action.OPINION_READ, TAG,
        "The newest opinion as a FHIR R4 bundle", Media(MIME_TYPE, "With its PDF in it."),
        refusals=_NOT_YET,
    ),
    Endpoint(
        "GET", "/cases/<number>/opinion.dcm", opinion_report, Action.OPINION_READ, TAG,
        "The newest opinion as DICOM SR", Media("application/dicom", "A Part 10 file, TID 1500."),
        refusals=_NOT_YET,
    ),
)  # fmt: skip
