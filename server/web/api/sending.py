"""How images and files reach a case, and what has arrived of them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from server.access.action import Action
from server.cases.accession import accession_numbers
from server.intake.queries import arrivals_of_case, refused_for_case
from server.intake.uploads import queries as upload_queries
from server.web.api.endpoint import BASE, Endpoint, Given
from server.web.api.fields import AN_ID, AT, NUMBER, Href, Id, Line, Moment, OfRound, Word
from server.web.pages.uploads import takes_files
from server.web.taking_part import hidden_from
from server.web.visit import Visit

TAG = "Images"


class DicomTarget(Given):
    """Where to send by DICOM C-STORE."""

    ae_title: Word
    host: Line
    port: int
    tls: bool


class Sending(Given):
    """The ways in which images and files reach this case."""

    open: Annotated[bool, Meta(description="Whether the case takes anything more.")]
    dicom: DicomTarget
    accession_numbers: Annotated[
        list[str],
        Meta(description="A study with one of these finds the case by itself; so does `number`."),
    ]
    number: str
    uploads: Annotated[
        str, Meta(description="The address for resumable uploads: tus 1.0, DICOM, zip or PDF.")
    ]


class SeriesArrived(Given):
    """A series of a study, as its images say."""

    SeriesInstanceUID: str
    Modality: str
    SeriesDescription: str
    instances: int


class StudyRead(Given):
    """A study of the case, and how much of it has come."""

    StudyInstanceUID: str
    round: OfRound
    state: Annotated[
        str, Meta(description="announced, receiving, matched, or as the arrivals inbox says")
    ]
    settled: Annotated[bool, Meta(description="Nothing more came for a while: it seems whole.")]
    StudyDate: str
    StudyDescription: str
    AccessionNumber: str
    instance_count: int
    calling_aet: str
    series: list[SeriesArrived]


class StudyRefused(Given):
    """A study that was sent for this case and was not taken."""

    StudyDate: str
    AccessionNumber: str
    refusal: str
    at: Moment | None


class Studies(Given):
    """What has come for the case."""

    studies: list[StudyRead]
    refused: list[StudyRefused]


class UploadRead(Given):
    """One upload and what became of what was in it."""

    href: Href
    id: Id
    name: Line
    state: Annotated[
        str, Meta(description="receiving, complete (to be looked through), done or ended")
    ]
    size_bytes: int
    begun_at: Moment


class FileNotTaken(Given):
    """A file that was not taken, and why."""

    name: Line
    outcome: Annotated[str, Meta(description="refused, or left_out because nobody needs it")]
    reason: str
    at: Moment


class Uploads(Given):
    """The uploads of the case, the newest first, and how far they are, in files."""

    receiving: int
    waiting: int
    taken: int
    known: int
    left_out: int
    refused: int
    uploads: list[UploadRead]
    not_taken: list[FileNotTaken]


def how_to_send(visit: Visit) -> Sending:
    """Where to send to."""
    settings, case = visit.services.settings, visit.case
    return Sending(
        open=takes_files(visit),
        dicom=DicomTarget(
            ae_title=settings.dicom_aet,
            host=urlsplit(settings.public_url).hostname or "",
            port=settings.dicom_port,
            tls=bool(settings.dicom_tls_certificate),
        ),
        accession_numbers=sorted(accession_numbers(case.accession_number)),
        number=case.number,
        uploads=f"{BASE}/cases/{case.number}/uploads",
    )


def list_studies(visit: Visit) -> Studies:
    """The case's studies and how much of each has come."""
    session, case = visit.session, visit.case
    arrived = {one.StudyInstanceUID: one for one in arrivals_of_case(session, case.id)}
    rounds = {one.StudyInstanceUID: one.round for one in case.studies}
    announced = rounds.keys() - arrived.keys()
    hidden = hidden_from(visit).series
    found = [
        StudyRead(
            StudyInstanceUID=uid,
            round=rounds.get(uid, case.round),
            state=one.state,
            settled=one.settled_at is not None,
            StudyDate=one.StudyDate,
            StudyDescription=one.StudyDescription,
            AccessionNumber=one.AccessionNumber,
            instance_count=one.instance_count,
            calling_aet=one.calling_aet,
            series=[
                SeriesArrived(
                    SeriesInstanceUID=series["SeriesInstanceUID"],
                    Modality=str(series["Modality"] or ""),
                    SeriesDescription=str(series.get("SeriesDescription") or ""),
                    instances=series["instances"],
                )
                for series in one.series
                if series["SeriesInstanceUID"] not in hidden
            ],
        )
        for uid, one in arrived.items()
    ]
    found += [
        StudyRead(
            StudyInstanceUID=uid, round=rounds[uid], state="announced", settled=False,
            StudyDate="", StudyDescription="", AccessionNumber="", instance_count=0,
            calling_aet="", series=[],
        )
        for uid in sorted(announced)
    ]  # fmt: skip
    refused = [
        StudyRefused(
            StudyDate=one.StudyDate,
            AccessionNumber=one.AccessionNumber,
            refusal=one.refusal,
            at=one.decided_at,
        )
        for one in refused_for_case(session, case.id)
    ]
    return Studies(studies=found, refused=refused)


def list_uploads(visit: Visit) -> Uploads:
    """What was uploaded, and what became of it."""
    session, case = visit.session, visit.case
    far = upload_queries.progress(session, case.id)
    return Uploads(
        receiving=far.receiving,
        waiting=far.waiting,
        taken=far.taken,
        known=far.known,
        left_out=far.left_out,
        refused=far.refused,
        uploads=[
            UploadRead(
                href=f"{BASE}/cases/{case.number}/uploads/{one.id}",
                id=one.id,
                name=one.name,
                state=one.state,
                size_bytes=one.size_bytes,
                begun_at=one.begun_at,
            )
            for one in upload_queries.uploads_of_case(session, case.id)
        ],
        not_taken=[
            FileNotTaken(name=one.name, outcome=one.outcome, reason=one.reason, at=one.at)
            for one in upload_queries.outcomes(session, case.id)
        ],
    )


_UID = "1.2.826.0.1.3680043.8.498.4711"
_SENDING = Sending(
    open=True,
    dicom=DicomTarget(ae_title="MARGIN", host="margin.example", port=4243, tls=False),
    accession_numbers=["CT2026-1187"],
    number=NUMBER,
    uploads=f"{BASE}/cases/{NUMBER}/uploads",
)
_STUDY = StudyRead(
    StudyInstanceUID=_UID,
    round=1,
    state="matched",
    settled=True,
    StudyDate="20261114",
    StudyDescription="CT abdomen, pancreas protocol",
    AccessionNumber="CT2026-1187",
    instance_count=412,
    calling_aet="RIVERSIDE",
    series=[
        SeriesArrived(
            SeriesInstanceUID=f"{_UID}.3",
            Modality="CT",
            SeriesDescription="Pancreatic phase 1 mm",
            instances=206,
        )
    ],
)

ENDPOINTS = (
    Endpoint(
        "GET", "/cases/<number>/sending", how_to_send, Action.IMAGES_SEND, TAG,
        "How to send images and files", Sending, _SENDING,
    ),
    Endpoint(
        "GET", "/cases/<number>/studies", list_studies, Action.CASE_READ, TAG,
        "What has come for the case", Studies, Studies(studies=[_STUDY], refused=[]),
    ),
    Endpoint(
        "GET", "/cases/<number>/uploads", list_uploads, Action.IMAGES_SEND, TAG,
        "Uploads and what became of them", Uploads,
        Uploads(
            receiving=0, waiting=1, taken=3, known=0, left_out=0, refused=0,
            uploads=[
                UploadRead(
                    href=f"{BASE}/cases/{NUMBER}/uploads/{AN_ID}", id=AN_ID, name="study.zip",
                    state="complete", size_bytes=214_748_364, begun_at=AT,
                )
            ],
            not_taken=[],
        ),
    ),
)  # fmt: skip
