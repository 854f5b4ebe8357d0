"""A whole visit under pseudonyms through the real application: everything it answers is searched for
an identity that stands wherever Margin keeps one, and none is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.access.action import Action, Permit
from server.access.actions import issue_grant
from server.access.permissions import BY_PERMIT, Allowed, CaseFacts, Holder, may
from server.annotations.organs import ORGANS
from server.annotations.records import Revision
from server.cases import actions as cases
from server.cases.queries import case_by_number
from server.foundation.db import Database
from server.opinions.records import IssuedOpinion
from server.people.queries import person
from server.people.records import Hospital
from server.volumetry.records import VolumeMeasurement
from tests.web.studies import arrival
from tests.world import INSIDE_STUDY, World

ROOT = "1.2.826.0.1.3680043.8.498"
SERIES, SEG = f"{INSIDE_STUDY}.7", f"{INSIDE_STUDY}.8"
PLANTED = {
    "the name": ("quillfeather", "ottoline"),
    "the patient's id": ("qf-448812", "qf448812"),
    "the accession number": ("accq7731",),
    "the date of birth": ("19470312", "12.03.1947", "1947-03-12"),
    "the hospital": ("riverside", "brookhaven"),
    "real UIDs": (ROOT,),
}
COMPLETE = ORGANS["pancreas"].examples()["head-borderline-sma"]
HIDDEN = frozenset({Action.DOCUMENT_READ, Action.DOCUMENT_SEND, Action.IMAGES_SEND}) | {
    Action.OPINION_READ
}


@dataclass
class Visitor:
    """Whoever came by a link. Everything answered is kept, heads too."""

    client: FlaskClient
    base: str
    heard: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        answer = self.client.open(f"{self.base}{path}", method=method, **more)
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers)
        self.heard[f"{method} {path} #{len(self.heard)} {answer.status_code}"] = (
            f"{head}\n\n{answer.get_data(as_text=True)}"
        )
        answer.close()
        return answer

    def found(self) -> dict[str, set[str]]:
        """What of the planted identity was answered, and where."""
        return {
            what: where
            for what, texts in PLANTED.items()
            if (where := {place for place, said in self.heard.items() if _says(said, texts)})
        }


def _says(said: str, texts: tuple[str, ...]) -> bool:
    return any(text in said.lower() for text in texts)


@pytest.fixture
def document(app: Flask, db: Database, small_world: World, today: datetime) -> str:
    """The case with an identity in everything that is kept of it; gives its document's id."""
    with db.writing() as session:
        case = case_by_number(session, small_world.inside.number)
        session.get_one(Hospital, case.hospital_id).name = "Riverside Hospital Brookhaven"
        case.accession_number = "ACCQ7731, ACC-OTHER"
        case.question = (
            "Mrs Quillfeather (born 12.03.1947, QF448812, of Brookhaven) has a tumour in the head "
            f"of the pancreas on {INSIDE_STUDY}. Can it be resected?"
        )
        case.local_verdict = "Unresectable, says Riverside"
        case.local_verdict_reason = "Ottoline's SMA is encased"
        arrival(
            session,
            small_world,
            today,
            StudyInstanceUID=INSIDE_STUDY,
            state="matched",
            case_id=case.id,
            guesses=[],
            PatientName="QUILLFEATHER^OTTOLINE",
            PatientID="QF-448812",
            PatientBirthDate="19470312",
            AccessionNumber="ACCQ7731",
            StudyDescription="CT abdomen Quillfeather",
            calling_aet="BROOKHAVEN",
            series=[_series("CT", "Portal venous Ottoline"), _series("DOC", "Letter of Riverside")],
        )
        session.add(
            VolumeMeasurement(
                case_id=case.id,
                SOPInstanceUID=SEG,
                StudyInstanceUID=INSIDE_STUDY,
                state="measured",
                label="Liver QUILLFEATHER",
                result={
                    "series_description": "Portal venous Ottoline",
                    "SeriesInstanceUID": SERIES,
                    "liver_ml": 1500.0,
                    "notes": ["The segment “QF-448812” was left out."],
                },
                noticed_at=today,
                measured_at=today,
            )
        )
        files = app.extensions["margin"].files
        kept = cases.keep_document(
            session,
            case,
            title="Quillfeather.pdf",
            media_type="application/pdf",
            size_bytes=15,
            sha256=files.put(b"%PDF-1.7\n%%EOF\n"),
            received_from="Riverside",
            now=today,
        )
        return kept.id


def _series(modality: str, description: str) -> dict[str, Any]:
    return {
        "SeriesInstanceUID": SERIES,
        "Modality": modality,
        "SeriesNumber": "2",
        "SeriesDescription": description,
        "instances": 120,
    }


@pytest.fixture
def come(
    app: Flask, db: Database, small_world: World, today: datetime, document: str
) -> Iterator[Callable[..., Visitor]]:
    """A visitor of the first case by a link of their own."""

    def open_link(permits: str = "view annotate sign", *, pseudonymised: bool = True) -> Visitor:
        with db.writing() as session:
            issued = issue_grant(
                session,
                case=case_by_number(session, small_world.inside.number),
                for_whom="Lena",
                permits=frozenset(Permit(permit) for permit in permits.split()),
                days=1,
                issued_by="test",
                now=today,
                person=person(session, small_world.surgeon.id),
                pseudonymised=pseudonymised,
            )
        client = app.test_client()
        answer = client.post("/open", json={"token": issued.token})
        return Visitor(client, answer.get_json()["location"].rstrip("/"))

    yield open_link


def whole_visit(visitor: Visitor, document: str) -> None:
    """Everything a surgeon does, and what they might try."""
    html = {"Accept": "text/html"}
    for path in ("/", "/view/", f"/documents/{document}", "/opinion.pdf", "/opinion.json"):
        visitor.ask("GET", path, headers=html)
    for path in ("/api/panel", "/api/volumes", "/api/preview", "/api/rules"):
        visitor.ask("GET", path)
    studies = visitor.ask("GET", "/api/panel").get_json()["studies"]
    answers = {**COMPLETE, "recommendation": {**COMPLETE["recommendation"]}}
    answers["recommendation"]["text"] = f"Operate, as {studies[0]} shows."
    sent = {"answers": answers, "version": 0}
    assert visitor.ask("PUT", "/api/annotation", json=sent).status_code == 200
    assert visitor.ask("PUT", "/api/annotation", json=sent).status_code == 409
    for path in ("/", "/api/panel", "/api/preview"):
        visitor.ask("GET", path)
    visitor.ask("POST", "/files", data={}, headers={"X-Margin-Panel": "1"})
    for path in ("/dicom-web/studies", f"/dicom-web/studies/{studies[0]}/metadata"):
        visitor.ask("GET", path)
    signing = {"version": 1, "verdict": COMPLETE["verdict"]}
    assert visitor.ask("POST", "/api/sign", json=signing).status_code == 200
    assert visitor.ask("POST", "/api/sign", json=signing).status_code == 409
    for path in ("/", "/api/panel", "/api/volumes", "/api/preview", "/opinion.pdf"):
        visitor.ask("GET", path)


def test_no_answer_of_a_pseudonymised_visit_says_whose_case_it_is(
    come: Callable[..., Visitor], document: str
) -> None:
    visitor = come()
    whole_visit(visitor, document)
    assert visitor.found() == {}


def test_the_same_visit_with_names_says_everything_that_was_looked_for(
    come: Callable[..., Visitor], document: str
) -> None:
    visitor = come(pseudonymised=False)
    whole_visit(visitor, document)
    found = visitor.found()
    assert set(found) == set(PLANTED)  # the question names the patient here
    for path in ("GET /api/panel", "GET / ", "GET /api/preview"):
        assert any(place.startswith(path) for place in found["the hospital"] | found["real UIDs"])


def test_the_page_says_that_it_is_without_names_and_still_asks_the_question(
    come: Callable[..., Visitor],
) -> None:
    page = come().ask("GET", "/").text
    assert "You see this case without names" in page
    assert "Mrs … (born …, …, of …) has a tumour in the head of the pancreas on 2.25." in page
    assert "Unresectable, says …" in page and "SMA is encased" in page
    assert "Portal venous" in page and "CT abdomen" in page and "Letter" not in page
    plain = come(pseudonymised=False).ask("GET", "/").text
    assert "without names" not in plain and "Riverside Hospital Brookhaven" in plain


def test_the_viewer_opens_with_the_uids_that_the_images_bear(
    come: Callable[..., Visitor],
) -> None:
    visitor = come()
    (study,) = visitor.ask("GET", "/api/panel").get_json()["studies"]
    page = visitor.ask("GET", "/").text
    assert f'href="{visitor.base}/view/margin?StudyInstanceUIDs={study}"' in page
    assert study.startswith("2.25.")


def test_what_a_pseudonymised_surgeon_signs_goes_to_the_hospital_whole(
    come: Callable[..., Visitor], document: str, db: Database
) -> None:
    whole_visit(come(), document)
    with db.reading() as session:
        opinion = session.query(IssuedOpinion).one().content["opinion"]
        text = session.query(Revision).one().answers["recommendation"]["text"]
    assert text == f"Operate, as {INSIDE_STUDY} shows."
    assert opinion["hospital_name"] == "Riverside Hospital Brookhaven"
    assert opinion["hospital_reference"] == "ACCQ7731, ACC-OTHER"
    assert [one["StudyInstanceUID"] for one in opinion["imaging"]] == [INSIDE_STUDY]


def test_what_was_written_with_names_is_hidden_from_who_reads_without_and_survives_their_saving(
    come: Callable[..., Visitor], db: Database
) -> None:
    written = {"recommendation": {"text": "Tell Mrs Quillfeather."}, "site": "head"}
    come(pseudonymised=False).ask("PUT", "/api/annotation", json={"answers": written, "version": 0})
    visitor = come()
    shown = visitor.ask("GET", "/api/panel").get_json()["annotation"]["answers"]
    assert shown["recommendation"]["text"] == "Tell Mrs …."
    saved = {"answers": {**shown, "site": "body"}, "version": 1}
    assert visitor.ask("PUT", "/api/annotation", json=saved).status_code == 200
    with db.reading() as session:
        answers = session.query(Revision).one().answers
    assert answers == {**written, "site": "body"}


@pytest.mark.parametrize("permits", ["download", "view", "download sign"])
def test_a_link_without_names_shows_nobody_the_hospitals_page(
    come: Callable[..., Visitor], document: str, permits: str
) -> None:
    visitor = come(permits)
    assert "without names" in visitor.ask("GET", "/").text
    for path in ("/opinion.pdf", f"/documents/{document}"):
        assert visitor.ask("GET", path).status_code == 403
    assert visitor.found() == {}


@pytest.mark.parametrize("action", sorted(HIDDEN))
def test_what_names_the_hospital_is_denied_to_every_pseudonymised_grant(action: Action) -> None:
    case = CaseFacts("case-1", "hospital-1")
    permits = frozenset(one for one in Permit if action in BY_PERMIT[one])
    everything = Holder("g1", "somebody", "case-1", frozenset(Permit), pseudonymised=True)
    holder = Holder("g1", "somebody", "case-1", permits, pseudonymised=True)
    named = Holder("g1", "somebody", "case-1", permits)
    assert not isinstance(may(everything, action, case), Allowed)
    assert not isinstance(may(holder, action, case), Allowed)
    assert isinstance(may(named, action, case), Allowed)
