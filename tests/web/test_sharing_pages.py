"""An opinion is shared on a consent, read by its recipient, and ends within five seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.access.sharing_records import Share
from server.foundation import audit
from server.foundation.settings import Settings
from server.prepared.shelf import Shelf
from tests.doors.test_prepared_studies import ANY_FRAME, SERIES, prepare
from tests.opined import PDF, opine
from tests.web.conftest import Browser
from tests.world import INSIDE_STUDY, OUTSIDE_STUDY, World

SignedIn = Callable[[str], Browser]
Visitor = Callable[[str], tuple[Browser, str]]
Visit = Callable[[str], tuple[FlaskClient, str]]
STOPS_WITHIN_S = 5.0
CONSENT = {
    "recipient": "Dr Weber, oncology",
    "recipient_kind": "oncologist",
    "what": "opinion_and_images",
    "given_by": "patient",
    "how": "written",
}


@pytest.fixture
def opinion(app: Flask, visit: Visit) -> str:
    return opine(app, visit)


def agree(clara: Browser, number: str, **more: str) -> str:
    """Note a consent; its id."""
    page = clara.get(f"/cases/{number}/sharing").text
    days = dict(re.findall(r'name="(given_on|valid_until)" value="([^"]+)"', page))
    kept = clara.post(f"/cases/{number}/sharing/consents", **{**CONSENT, **days, **more})
    assert kept.status_code == 200, kept.text
    return str(re.findall(r'id="consent-([0-9a-f]{32})"', kept.text)[0])


def link(clara: Browser, number: str, consent: str) -> tuple[str, str]:
    """Make a link on a consent: its token and its PIN, from the page that shows them once."""
    made = clara.post(f"/cases/{number}/sharing/consents/{consent}/link")
    assert made.status_code == 200, made.text
    token = re.search(r"/open#(mgn_[\w-]+)", made.text)
    pin = re.search(r'id="fresh-pin">(\d{6})<', made.text)
    assert token
    assert pin
    assert token[1] not in clara.get(f"/cases/{number}/sharing").text
    return token[1], pin[1]


def come(app: Flask, token: str, pin: str) -> tuple[FlaskClient, str]:
    client = app.test_client()
    answer = client.post("/open", json={"token": token, "pin": pin})
    assert answer.status_code == 200, answer.text
    return client, answer.get_json()["location"]


@pytest.fixture
def shared(
    app: Flask, opinion: str, signed_in: SignedIn, small_world: World
) -> tuple[Browser, str, FlaskClient, str]:
    """Clara, the consent's id, and the recipient on the page that was shared."""
    clara, number = signed_in("Clara"), small_world.inside.number
    consent = agree(clara, number)
    client, place = come(app, *link(clara, number, consent))
    return clara, consent, client, place


def test_a_recipient_reads_the_opinion_and_its_document(
    shared: tuple[Browser, str, FlaskClient, str], opinion: str
) -> None:
    _, _, client, place = shared
    page = client.get(place)
    assert page.status_code == 200
    assert opinion in page.text
    assert "Open the images" in page.text
    document = client.get(f"{place}/opinions/{opinion}", buffered=True)
    assert (document.status_code, document.data) == (200, PDF)
    assert client.get(place.removesuffix("shared") + "opinion.json").status_code == 200


def test_a_recipient_sees_nothing_else_of_the_case(
    shared: tuple[Browser, str, FlaskClient, str],
) -> None:
    _, _, client, place = shared
    for path in (
        *("", "records", "records/values", "records/request", "sharing", "answer", "afterwards"),
        *("api/panel", "api/volumes", "api/preview", "outcome", "questions", "answer/letter"),
    ):
        answer = client.get(place.removesuffix("shared") + path)
        assert answer.status_code in (403, 404), path


def test_a_recipient_sees_no_other_case_and_no_other_study(
    shared: tuple[Browser, str, FlaskClient, str], small_world: World
) -> None:
    _, _, client, place = shared
    base = place.removesuffix("/shared")
    assert client.get(f"/cases/{small_world.outside.number}").status_code == 401
    assert client.get(f"{base}/dicom-web/studies/{OUTSIDE_STUDY}/metadata").status_code == 404
    stored = client.post(f"{base}/dicom-web/studies/{INSIDE_STUDY}", data=b"")
    assert stored.status_code == 403


def test_without_images_the_images_are_not_shared(
    app: Flask, opinion: str, signed_in: SignedIn, small_world: World
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    client, place = come(app, *link(clara, number, agree(clara, number, what="opinion")))
    assert "Open the images" not in client.get(place).text
    base = place.removesuffix("/shared")
    assert client.get(f"{base}/dicom-web/studies").status_code == 403
    assert client.get(f"{base}/view/margin").status_code == 403


def test_without_names_the_document_is_a_page_that_hides_them(
    app: Flask, opinion: str, signed_in: SignedIn, small_world: World
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    client, place = come(app, *link(clara, number, agree(clara, number, pseudonymised="1")))
    page = client.get(place).text
    assert "without names" in page
    document = client.get(f"{place}/opinions/{opinion}")
    assert document.mimetype == "text/html"
    for text in (page, document.text):
        assert "Riverside" not in text.replace("Dr Weber", "")
        assert small_world.inside.accession_number not in text
    base = place.removesuffix("/shared")
    for form in ("opinion.pdf", "opinion.json", "opinion.dcm", f"opinions/{opinion}"):
        assert client.get(f"{base}/{form}").status_code == 403


def test_the_pin_is_asked_and_wrong_ones_are_counted_and_seen_on_the_case(
    app: Flask, opinion: str, signed_in: SignedIn, small_world: World
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    token, pin = link(clara, number, agree(clara, number))
    client = app.test_client()
    assert client.post("/open", json={"token": token}).get_json() == {"asks_for": "pin"}
    wrong = f"{(int(pin) + 1) % 10**6:06d}"
    for _ in range(4):
        refused = client.post("/open", json={"token": token, "pin": wrong})
        assert refused.status_code == 401
        assert refused.get_json()["error"]["code"] == "pin_wrong"
    waits = client.post("/open", json={"token": token, "pin": wrong}).get_json()["error"]
    assert "Wait 15 minutes" in waits["remedy"]
    locked = client.post("/open", json={"token": token, "pin": pin})
    assert locked.get_json()["error"]["code"] == "pin_locked"
    page = clara.get(f"/cases/{number}/sharing").text
    assert page.count("gave a wrong PIN") == 5
    assert "too many wrong PINs" in page
    with app.extensions["margin"].db.reading() as session:
        written = repr([vars(line) for line in audit.newest(session)])
    assert token not in written
    assert pin not in written
    assert wrong not in written


def test_a_new_pin_opens_again(
    app: Flask, opinion: str, signed_in: SignedIn, small_world: World
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    token, pin = link(clara, number, agree(clara, number))
    with app.extensions["margin"].db.writing() as session:
        share = session.query(Share).one()
        share.failures = 15
    shut = app.test_client().post("/open", json={"token": token, "pin": pin})
    assert shut.get_json()["error"]["code"] == "pin_shut"
    renewed = clara.post(f"/cases/{number}/sharing/links/{share.id}/pin").text
    found = re.search(r'id="fresh-pin">(\d{6})<', renewed)
    assert found
    come(app, token, found[1])


def test_every_opening_stands_on_the_case_and_for_the_hospital(
    shared: tuple[Browser, str, FlaskClient, str],
    opinion: str,
    small_world: World,
    visitor: Visitor,
) -> None:
    clara, _, client, place = shared
    client.get(place)
    page = clara.get(f"/cases/{small_world.inside.number}/sharing").text
    assert "opened the link" in page
    assert "read the opinion" in page
    hospital, base = visitor("hospital")
    seen = hospital.get(f"{base}/sharing")
    assert seen.status_code == 200
    assert "read the opinion" in seen.text
    assert "Note a consent" not in seen.text


def test_a_consent_withdrawn_while_the_recipient_reads_ends_it_within_five_seconds(
    app: Flask,
    settings: Settings,
    shared: tuple[Browser, str, FlaskClient, str],
    opinion: str,
    visitor: Visitor,
) -> None:
    prepare(Shelf(settings.cache_dir), INSIDE_STUDY)
    _, consent, client, place = shared
    base = place.removesuffix("/shared")
    series = f"{base}/dicom-web/studies/{INSIDE_STUDY}/series/{SERIES}"
    frame = f"{series}/instances/{SERIES}.1/frames/1"
    assert client.get(f"{series}/metadata", buffered=True).status_code == 200
    assert client.get(frame, headers={"Accept": ANY_FRAME}).status_code == 200
    hospital, home = visitor("hospital")
    hospital.get(f"{home}/sharing")
    ended = hospital.post(
        f"{home}/sharing/consents/{consent}/withdraw", why="The patient rang the ward."
    )
    assert "is withdrawn" in ended.text
    since = time.monotonic()
    while client.get(frame, headers={"Accept": ANY_FRAME}).status_code == 200:
        assert time.monotonic() - since < STOPS_WITHIN_S
        time.sleep(0.1)
    for path in (place, f"{place}/standing", f"{place}/opinions/{opinion}", f"{base}/view/margin"):
        answer = client.get(path)
        assert answer.status_code == 401, path
    for path in (frame, f"{series}/metadata", f"{base}/dicom-web/studies"):
        refused = client.get(path)
        assert refused.status_code == 401, path
        assert refused.get_json()["error"]["code"] == "consent_withdrawn"
    page = client.get(place, headers={"Accept": "text/html"}).text
    assert "This is no longer shared with you" in page
    assert "consent to share this with you was withdrawn" in page
    assert "Back to the case" not in page
    assert "was refused: no longer shared" in hospital.get(f"{home}/sharing").text


def test_a_link_that_is_ended_leaves_the_consent_standing(
    app: Flask, opinion: str, signed_in: SignedIn, small_world: World
) -> None:
    clara, number = signed_in("Clara"), small_world.inside.number
    consent = agree(clara, number)
    client, place = come(app, *link(clara, number, consent))
    with app.extensions["margin"].db.reading() as session:
        share = session.query(Share).one()
    assert clara.post(f"/cases/{number}/sharing/links/{share.id}/end").status_code == 422
    clara.post(f"/cases/{number}/sharing/links/{share.id}/end", why="Sent to the wrong address")
    assert client.get(place).status_code == 401
    again, place = come(app, *link(clara, number, consent))
    assert again.get(place).status_code == 200


def test_revoking_the_consent_to_ask_ends_what_is_shared(
    shared: tuple[Browser, str, FlaskClient, str], small_world: World
) -> None:
    clara, _, client, place = shared
    number = small_world.inside.number
    clara.get(f"/cases/{number}/records/request")
    day = re.search(r'name="given_on" value="([^"]+)"', clara.get(f"/cases/{number}/sharing").text)
    assert day
    clara.post(f"/cases/{number}/records/consent", given_on=day[1], how="written", document_id="")
    clara.post(f"/cases/{number}/records/consent/revoke", why="The patient wrote to us.")
    assert client.get(place).status_code == 401


def test_nobody_else_sees_changes_or_withdraws_what_is_shared(
    shared: tuple[Browser, str, FlaskClient, str],
    signed_in: SignedIn,
    visitor: Visitor,
    small_world: World,
) -> None:
    _, consent, client, place = shared
    number = small_world.inside.number
    changes = ("/consents", f"/consents/{consent}/link", f"/consents/{consent}/withdraw")
    for name in ("Lena", "Otto", "Omar"):
        other = signed_in(name)
        assert other.client.get(f"/cases/{number}/sharing").status_code in (403, 404), name
        for path in changes:
            sent = other.post_only(f"/cases/{number}/sharing{path}", why="x")
            assert sent.status_code in (403, 404), (name, path)
    for who in ("surgeon", "viewer", "other_surgeon", "hospital"):
        other, base = visitor(who)
        other.get("/sign-in")  # where a form's token stands for everybody
        seen = other.get(f"{base}/sharing")
        assert seen.status_code == (200 if who == "hospital" else 403), who
        if who != "hospital":
            sent = other.post_only(f"{base}/sharing/consents/{consent}/withdraw", why="x")
            assert sent.status_code == 403, who
        sent = other.post_only(f"/cases/{number}/sharing/consents/{consent}/link")
        assert sent.status_code == 401, who
    assert client.get(place).status_code == 200


def test_a_consent_of_another_case_is_as_if_it_were_not_there(
    shared: tuple[Browser, str, FlaskClient, str], signed_in: SignedIn, small_world: World
) -> None:
    _, consent, client, place = shared
    omar, number = signed_in("Omar"), small_world.outside.number
    omar.get(f"/cases/{number}/sharing")
    answer = omar.post(f"/cases/{number}/sharing/consents/{consent}/withdraw", why="x")
    assert answer.status_code == 404
    assert client.get(place).status_code == 200
