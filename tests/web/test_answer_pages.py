"""Two opinions beside each other: split, compared, asked back, answered, and put into a letter."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from server.answers.printing import print_addendum, print_letter
from server.answers.queries import addenda_of, open_questions, points_of
from server.cases.records import Case
from server.cli import main
from server.foundation.clock import utc_now
from server.foundation.jobs import Job
from server.opinions.seal_key import SealKey, seal_key_of
from server.opinions.verifying import mark_in
from server.web.visit import Services
from tests.opined import opine
from tests.opinions.seal_reader import seal_state
from tests.web.conftest import Browser
from tests.world import World

SignedIn = Callable[[str], Browser]
Visitor = Callable[[str], tuple[Browser, str]]
Visit = Callable[[str], tuple[FlaskClient, str]]
REASON = "Contact with the artery; the patient is frail."
CONTACT = "/vessels/sma/contact_deg"


@pytest.fixture
def case(app: Flask, small_world: World) -> str:
    """The number of a case with a local reason."""
    with app.extensions["margin"].db.writing() as session:
        found = session.get_one(Case, small_world.inside.id)
        found.local_verdict, found.local_verdict_reason = "Unresectable", REASON
    return small_world.inside.number


@pytest.fixture
def opinion(app: Flask, visit: Visit, case: str) -> str:
    return opine(app, visit)


def split(clara: Browser, number: str) -> list[str]:
    """Keep the points that are suggested; their ids."""
    page = clara.get(f"/cases/{number}/answer").text
    assert "Contact with the artery\nthe patient is frail." in page
    kept = clara.post(f"/cases/{number}/answer/points", points=REASON.replace("; ", "\n"))
    return re.findall(r'id="point-([0-9a-f]{32})"', kept.text)


def own_seal_key(services: Services) -> SealKey:
    settings = services.settings
    return seal_key_of(settings.home / "seal.pem", None, "", own=True, now=utc_now())


def do_jobs(app: Flask) -> None:
    """Print what waits to be printed, as the worker would."""
    services = app.extensions["margin"]
    with services.db.reading() as session:
        jobs = [(one.name, one.payload) for one in session.query(Job)]
    for name, payload in jobs:
        if name == "print_addendum":
            print_addendum(
                services.db,
                services.files,
                payload,
                utc_now(),
                key=lambda: own_seal_key(services),
                verify_at="https://margin.example/verify",
            )
        elif name == "print_letter":
            print_letter(services.db, services.files, payload)


def test_the_whole_cycle_from_the_local_reasons_to_the_addendum(
    app: Flask,
    opinion: str,
    case: str,
    signed_in: SignedIn,
    visitor: Visitor,
    small_world: World,
) -> None:
    clara = signed_in("Clara")
    contact, frail = split(clara, case)
    surgeon, base = visitor("surgeon")
    surgeon.get(f"{base}/answer")
    said = surgeon.post(
        f"{base}/answer/points/{contact}",
        version="1",
        local_text="Contact with the artery",
        second_text="200 degrees, and it can be reconstructed.",
        standing="differ",
        pointer=CONTACT,
    )
    assert "Superior mesenteric artery: Contact: 200°" in said.text
    surgeon.post(
        f"{base}/answer/points/{frail}",
        version="1",
        local_text="the patient is frail.",
        standing="not_assessed",
    )
    hospital, home = visitor("hospital")
    page = hospital.get(f"{home}/answer").text
    assert "200 degrees, and it can be reconstructed." in page
    assert "1 different" in page
    assert "Sign the addendum" not in page
    asked = hospital.post(f"{home}/answer/points/{contact}/ask", question="On which phase?")
    assert "Waits for the surgeon" in asked.text
    with app.extensions["margin"].db.reading() as session:
        (question,) = open_questions(session, small_world.inside.id)
    page = surgeon.get(f"{base}/answer").text
    unsigned = surgeon.post(f"{base}/answer/addendum", text="On the arterial phase.")
    assert unsigned.status_code == 422
    assert "On the arterial phase." in unsigned.text
    done = surgeon.post(
        f"{base}/answer/addendum",
        text="On the arterial phase.",
        questions=question.id,
        signed="1",
    )
    assert f"{opinion}-A1" in done.text
    do_jobs(app)
    document = hospital.client.get(f"{home}/answer/addenda/{opinion}-A1", buffered=True)
    assert document.status_code == 200
    assert document.data.startswith(b"%PDF-")
    checked = app.test_client().post(
        "/verify", json={"sha256": hashlib.sha256(document.data).hexdigest()}
    )
    assert checked.get_json()["outcome"] == "genuine"
    assert checked.get_json()["number"] == f"{opinion}-A1"
    services = app.extensions["margin"]
    state = seal_state(document.data, own_seal_key(services).certificate)
    assert state is not None
    assert state.good
    assert_an_addendum_is_verified_like_an_opinion(app.test_client(), document.data)
    assert "Answered" in hospital.get(f"{home}/answer").text
    with app.extensions["margin"].db.reading() as session:
        assert len(addenda_of(session, small_world.inside.id)) == 1
        assert [one.standing for one in points_of(session, small_world.inside.id)] == [
            "differ",
            "not_assessed",
        ]


def assert_an_addendum_is_verified_like_an_opinion(client: FlaskClient, document: bytes) -> None:
    """By its file, by number and code; an altered copy is told, a wrong code says nothing."""
    mark = mark_in(document)
    assert mark is not None
    number, code = mark
    altered = document + b"\n% something added behind the seal"
    for question, outcome in (
        ({"number": number, "code": code}, "genuine"),
        ({"number": number.lower(), "code": code.lower()}, "genuine"),
        ({"number": number, "code": "00000-00000"}, "unknown"),
        ({"number": number, "code": ""}, "unknown"),
    ):
        assert client.post("/verify", json=question).get_json()["outcome"] == outcome
    browser = Browser(client)
    browser.get("/verify")
    for sent, outcome in ((document, "Genuine"), (altered, "Altered")):
        page = browser.post("/verify", document=(io.BytesIO(sent), "addendum.pdf"))
        assert f"<h2>{outcome}</h2>" in page.get_data(as_text=True).split("<template")[0]


def trail_said(app: Flask) -> tuple[int, str]:
    """What `margin audit verify` says of everything that this application keeps."""
    settings = app.extensions["margin"].settings
    environ = {"MARGIN_DATABASE_URL": settings.database_url}
    home = str(settings.home)
    done = CliRunner().invoke(main, ["audit", "verify", "--home", home], env=environ)
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        (
            "UPDATE opinion_addendum SET content = replace(content, 'arterial', 'venous')",
            "Addendum {opinion}-A1 is not as it was signed.",
        ),
        (
            "UPDATE opinion_addendum SET content = '{}', content_sha256 = 'x'",
            "Addendum {opinion}-A1 is not as it was signed.",
        ),
        (
            "DELETE FROM opinion_addendum",
            "Addendum {opinion}-A1, which the audit trail says was signed, is not there.",
        ),
        (
            "UPDATE issued_opinion SET content = replace(content, 'SMA', 'SMV')",
            "The content of opinion {opinion} is not what was issued.",
        ),
    ],
)
def test_what_was_signed_and_is_changed_behind_margins_back_is_named_by_the_trail(
    app: Flask, opinion: str, visitor: Visitor, tampering: str, said: str
) -> None:
    surgeon, base = visitor("surgeon")
    surgeon.get(f"{base}/answer")
    surgeon.post(f"{base}/answer/addendum", text="On the arterial phase.", signed="1")
    services: Services = app.extensions["margin"]
    document = services.files.put(b"a document of the case")
    assert trail_said(app)[0] == 0
    with services.db.writing() as session:
        session.execute(text("DROP TRIGGER keep_issued_opinion"))
        assert session.execute(text(tampering)).rowcount == 1  # type: ignore[attr-defined]
    services.files.path(document).write_bytes(b"another document")
    assert trail_said(app) == (
        1,
        f"BROKEN: {said.format(opinion=opinion)}\n"
        f"BROKEN: the stored file {document} has another content than its name says.\n",
    )


def test_before_the_signature_points_are_split_and_nothing_is_compared(
    case: str, signed_in: SignedIn, visitor: Visitor
) -> None:
    clara = signed_in("Clara")
    contact, _ = split(clara, case)
    surgeon, base = visitor("surgeon")
    surgeon.get(f"{base}/answer")
    refused = surgeon.post(
        f"{base}/answer/points/{contact}",
        version="1",
        local_text="Contact with the artery",
        second_text="My vote is going to be resectable.",
        standing="differ",
    )
    assert refused.status_code == 409
    hospital, home = visitor("hospital")
    assert "My vote" not in hospital.get(f"{home}/answer").text


def test_what_was_typed_comes_back_when_somebody_was_faster(
    opinion: str, case: str, signed_in: SignedIn
) -> None:
    clara = signed_in("Clara")
    contact, _ = split(clara, case)
    url = f"/cases/{case}/answer/points/{contact}"
    sent = {"version": "1", "local_text": "Contact", "second_text": "First", "standing": "agree"}
    assert clara.post(url, **sent).status_code == 200
    late = clara.post(url, **{**sent, "second_text": "Second, and long in the writing"})
    assert late.status_code == 409
    assert "Second, and long in the writing" in late.text
    assert "First" in late.text


def test_a_letter_is_begun_edited_kept_and_printed(
    app: Flask, opinion: str, case: str, signed_in: SignedIn
) -> None:
    clara = signed_in("Clara")
    begun = clara.get(f"/cases/{case}/answer/letter", kind="local_team", language="es")
    assert "segunda opinión" in begun.text
    assert opinion in begun.text
    clara.post_only(
        f"/cases/{case}/answer/letter",
        kind="local_team",
        language="es",
        version="0",
        text="Estimados colegas:\n\nGracias & saludos.",
    )
    kept = clara.get(f"/cases/{case}/answer/letter", kind="local_team", language="es")
    assert "Gracias &amp; saludos." in kept.text
    pdf = f"/cases/{case}/answer/letter/local_team/es.pdf"
    assert clara.client.get(pdf).status_code == 404
    do_jobs(app)
    made = clara.client.get(pdf, buffered=True)
    assert made.data.startswith(b"%PDF-")
    late = clara.post(
        f"/cases/{case}/answer/letter", kind="local_team", language="es", version="0", text="Tarde"
    )
    assert late.status_code == 409
    assert "Tarde" in late.text
    for bad in ({"kind": "king"}, {"language": "tlh"}):
        assert clara.get(f"/cases/{case}/answer/letter", **bad).status_code == 404


def test_who_sees_and_who_writes(
    opinion: str, case: str, signed_in: SignedIn, visitor: Visitor
) -> None:
    contact, _ = split(signed_in("Clara"), case)
    for who, reads, writes, asks, signs, letters in (
        ("surgeon", 200, 422, 403, 422, 403),
        ("viewer", 200, 403, 403, 403, 403),
        ("hospital", 200, 403, 409, 403, 200),
        ("other_surgeon", 200, 404, 403, 403, 403),
    ):
        other, base = visitor(who)
        page = other.get(f"{base}/answer")
        assert page.status_code == reads, who
        assert ("Contact with the artery" in page.text) == (who != "other_surgeon"), who
        other.get("/sign-in")  # where a form's token stands for everybody
        point = f"{base}/answer/points/{contact}"
        assert other.post_only(point, version="1").status_code == writes, who
        assert other.post_only(f"{point}/ask", question="?").status_code == asks, who
        assert other.post_only(f"{base}/answer/addendum", text="x").status_code == signs, who
        assert other.client.get(f"{base}/answer/letter").status_code == letters, who
    for name in ("Omar", "Otto"):
        assert signed_in(name).client.get(f"/cases/{case}/answer").status_code == 404
    clara = signed_in("Clara")
    clara.get(f"/cases/{case}/answer")
    signed = clara.post_only(f"/cases/{case}/answer/addendum", text="x", signed="1")
    assert signed.status_code == 403
