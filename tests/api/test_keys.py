"""Keys of hospital systems: made once, kept as a hash, good for one hospital, ended at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.access.action import Action, Permit
from server.access.actions import issue_grant, make_grant
from server.access.program_records import ProgramKey
from server.access.programs import (
    KeyExpired,
    KeyRevoked,
    KeyUnknown,
    issue_key,
    program_of_key,
    revoke_key,
)
from server.access.scopes import BY_SCOPE, OF_HOSPITALS, Scope, actions_of
from server.foundation import audit
from server.foundation.clock import utc_now
from server.foundation.errors import Invalid
from tests.api.conftest import Caller, key_for
from tests.web.conftest import Browser
from tests.world import World

Program = Callable[..., Caller]


def test_a_key_is_kept_as_a_hash_and_known_by_its_beginning(world: World) -> None:
    key = key_for(world.db, world.hospital)
    with world.db.reading() as session:
        kept = session.query(ProgramKey).one()
        assert key.startswith(kept.shown)
        assert len(kept.shown) == 10
        assert key not in repr(vars(kept))
        assert program_of_key(session, key, utc_now()).hospital_id == world.hospital.id


def test_a_key_ends_by_its_day_and_by_revocation(world: World) -> None:
    now = utc_now()
    with world.db.writing() as session:
        made = issue_key(
            session,
            hospital=world.hospital,
            name="x",
            scopes=["read"],
            days=1,
            issued_by="t",
            now=now,
        )
        later = now + timedelta(days=1)
        with pytest.raises(KeyExpired):
            program_of_key(session, made.key, later)
        revoke_key(session, made.record, by="Ada", why="lost", now=now)
        with pytest.raises(KeyRevoked):
            program_of_key(session, made.key, now)
        for wrong in ("", "mgp_x", "mgp_" + "a" * 43, "x" * 5000, "mgp_\x00"):
            with pytest.raises(KeyUnknown):
                program_of_key(session, wrong, now)


@pytest.mark.parametrize(
    ("scopes", "days", "name"),
    [
        ((), 30, "x"),
        (("coordinate",), 30, "x"),
        (("fly",), 30, "x"),
        (("read",), 0, "x"),
        (("read",), 10_000, "x"),
        (("read",), 30, "  "),
    ],
)
def test_a_hospitals_key_allows_only_what_hospitals_do(
    world: World, scopes: tuple[str, ...], days: int, name: str
) -> None:
    with world.db.writing() as session, pytest.raises(Invalid) as refused:
        issue_key(
            session, hospital=world.hospital, name=name, scopes=scopes, days=days,
            issued_by="t", now=utc_now(),
        )  # fmt: skip
    assert len(refused.value.problems) == 1


def test_no_hospitals_scope_reaches_what_is_a_coordinators() -> None:
    allowed = actions_of(OF_HOSPITALS)
    kept_back = {
        Action.CASE_ADVANCE,
        Action.CASE_ASSIGN,
        Action.RECORDS_JUDGE,
        Action.ARRIVALS_READ,
    }
    kept_back |= {Action.ANNOTATION_READ, Action.ANNOTATION_SIGN, Action.PEOPLE_READ}
    kept_back |= {Action.IMAGES_READ, Action.GRANT_ISSUE, Action.AUDIT_READ, Action.KEYS_CHANGE}
    assert not allowed & kept_back
    assert set(BY_SCOPE) == set(Scope)
    assert Action.KEYS_CHANGE not in actions_of(Scope)


def test_a_program_sees_its_own_hospitals_cases_and_no_other(
    program: Program, small_world: World
) -> None:
    inside, outside = small_world.inside.number, small_world.outside.number
    own, other = program(), program("other_hospital")
    assert [one["number"] for one in own.get("/cases").get_json()["cases"]] == [inside]
    assert [one["number"] for one in other.get("/cases").get_json()["cases"]] == [outside]
    for path in ("", "/records", "/studies", "/sending", "/imaging", "/opinions", "/documents"):
        hidden = own.get(f"/cases/{outside}{path}")
        nowhere = own.get(f"/cases/M-2026-09999{path}")
        assert hidden.status_code == nowhere.status_code == 404
        said, unsaid = hidden.get_json()["error"], nowhere.get_json()["error"]
        assert said["code"] == unsaid["code"] == "case_not_found"
    named = own.get(f"/cases?hospital_id={small_world.other_hospital.id}")
    assert named.get_json()["cases"] == []


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("read", "POST", "/cases"),
        ("read", "GET", "/cases/{number}/opinions"),
        ("send", "GET", "/cases/{number}/opinions"),
        ("opinion", "GET", "/cases/{number}/records"),
        ("read", "POST", "/cases/{number}/steps"),
    ],
)
def test_a_scope_that_is_missing_is_told_and_kept_in_the_trail(
    program: Program, small_world: World, app: Flask, scope: str, method: str, path: str
) -> None:
    caller = program("hospital", (scope,))
    answer = caller.ask(method, path.format(number=small_world.inside.number), json={})
    assert answer.status_code == 403
    with app.extensions["margin"].db.reading() as session:
        line = audit.newest(session)[0]
        assert line.actor.startswith("program ")
        assert line.outcome == "refused"
        assert caller.key not in repr(vars(line))


def test_a_key_opens_no_page_and_no_image(theirs: Caller, small_world: World) -> None:
    number = small_world.inside.number
    for path in (
        "/worklist",
        f"/cases/{number}",
        f"/cases/{number}/opinion.pdf",
        "/dicom-web/studies",
    ):
        bearer = {"Authorization": f"Bearer {theirs.key}", "Accept": "application/json"}
        assert theirs.client.get(path, headers=bearer).status_code == 401, path


def test_use_is_noted_to_the_minute_and_by_whom(theirs: Caller, small_world: World) -> None:
    assert theirs.get("/me").get_json()["kind"] == "program"
    with small_world.db.reading() as session:
        first = session.query(ProgramKey).one().last_used_at
    assert first is not None
    theirs.get("/me")
    with small_world.db.reading() as session:
        assert session.query(ProgramKey).one().last_used_at == first


def test_the_token_of_a_cases_link_reaches_that_case_and_nothing_else(
    app: Flask, small_world: World
) -> None:
    caller = Caller(app.test_client(), small_world.tokens["hospital"])
    number = small_world.inside.number
    assert caller.get(f"/cases/{number}").get_json()["number"] == number
    assert caller.get(f"/cases/{number}/records").status_code == 200
    assert caller.get(f"/cases/{small_world.outside.number}").status_code == 404
    assert caller.get("/cases").status_code == 403
    assert caller.post("/cases", {"organ": "liver", "question": "?"}).status_code == 403


def test_a_pseudonymised_link_gets_nothing_from_the_api(app: Flask, small_world: World) -> None:
    with small_world.db.writing() as session:
        token = issue_grant(
            session, case=small_world.inside, for_whom="x", permits=frozenset({Permit.VIEW}),
            days=3, issued_by="t", now=utc_now(), pseudonymised=True,
        ).token  # fmt: skip
    answer = Caller(app.test_client(), token).get(f"/cases/{small_world.inside.number}")
    assert answer.status_code == 403
    assert "Riverside" not in answer.text


def test_the_token_of_a_shared_opinion_is_nothing_without_its_pin(
    app: Flask, small_world: World
) -> None:
    with small_world.db.writing() as session:
        token = make_grant(
            session, case=small_world.inside, for_whom="x", permits=frozenset({Permit.SHARED}),
            expires_at=utc_now() + timedelta(days=3), issued_by="t", now=utc_now(),
        ).token  # fmt: skip
    caller = Caller(app.test_client(), token)
    for path in ("", "/opinions", "/opinion.pdf"):
        assert caller.get(f"/cases/{small_world.inside.number}{path}").status_code == 401


def test_an_admin_makes_a_key_and_sees_it_once(
    signed_in: Callable[[str], Browser],
    small_world: World,
    client: FlaskClient,
) -> None:
    browser = signed_in("Ada")
    address = f"/hospitals/{small_world.hospital.id}/keys"
    made = browser.post(address, name="PACS bridge", scopes=["read", "send"], days="90")
    key = made.text.split('value="mgp_')[1].split('"')[0]
    assert "mgp_" + key not in browser.client.get(address).text
    asked = Caller(client, "mgp_" + key).get("/me").get_json()
    assert asked["hospital"]["name"] == "Riverside"
    assert "opinion.read" not in asked["may"]
    with small_world.db.reading() as session:
        record = session.query(ProgramKey).one()
        assert key not in repr([vars(line) for line in audit.newest(session)])
    refused = browser.post(f"/keys/{record.id}/revoke", why="")
    assert "Say why" in refused.text
    browser.post(f"/keys/{record.id}/revoke", why="the bridge was stolen")
    assert "the bridge was stolen" in browser.client.get(address).text
    assert Caller(client, "mgp_" + key).get("/me").status_code == 401


def test_a_coordinator_reads_the_keys_of_their_hospitals_and_makes_none(
    signed_in: Callable[[str], Browser],
    small_world: World,
) -> None:
    browser = signed_in("Clara")
    own = f"/hospitals/{small_world.hospital.id}/keys"
    assert browser.client.get(own).status_code == 200
    assert browser.client.get(f"/hospitals/{small_world.other_hospital.id}/keys").status_code == 404
    assert browser.client.get("/keys").status_code == 404
    assert browser.post(own, name="x", scopes=["read"], days="3").status_code == 403
    surgeon = signed_in("Lena")
    assert surgeon.client.get(own).status_code == 403
