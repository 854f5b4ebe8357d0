"""Tokens: shown once, kept as hashes, good only while they are good."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pyotp import TOTP
from sqlalchemy import select, text

from server.access import tokens
from server.access.action import Action, Permit
from server.access.actions import (
    FAILURES_BEFORE_WAITING,
    SignInFailed,
    TooManyAttempts,
    begin_launch,
    change_password,
    check_attempts,
    issue_grant,
    make_grant,
    note_failure,
    revoke_grant,
    sign_in,
    use_token,
)
from server.access.codes import ask_for_code
from server.access.door import Credentials, ImageDoor, NotPermitted, NotSignedIn, VisitEnded, admit
from server.access.queries import GrantExpired, GrantRevoked, TokenUnknown, grants_of_case
from server.access.records import Grant
from server.cases.queries import CaseNotFound
from server.foundation.errors import Invalid
from server.people.records import Person
from tests.world import INSIDE_STUDY, PASSWORD, World

LASTS = timedelta(hours=8)


def test_only_the_hash_of_a_token_is_kept(world: World) -> None:
    token = world.tokens["surgeon"]
    with world.db.reading() as session:
        kept = session.scalars(select(Grant.token_sha256)).all()
        dump = str(session.execute(text("SELECT * FROM access_grant")).all())
    assert tokens.sha256(token) in kept
    assert token not in dump


def test_using_a_token_counts(world: World, now: datetime) -> None:
    for _ in range(2):
        with world.db.writing() as session:
            use_token(session, world.tokens["surgeon"], now)
    with world.db.reading() as session:
        grant = next(g for g in grants_of_case(session, world.inside.id) if g.for_whom == "Lena")
    assert (grant.uses, grant.last_used_at) == (2, now)


@pytest.mark.parametrize(
    "mangled", ["", "mgn_", "mgn_short", "xyz", "mgn_" + "a" * 43, "mgn_" + "a" * 42 + "\n"]
)
def test_a_mangled_token_is_unknown(world: World, now: datetime, mangled: str) -> None:
    with pytest.raises(TokenUnknown), world.db.writing() as session:
        use_token(session, mangled, now)


def test_an_expired_token_is_refused_to_the_second(world: World, now: datetime) -> None:
    expiry = now + timedelta(days=14)
    with world.db.writing() as session:
        use_token(session, world.tokens["surgeon"], expiry - timedelta(seconds=1))
    with pytest.raises(GrantExpired), world.db.writing() as session:
        use_token(session, world.tokens["surgeon"], expiry)


def test_a_revoked_grant_ends_the_visits_begun_with_it(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        grant = use_token(session, world.tokens["surgeon"], now)
        begun = begin_launch(session, world.inside, now=now, grant=grant, lasts=LASTS)
        revoke_grant(session, grant, by="Clara", why="left", now=now)
    with pytest.raises(GrantRevoked), world.db.writing() as session:
        use_token(session, world.tokens["surgeon"], now)
    with pytest.raises(GrantRevoked), world.db.reading() as session:
        admit(
            session,
            Action.CASE_READ,
            Credentials(launch_secret=begun.secret),
            now=now,
            launch_id=begun.launch.id,
        )


def test_a_visit_needs_its_own_cookie(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        first = begin_launch(session, world.inside, now=now, person=world.surgeon, lasts=LASTS)
        second = begin_launch(
            session, world.outside, now=now, person=world.other_surgeon, lasts=LASTS
        )
    for secret in (None, "wrong", second.secret):
        with pytest.raises(VisitEnded), world.db.reading() as session:
            admit(
                session,
                Action.CASE_READ,
                Credentials(launch_secret=secret),
                now=now,
                launch_id=first.launch.id,
            )


def test_a_visit_lasts_no_longer_than_its_grant(world: World, now: datetime) -> None:
    soon = now + timedelta(days=14) - timedelta(minutes=5)
    with world.db.writing() as session:
        grant = use_token(session, world.tokens["surgeon"], soon)
        begun = begin_launch(session, world.inside, now=soon, grant=grant, lasts=LASTS)
    assert begun.launch.expires_at == now + timedelta(days=14)


def test_another_password_ends_what_was_begun_with_the_old_one(world: World, now: datetime) -> None:
    surgeon = world.surgeon
    with world.db.writing() as session:
        _, signed = sign_in(session, email=surgeon.email, password=PASSWORD, code="", now=now)
        begun = begin_launch(session, world.inside, now=now, person=surgeon, lasts=LASTS)
        grant = use_token(session, world.tokens["surgeon"], now)
        by_link = begin_launch(session, world.inside, now=now, grant=grant, lasts=LASTS)
    with world.db.writing() as session:
        change_password(session, session.get_one(Person, surgeon.id), "another password", now)
    with pytest.raises(NotSignedIn), world.db.reading() as session:
        admit(session, Action.WORKLIST_READ, Credentials(sign_in_secret=signed), now=now)
    cookies = ((begun, False), (by_link, True))
    for visit, goes_on in cookies:
        credentials = Credentials(launch_secret=visit.secret)
        with world.db.reading() as session:
            if goes_on:
                admit(session, Action.CASE_READ, credentials, now=now, launch_id=visit.launch.id)
                continue
            with pytest.raises(VisitEnded):
                admit(session, Action.CASE_READ, credentials, now=now, launch_id=visit.launch.id)


def test_a_coordinator_of_another_hospital_is_told_that_there_is_no_such_case(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        _, secret = sign_in(
            session, email="omar@margin.example", password=PASSWORD, code="", now=now
        )
    seen = []
    for number in (world.inside.number, "M-2026-09999"):
        with pytest.raises(CaseNotFound) as refused, world.db.reading() as session:
            admit(
                session,
                Action.CASE_READ,
                Credentials(sign_in_secret=secret),
                now=now,
                number=number,
            )
        seen.append((refused.value.detail.replace(number, "N"), refused.value.remedy))
    assert seen[0] == seen[1]


def test_pixels_are_refused_without_a_token_and_with_a_wrong_one(
    world: World, now: datetime
) -> None:
    door = ImageDoor(world.db, lambda: now)
    with pytest.raises(NotSignedIn):
        door.admit(Action.IMAGES_READ, Credentials())
    with pytest.raises(TokenUnknown):
        door.admit(Action.IMAGES_READ, Credentials(bearer="mgn_" + "b" * 43))
    with pytest.raises(NotPermitted):
        door.admit(Action.IMAGES_READ, Credentials(bearer=world.tokens["hospital"]))
    with pytest.raises(NotPermitted):
        door.admit(Action.IMAGES_WRITE, Credentials(bearer=world.tokens["viewer"]))


def test_pixels_are_narrowed_to_the_studies_of_the_case(world: World, now: datetime) -> None:
    door = ImageDoor(world.db, lambda: now)
    admission = door.admit(Action.IMAGES_READ, Credentials(bearer=world.tokens["surgeon"]))
    assert admission.study_uids == {INSIDE_STUDY}
    everything = door.admit(Action.IMAGES_READ, Credentials(bearer=world.tokens["archive"]))
    assert everything.study_uids is None


def test_a_revocation_stops_pixels_within_five_seconds(
    world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 1000.0
    monkeypatch.setattr("server.access.door.time.monotonic", lambda: moment)
    door = ImageDoor(world.db, lambda: now)
    credentials = Credentials(bearer=world.tokens["surgeon"])
    door.admit(Action.IMAGES_READ, credentials)
    with world.db.writing() as session:
        grant = use_token(session, world.tokens["surgeon"], now)
        revoke_grant(session, grant, by="Clara", why="", now=now)
    moment += 5.0
    with pytest.raises(GrantRevoked):
        door.admit(Action.IMAGES_READ, credentials)


@pytest.mark.parametrize("days", [0, -1, 367, 10**9])
def test_a_grant_always_ends(world: World, now: datetime, days: int) -> None:
    with pytest.raises(Invalid), world.db.writing() as session:
        issue_grant(
            session,
            case=world.inside,
            for_whom="x",
            permits=frozenset({Permit.VIEW}),
            days=days,
            issued_by="test",
            now=now,
        )


@pytest.mark.parametrize(
    ("email", "password"),
    [("clara@margin.example", "wrong"), ("nobody@margin.example", PASSWORD), ("", "")],
)
def test_a_failed_sign_in_does_not_say_what_was_wrong(
    world: World, now: datetime, email: str, password: str
) -> None:
    with pytest.raises(SignInFailed) as failed, world.db.writing() as session:
        sign_in(session, email=email, password=password, code="", now=now)
    assert failed.value.detail == "The address, the password or the code is not right."


def test_guessing_is_slowed_down(world: World, now: datetime) -> None:
    for _ in range(FAILURES_BEFORE_WAITING):
        with world.db.writing() as session:
            check_attempts(session, "clara@margin.example", now)
            note_failure(session, "clara@margin.example", now)
    with pytest.raises(TooManyAttempts), world.db.reading() as session:
        check_attempts(session, "CLARA@margin.example ", now)
    with world.db.reading() as session:
        check_attempts(session, "clara@margin.example", now + timedelta(minutes=16))


def test_an_account_with_a_code_needs_the_one_of_the_moment(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        person = session.get_one(Person, world.coordinator.id)
        address = ask_for_code(person)
        secret = str(person.totp_secret)
    assert address.startswith("otpauth://totp/Margin:")
    good = TOTP(secret).at(now)
    wrong = "000000" if good != "000000" else "111111"
    for code in ("", wrong, TOTP(secret).at(now - timedelta(minutes=5))):
        if code == good:
            continue
        with pytest.raises(SignInFailed), world.db.writing() as session:
            sign_in(session, email=person.email, password=PASSWORD, code=code, now=now)
    with world.db.writing() as session:
        sign_in(session, email=person.email, password=PASSWORD, code=good, now=now)


def test_an_older_link_that_draws_and_sends_still_draws_and_sends_no_more(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        made = make_grant(
            session,
            case=session.merge(world.inside, load=False),
            for_whom="Lena, from before",
            permits=frozenset({Permit.VIEW, Permit.ANNOTATE, Permit.UPLOAD}),
            expires_at=now + timedelta(days=3),
            issued_by="Clara",
            now=now,
        )
        begun = begin_launch(session, world.inside, now=now, grant=made.grant, lasts=LASTS)
    visit, cookie = begun.launch.id, Credentials(launch_secret=begun.secret)
    with world.db.reading() as session:
        for kept in (Action.CASE_READ, Action.RECORDS_READ, Action.ANNOTATION_WRITE):
            admit(session, kept, cookie, now=now, launch_id=visit)
        for lost in (Action.IMAGES_SEND, Action.DOCUMENT_SEND, Action.RECORDS_FILL):
            with pytest.raises(NotPermitted, match="sends nothing into the case") as refused:
                admit(session, lost, cookie, now=now, launch_id=visit)
            assert "a link of its own" in refused.value.remedy
    with pytest.raises(NotPermitted):
        ImageDoor(world.db, lambda: now).admit(Action.IMAGES_SEND, cookie, visit)
