"""A signed opinion is amended by a new revision, which says what it replaces, why, and what differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from server.annotations.chain import breaks
from server.annotations.organs import ORGANS
from server.annotations.queries import broken_chains
from server.annotations.records import Revision
from server.cases.records import Case
from server.opinions.assessment import assessment_of
from server.opinions.export import assessment_json
from server.opinions.page import render_html
from server.opinions.queries import opinions_of_case
from server.opinions.stored import from_stored
from server.opinions.wholeness import altered_opinions
from tests.world import World

Panel = tuple[FlaskClient, str]
COMPLETE = ORGANS["pancreas"].examples()["head-borderline-sma"]
VERDICT = COMPLETE["verdict"]
REASON = "The artery was measured on the wrong phase."


def with_sma(degrees: object) -> dict[str, Any]:
    vessels = COMPLETE["vessels"]
    return {
        **COMPLETE,
        "vessels": {**vessels, "sma": {**vessels["sma"], "contact_deg": degrees}},
    }


@pytest.fixture
def panel(visit: Callable[[str], Panel]) -> Panel:
    client, base = visit("surgeon")
    return client, f"{base}/api"


@pytest.fixture
def signed(panel: Panel) -> Panel:
    assert save(panel, with_sma(170), 0).status_code == 200
    assert sign(panel, 1).status_code == 200
    return panel


def save(panel: Panel, answers: Any, version: int, **more: Any) -> Any:
    client, api = panel
    return client.put(f"{api}/annotation", json={"answers": answers, "version": version, **more})


def sign(panel: Panel, version: int) -> Any:
    client, api = panel
    return client.post(f"{api}/sign", json={"version": version, "verdict": VERDICT})


def read(panel: Panel) -> Any:
    client, api = panel
    return client.get(f"{api}/panel").get_json()


def begin(panel: Panel, reason: str = REASON) -> Any:
    client, api = panel
    return client.post(f"{api}/amendment", json={"reason": reason})


def discard(panel: Panel, version: int) -> Any:
    client, api = panel
    return client.delete(f"{api}/amendment", json={"version": version})


def revisions(app: Flask) -> list[Revision]:
    with app.extensions["margin"].db.reading() as session:
        return list(session.scalars(select(Revision).order_by(Revision.number)))


def test_an_amendment_begins_with_what_was_signed_and_says_what_changes(signed: Panel) -> None:
    begun = begin(signed).get_json()
    assert begun["annotation"]["answers"] == with_sma(170)
    assert begun["annotation"]["signed"] is None
    assert begun["annotation"]["revision"] == 2
    assert begun["amendment"] == {"amends": 1, "revision": 2, "reason": REASON, "changes": []}
    saved = save(signed, with_sma(120), begun["annotation"]["version"])
    [change] = saved.get_json()["amendment"]["changes"][:1]
    assert change == {
        "pointer": "/vessels/sma/contact_deg",
        "place": "Superior mesenteric artery",
        "label": "Contact",
        "before": "170°",
        "after": "120°",
    }


def test_a_category_that_moves_is_among_the_changes(signed: Panel) -> None:
    version = begin(signed).get_json()["annotation"]["version"]
    changes = save(signed, with_sma(200), version).get_json()["amendment"]["changes"]
    moved = {one["label"]: (one["before"], one["after"]) for one in changes}
    assert moved["NCCN (v1.2022)"] == ("Borderline resectable", "Locally advanced")


def test_the_revision_amended_stands_beside_each_value_as_the_time_point_before(
    signed: Panel,
) -> None:
    begin(signed)
    prior = read(signed)["prior"]
    assert prior["revision"] == 1
    assert prior["case"] is None
    assert prior["answers"]["vessels"]["sma"]["contact_deg"] == 170
    assert prior["results"]["nccn-2022"] == "Borderline resectable"


def test_the_amended_opinion_says_so_in_every_form(
    signed: Panel, app: Flask, small_world: World
) -> None:
    version = begin(signed).get_json()["annotation"]["version"]
    save(signed, with_sma(120), version)
    assert sign(signed, version + 1).status_code == 200
    assert read(signed)["case"]["state"] == "opined"
    with app.extensions["margin"].db.reading() as session:
        number = small_world.inside.number
        case = session.scalars(select(Case).where(Case.number == number)).one()
        newest, first = opinions_of_case(session, case.id)
        assert (newest.number, first.number) == (f"{number}-O2", f"{number}-O1")
        page = render_html(from_stored(newest.content))
        exported = assessment_json(assessment_of(session, newest))
    assert f"replaces revision 1, opinion {number}-O1" in page
    assert REASON in page
    assert "What the amendment changes" in page
    told = exported["amendment"]
    assert told["statement"] == (
        f"Amended, replaces revision 1 (opinion {number}-O1) because: {REASON}"
    )
    assert {"before": "170°", "after": "120°"}.items() <= told["changes"][0].items()
    assert exported["provenance"]["previous_sha256"]
    assert "replaces revision" not in render_html(from_stored(first.content))


def test_signed_revisions_are_a_chain_in_which_none_can_be_exchanged(
    signed: Panel, app: Flask
) -> None:
    version = begin(signed).get_json()["annotation"]["version"]
    save(signed, with_sma(120), version)
    sign(signed, version + 1)
    first, second = revisions(app)
    assert second.previous_sha256 == first.chain_sha256 != ""
    assert list(breaks("pancreas", [first, second])) == []
    with app.extensions["margin"].db.reading() as session:
        assert list(broken_chains(session)) == []
    first.answers = with_sma(10)
    assert list(breaks("pancreas", [first, second])) == [
        "The answers of revision 1 are not those that were signed."
    ]
    first.answers, second.amendment_reason = with_sma(170), "Another reason."
    assert list(breaks("pancreas", [first, second])) == ["Revision 2 is not as it was signed."]
    assert list(breaks("pancreas", revisions(app)[1:])) == [
        "Revision 2 does not follow the revision before it."
    ]


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("UPDATE issued_opinion SET content = replace(content, 'SMA', 'SMV')", "is not what was"),
        ("UPDATE issued_opinion SET content_sha256 = 'x', content = '{}'", "is not what was"),
        ("UPDATE issued_opinion SET content_sha256 = ''", "is not the one that was signed"),
        ("DELETE FROM issued_opinion", "is not there"),
    ],
)
def test_an_opinion_changed_behind_margins_back_is_named(
    signed: Panel, app: Flask, small_world: World, tampering: str, said: str
) -> None:
    db = app.extensions["margin"].db
    with db.reading() as session:
        assert list(altered_opinions(session)) == []
    with db.writing() as session:
        session.execute(text("DROP TRIGGER keep_issued_opinion"))
        session.execute(text(tampering))
    with db.reading() as session:
        (sentence,) = altered_opinions(session)
    assert f"{small_world.inside.number}-O1" in sentence
    assert said in sentence


def test_what_was_signed_stays_what_it_was_while_it_is_amended(signed: Panel, app: Flask) -> None:
    before = revisions(app)[0]
    version = begin(signed).get_json()["annotation"]["version"]
    save(signed, with_sma(120), version)
    after = revisions(app)[0]
    assert (after.answers, after.chain_sha256, after.version) == (
        before.answers,
        before.chain_sha256,
        before.version,
    )


@pytest.mark.parametrize("reason", ["", "   ", "x" * 2001])
def test_an_amendment_asks_for_a_reason(signed: Panel, reason: str) -> None:
    refused = begin(signed, reason)
    assert refused.status_code == 422
    error = refused.get_json()["error"]
    assert error["code"] == "amendment_without_reason"
    assert [problem["pointer"] for problem in error["problems"]] == ["/reason"]
    assert read(signed)["annotation"]["signed"]


def test_a_second_window_is_told_that_an_amendment_is_open(signed: Panel) -> None:
    assert begin(signed).status_code == 200
    assert begin(signed).get_json()["error"]["code"] == "amendment_not_possible"


def test_nothing_unsigned_is_amended(panel: Panel) -> None:
    refused = begin(panel)
    assert refused.status_code == 409
    assert refused.get_json()["error"]["code"] == "case_not_amended"


def test_an_amendment_that_changes_nothing_is_not_signed(signed: Panel) -> None:
    version = begin(signed).get_json()["annotation"]["version"]
    assert sign(signed, version).get_json()["error"]["code"] == "amendment_changes_nothing"


def test_a_discarded_amendment_leaves_the_signed_revision(signed: Panel, app: Flask) -> None:
    version = begin(signed).get_json()["annotation"]["version"]
    assert discard(signed, version + 5).get_json()["error"]["code"] == (
        "annotation_changed_elsewhere"
    )
    left = discard(signed, version).get_json()
    assert left["annotation"]["signed"]
    assert left["annotation"]["answers"] == with_sma(170)
    assert len(revisions(app)) == 1


def test_a_window_left_from_a_discarded_amendment_does_not_write_into_the_next(
    signed: Panel,
) -> None:
    version = begin(signed).get_json()["annotation"]["version"]
    save(signed, with_sma(10), version)
    discard(signed, version + 1)
    begin(signed)
    late = save(signed, with_sma(20), version + 1)
    assert late.get_json()["error"]["code"] == "annotation_changed_elsewhere"
    assert late.get_json()["error"]["current"]["answers"] == with_sma(170)


def test_a_window_from_before_the_signature_does_not_write_into_the_amendment(
    signed: Panel,
) -> None:
    begin(signed)
    late = save(signed, with_sma(20), 1)
    assert late.get_json()["error"]["code"] == "annotation_changed_elsewhere"
    assert read(signed)["annotation"]["answers"] == with_sma(170)


def test_only_who_signed_amends(signed: Panel, visit: Callable[[str], Panel]) -> None:
    client, base = visit("other_surgeon")
    assert begin((client, f"{base}/api")).status_code == 409
    client, base = visit("hospital")
    assert begin((client, f"{base}/api")).status_code in (403, 404)


def test_chosen_options_are_kept_with_the_revision_and_judge_it(panel: Panel, app: Flask) -> None:
    body = ORGANS["pancreas"].examples()["body-appleby"]
    options = {"nccn-2022": {"appleby": "LA"}}
    saved = save(panel, body, 0, options=options).get_json()
    said = {one["ruleset"]: one for one in saved["evaluations"]}
    assert said["nccn-2022"]["category"] == "locally_advanced"
    assert said["nccn-legacy"]["category"] == "borderline"
    assert said["nccn-2022"]["options"] == {"appleby": "LA"}
    assert read(panel)["annotation"]["options"] == options
    [kept] = revisions(app)
    assert kept.options == options
    assert kept.schema_version == ORGANS["pancreas"].schema_version
    assert {one["ruleset"]: one["version"] for one in kept.evaluations}["jps-7"] == "7"


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"nccn-2031": {"appleby": "LA"}}, "/options/nccn-2031"),
        ({"nccn-2022": {"appleby": "maybe"}}, "/options/nccn-2022"),
        ({"nccn-2022": {"apple": "LA"}}, "/options/nccn-2022"),
        ({"nccn-2022": ["LA"]}, "/options/nccn-2022"),
        ([], "/options"),
    ],
)
def test_an_option_that_does_not_exist_is_refused_by_name(
    panel: Panel, options: Any, pointer: str
) -> None:
    refused = save(panel, {"site": "head"}, 0, options=options)
    assert refused.status_code == 422
    assert [p["pointer"] for p in refused.get_json()["error"]["problems"]] == [pointer]
    assert read(panel)["annotation"]["answers"] == {}


@pytest.mark.parametrize("version", [99, 0, -1, "1", 1.5, True])
def test_answers_in_a_form_of_the_future_are_refused_by_name(panel: Panel, version: Any) -> None:
    refused = save(panel, {"site": "head"}, 0, schema_version=version)
    assert refused.status_code == 422
    [problem] = refused.get_json()["error"]["problems"]
    assert problem["pointer"] == "/schema_version"
    assert read(panel)["annotation"]["version"] == 0


def _kept_as(app: Flask, **values: Any) -> None:
    with app.extensions["margin"].db.writing() as session:
        session.execute(update(Revision).values(**values))


def test_a_revision_kept_in_a_form_of_the_future_is_not_misread(panel: Panel, app: Flask) -> None:
    save(panel, {"site": "head"}, 0)
    _kept_as(app, schema_version=9)
    client, api = panel
    refused = client.get(f"{api}/panel")
    assert refused.status_code == 409
    assert refused.get_json()["error"]["code"] == "form_from_the_future"
    assert save(panel, {"site": "tail"}, 1).get_json()["error"]["code"] == "form_from_the_future"


def test_a_revision_of_an_older_form_is_read_with_what_the_form_no_longer_asks(
    panel: Panel, app: Flask
) -> None:
    save(panel, {"site": "head"}, 0)
    older = {"site": "head", "grade": "G2", "vessels": {"sma": {"contact_deg": 90, "side": "left"}}}
    _kept_as(app, answers=older, schema_version=0)
    found = read(panel)["annotation"]
    assert found["answers"] == older
    assert found["older"] == [
        {"pointer": "/grade", "text": '"G2"'},
        {"pointer": "/vessels/sma/side", "text": '"left"'},
    ]


def test_a_signed_answer_changed_behind_the_database_is_named_with_its_case(
    signed: Panel, app: Flask
) -> None:
    db = app.extensions["margin"].db
    with db.writing() as session:
        guards = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'revision'"
        for name in session.scalars(text(guards)).all():
            session.execute(text(f"DROP TRIGGER {name}"))
        changed = json.dumps(with_sma(10))
        session.execute(text("UPDATE revision SET answers = :changed"), {"changed": changed})
    with db.reading() as session:
        (sentence,) = broken_chains(session)
    assert sentence.startswith("Case ")
    assert sentence.endswith("The answers of revision 1 are not those that were signed.")
