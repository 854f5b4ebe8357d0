"""What the page of uploads says, and what it tells a browser that cleans images."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from pydicom.datadict import dictionary_VR, keyword_dict

from server.cases import actions as cases
from server.cases.lifecycle import Event
from server.cases.queries import case_by_number
from server.dicom import confidentiality as table
from server.dicom.browser_rules import Letter, browser_rules, letters
from server.dicom.deidentification import Deed, decision
from server.intake.uploads.records import Upload, UploadEntry
from tests.web.conftest import Browser
from tests.world import World

Visitor = Callable[[str], tuple[Browser, str]]
SignedIn = Callable[[str], Browser]


@pytest.fixture
def looked_through(app: Flask, small_world: World, today: datetime) -> Upload:
    """A zip file of which most was taken and some was not."""
    with app.extensions["margin"].db.writing() as session:
        upload = Upload(
            case_id=small_world.inside.id,
            state="done",
            name="disc.zip",
            size_bytes=5_000_000,
            fingerprint="mark",
            sender="Riverside",
            begun_at=today,
            expires_at=today,
            taken=20,
            known=1,
            left_out=1,
            refused=2,
        )
        session.add(upload)
        session.flush()
        for place, (name, outcome, reason) in enumerate(
            [
                ("IM1", "refused", "The file is empty."),
                ("<b>letter</b>.docx", "refused", "Save it as PDF and send that."),
                ("DICOMDIR", "left_out", "Not needed."),
                ("IM2", "known", "This image is here already."),
            ]
        ):
            session.add(
                UploadEntry(
                    upload_id=upload.id,
                    place=place,
                    name=name,
                    outcome=outcome,
                    reason=reason,
                    at=today,
                )
            )
        return upload


@pytest.mark.parametrize("who", ["hospital", "Clara"])
def test_the_page_says_what_became_of_every_file(
    visitor: Visitor,
    signed_in: SignedIn,
    small_world: World,
    looked_through: Upload,
    who: str,
) -> None:
    if who == "hospital":
        browser, base = visitor(who)
    else:
        browser, base = signed_in(who), f"/cases/{small_world.inside.number}"
    page = browser.get(f"{base}/uploads").text
    for said in (
        "<strong>20</strong> taken",
        "<strong>2</strong> refused",
        "The file is empty.",
        "in disc.zip",
        "&lt;b&gt;letter&lt;/b&gt;.docx",
        "Save it as PDF and send that.",
        "What the case still needs",
        f'action="{base}/files"',
        f'data-base="{base}"',
    ):
        assert said in page, said
    state = browser.client.get(f"{base}/uploads/state").get_json()
    assert state["progress"]["taken"] == 20
    assert [one["name"] for one in state["refused"]] == ["IM1", "<b>letter</b>.docx"]
    marks = browser.client.get(f"{base}/uploads/marks").get_json()["marks"]
    assert [(one["fingerprint"], one["state"]) for one in marks] == [("mark", "done")]


def test_another_case_shows_none_of_it(
    signed_in: SignedIn, small_world: World, looked_through: Upload
) -> None:
    omar = signed_in("Omar")
    page = omar.get(f"/cases/{small_world.outside.number}/uploads").text
    assert "disc.zip" not in page
    assert "Nothing was uploaded yet." in page
    assert omar.get(f"/cases/{small_world.inside.number}/uploads/state").status_code == 404


@pytest.mark.parametrize("who", ["surgeon", "viewer"])
def test_whoever_only_looks_sees_no_uploads(
    visitor: Visitor, looked_through: Upload, who: str
) -> None:
    browser, base = visitor(who)
    for path in ("", "/state", "/marks", "/rules"):
        assert browser.client.get(f"{base}/uploads{path}").status_code == 403


def test_when_the_case_is_over_the_page_says_so_and_asks_for_nothing(
    visitor: Visitor, app: Flask, small_world: World, looked_through: Upload
) -> None:
    with app.extensions["margin"].db.writing() as session:
        case = case_by_number(session, small_world.inside.number)
        cases.happen(session, case, Event.WITHDRAW, now=case.opened_at)
    browser, base = visitor("hospital")
    page = browser.get(f"{base}/uploads").text
    assert "Nothing more is taken for this case." in page
    assert "data-upload" not in page


def glance(browser: Browser, base: str, *files: object) -> dict[str, object]:
    answer = browser.client.post(f"{base}/uploads/glance", json={"files": list(files)})
    assert answer.status_code == 200
    found: dict[str, object] = answer.get_json()
    return found


def file(name: str, head: bytes, size: int = 900_000) -> dict[str, object]:
    return {"name": name, "size": size, "head": base64.b64encode(head).decode()}


def test_what_is_not_taken_is_said_by_its_first_bytes_and_stands_in_the_list(
    visitor: Visitor,
) -> None:
    browser, base = visitor("hospital")
    said = glance(
        browser,
        base,
        file("film.mp4", b"\0\0\0\x18ftypmp42"),
        file("setup.exe", b"MZ\x90"),
        file("scan.pdf", b"%PDF-1.7\n"),
    )
    assert [(one["send"], one["outcome"]) for one in said["files"]] == [  # type: ignore[attr-defined]
        (False, "refused"),
        (False, "left_out"),
        (True, ""),
    ]
    page = browser.get(f"{base}/uploads").text
    assert "Not sent. It is neither a DICOM file" in page
    assert "scan.pdf" not in page


@pytest.mark.parametrize(
    "body",
    [[], {"files": 1}, {"files": [{}]}, {"files": [{"name": "a", "size": "x", "head": ""}]}],
)
def test_a_glance_that_makes_no_sense_is_refused(visitor: Visitor, body: object) -> None:
    browser, base = visitor("hospital")
    assert browser.client.post(f"{base}/uploads/glance", json=body).status_code == 400


def test_everybody_who_sends_to_a_case_cleans_with_the_same_key_and_no_other_case_has_it(
    visitor: Visitor, signed_in: SignedIn, small_world: World
) -> None:
    browser, base = visitor("hospital")
    theirs = browser.client.get(f"{base}/uploads/rules").get_json()
    clara = signed_in("Clara").client
    same = clara.get(f"/cases/{small_world.inside.number}/uploads/rules").get_json()
    omar = signed_in("Omar").client
    other = omar.get(f"/cases/{small_world.outside.number}/uploads/rules").get_json()
    assert theirs["key"] == same["key"] != other["key"]
    assert theirs["label"] == small_world.inside.number


def test_the_browser_keeps_nothing_that_the_server_would_not_show() -> None:
    """The two tables are one: what differs is written down, and nothing else differs."""
    kept = letters()
    more = {"00100030", "00080100", "00080102", "00080103", "00080104"}
    for tag in keyword_dict.values():
        name = f"{tag:08X}"
        said = decision(tag, dictionary_VR(tag).split(" or ")[0])
        if said.deed is Deed.DROP and name not in more:
            assert name not in kept, name
        if said.deed is Deed.EMPTY and name not in more:
            assert kept[name][0] == Letter.EMPTY, name
    for tag, code in table.ACTION_CODES.items():
        letter = kept.get(f"{tag:08X}", " ")[0]
        if code == "U":
            assert letter in (Letter.UID, Letter.SEQUENCE, " "), f"{tag:08X}"
        assert letter != Letter.KEEP or tag in table.KEPT_BINARY, f"{tag:08X}"


def test_the_rules_are_plain_values_without_private_attributes() -> None:
    rules = browser_rules()
    assert all(int(tag[:4], 16) % 2 == 0 for tag in rules["letters"])
    assert rules["letters"]["00100010"] == "NPN"
    assert rules["letters"]["7FE00010"] == "KOB OW"
    assert {"liver", "portal"} <= set(rules["words"])
