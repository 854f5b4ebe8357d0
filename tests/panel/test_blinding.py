"""While a panel votes no address of Margin gives away what a member wrote, drew or voted.

Words are planted in one member's vote and in another's draft, in their texts for the opinion, in what was
measured of their drawings and in the description of the series they sent. Then everybody else asks for
every page and every JSON there is, and the answers are searched for the words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.access.programs import issue_key
from server.access.scopes import Scope
from server.annotations import actions as forms
from server.cases import assigning
from server.cases.asking import Role
from server.foundation import audit
from server.foundation.clock import utc_now
from server.intake.records import Arrival
from server.opinions.records import OpinionDraft
from server.panel.writing import note_written
from server.people.records import Person
from server.volumetry.records import VolumeMeasurement
from server.web.routes import ROUTES
from tests.panel.conftest import Open
from tests.panel.panel_world import NOT_HERE, RESECTABLE, PanelWorld, convene
from tests.panel.panel_world import vote as vote_as
from tests.world import INSIDE_STUDY, PASSWORD

VOTED, DRAFTED, DRAWN = "quokkavoted", "wombatdraft", "echidnadrawn"
SERIES, INSTANCE = "2.25.4711", "2.25.4712"
READS = sorted({route.url for route in ROUTES if "GET" in route.methods})
Ask = Callable[[str], tuple[str, bytes]]


def with_words(answers: dict[str, object], word: str) -> dict[str, object]:
    vessels = dict(answers["vessels"])  # type: ignore[call-overload]
    vessels["sma"] = {**vessels["sma"], "note": f"note {word}"}
    said = {"verdict_reason": f"because {word}", "capability_needed": ["haic"]}
    return {**answers, **said, "vessels": vessels}


@pytest.fixture
def planted(served: PanelWorld, today: datetime) -> Iterator[PanelWorld]:
    """Mara has voted, Nils has a draft; both drew. Olga, the chair and an observer have done nothing."""
    convene(served, today)
    vote_as(served, "Mara", with_words(NOT_HERE, VOTED), today)
    with served.db.writing() as session:
        case = served.case(session)
        nils = served.people["Nils"]
        draft = forms.draft_of(
            session, case.id, case.organ, reviewer_id=nils.id, reviewer_name="Nils"
        )
        forms.save(
            session, draft, with_words(RESECTABLE, DRAFTED), seen_version=draft.version, now=today
        )
        session.add(
            OpinionDraft(
                case_id=case.id,
                reviewer_id=nils.id,
                time_point=1,
                content={"texts": {"recommendation": {"text": DRAFTED}}},
                saved_at=today,
            )
        )
        assigning.give(
            session,
            case,
            [session.get_one(Person, served.people["Quin"].id)],
            role=Role.OBSERVER,
            by="test",
            now=today,
        )
        note_written(
            session,
            case,
            SOPInstanceUID=INSTANCE,
            SeriesInstanceUID=SERIES,
            author_id=served.people["Mara"].id,
            now=today,
        )
        session.add(
            VolumeMeasurement(
                case_id=case.id,
                SOPInstanceUID=INSTANCE,
                StudyInstanceUID=INSIDE_STUDY,
                state="measured",
                label=DRAWN,
                result={"liver_ml": 1234.5, "flr_ml": 321.0, "flr_percent": 26.0, "label": DRAWN},
                noticed_at=today,
                measured_at=today,
            )
        )
        session.add(
            Arrival(
                orthanc_id="0" * 44,
                StudyInstanceUID=INSIDE_STUDY,
                state="matched",
                case_id=case.id,
                first_seen_at=today,
                changed_at=today,
                settled_at=today,
                series=[
                    {
                        "SeriesInstanceUID": SERIES,
                        "Modality": "SEG",
                        "SeriesDescription": DRAWN,
                        "SeriesNumber": "9",
                        "instances": 1,
                    }
                ],
            )
        )
    yield served


def everything(
    client: FlaskClient, base: str, number: str, **headers: str
) -> Iterator[tuple[str, bytes]]:
    """Every address that can be read, with what it answers."""
    values = {"number": number, "path": "x", "name": "x", "kind": "csv"}
    for url in READS:
        if base.startswith("/r/"):
            if "<launch>" not in url:
                continue
        elif "<launch>" in url:
            continue
        asked = url.replace("/r/<launch>", base)
        asked = re.sub(
            r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", lambda found: values.get(found[1], "1"), asked
        )
        answer = client.get(asked, headers=headers)
        assert answer.status_code in (200, 301, 302, 303, 304, 400, 401, 403, 404, 409, 422, 503), (
            asked
        )
        yield asked, answer.get_data()
        answer.close()


def found_in(answers: Iterator[tuple[str, bytes]]) -> dict[str, list[str]]:
    return {
        url: words
        for url, body in answers
        if (
            words := [
                one for one in (VOTED, DRAFTED, DRAWN, "a reviewer (draft)") if one.encode() in body
            ]
        )
    }


@pytest.mark.parametrize("who", ["Olga", "Carl", "Quin", "Pia", "viewer", "hospital", "surgeon"])
def test_nobody_who_comes_by_a_link_reads_another_members_work(
    planted: PanelWorld, by_link: Open, who: str
) -> None:
    client, base = by_link(who)
    assert found_in(everything(client, base, planted.number)) == {}


@pytest.mark.parametrize("who", ["olga", "carl", "quin", "clara", "ada", "lena"])
def test_nobody_with_an_account_reads_another_members_work(
    planted: PanelWorld, app: Flask, who: str
) -> None:
    client = app.test_client()
    page = client.get("/sign-in").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    signed_in = client.post(
        "/sign-in",
        data={
            "csrf_token": token[1],
            "email": f"{who}@margin.example",
            "password": PASSWORD,
        },
    )
    assert signed_in.status_code == 303
    assert client.get("/worklist").status_code == 200
    assert found_in(everything(client, "/cases", planted.number)) == {}


@pytest.mark.parametrize("of_hospital", [True, False])
def test_no_program_reads_a_members_work_with_every_scope_it_can_have(
    planted: PanelWorld, app: Flask, of_hospital: bool
) -> None:
    with planted.db.writing() as session:
        key = issue_key(
            session,
            hospital=planted.world.hospital if of_hospital else None,
            name="system",
            scopes=[one.value for one in list(Scope)[:4]] if of_hospital else list(Scope),
            days=30,
            issued_by="test",
            now=utc_now() - timedelta(minutes=1),
        ).key
    answers = everything(app.test_client(), "/api", planted.number, Authorization=f"Bearer {key}")
    assert found_in(answers) == {}


def test_each_member_reads_their_own(planted: PanelWorld, by_link: Open) -> None:
    client, base = by_link("Mara")
    found = found_in(everything(client, base, planted.number))
    assert f"{base}/api/panel" in found
    assert {word for words in found.values() for word in words} == {VOTED, DRAWN}
    client, base = by_link("Nils")
    found = found_in(everything(client, base, planted.number))
    assert {word for words in found.values() for word in words} == {DRAFTED}


def test_when_all_have_voted_the_members_read_the_votes_and_never_a_draft(
    planted: PanelWorld, by_link: Open, today: datetime
) -> None:
    client, base = by_link("Olga")
    vote_as(planted, "Nils", with_words(NOT_HERE, "replaced"), today)
    vote_as(planted, "Olga", NOT_HERE, today)
    answer = client.get(f"{base}/panel")
    assert answer.status_code == 200
    assert VOTED in answer.text
    assert "replaced" in answer.text
    assert DRAFTED not in answer.text


def test_a_drawing_that_is_not_shown_cannot_be_worked_with_either(
    planted: PanelWorld, by_link: Open
) -> None:
    with planted.db.reading() as session:
        volume_id = session.query(VolumeMeasurement).one().id
    client, base = by_link("Olga")
    cut = {"volume": volume_id, "cut": {"kind": "plane"}}
    answer = client.post(f"{base}/api/resections", json=cut, headers={"X-Margin-Panel": "1"})
    assert answer.status_code == 404


def test_the_audit_trail_says_that_somebody_voted_and_not_what(
    planted: PanelWorld, by_link: Open, app: Flask
) -> None:
    client, base = by_link("Olga")
    headers = {"X-Margin-Panel": "1"}
    client.put(
        f"{base}/api/annotation", json={"answers": RESECTABLE, "version": 0}, headers=headers
    )
    signed = client.post(
        f"{base}/api/sign", json={"version": 1, "verdict": "resectable_now"}, headers=headers
    )
    assert signed.status_code == 200, signed.text
    said = signed.get_json()
    assert said["opinion"] is None
    assert said["panel"]["says"] == "Your vote is in; you will see the others when all have voted."
    with planted.db.reading() as session:
        written = [repr(vars(line)) for line in audit.newest(session)]
    assert any("'vote': 2" in line for line in written)
    assert not any("resectable_now" in line for line in written)
