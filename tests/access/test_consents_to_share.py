"""A share rests on a consent that stands, opens with its PIN, and ends with the consent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.access import sharing, sharing_actions
from server.access.action import Action, Permit
from server.access.actions import PinNeeded, check_grant, issue_grant, make_grant, use_token
from server.access.door import Credentials, ImageDoor
from server.access.permissions import SHARED_PERMITS, Allowed, CaseFacts, Holder, may
from server.access.queries import GrantExpired
from server.access.sharing import Attempts
from server.access.sharing_actions import Agreed, ConsentDoesNotStand, MadeShare, NothingToShare
from server.access.sharing_queries import ConsentMissing, ConsentOver, ConsentWithdrawn
from server.access.sharing_records import Share, ShareConsent
from server.cases.records import Case
from server.dossier import requests
from server.foundation.errors import Invalid
from server.opinions.records import IssuedOpinion
from tests.world import World

AGREED = Agreed(
    recipient="Dr Weber, oncology",
    recipient_kind="oncologist",
    what=sharing.OPINION_AND_IMAGES,
    given_by="patient",
    given_on="2026-11-20",
    how="written",
    valid_until="2026-12-20",
)


def opinion_of(session: Session, case: Case, now: datetime) -> None:
    """An issued opinion, as far as sharing looks at one."""
    session.execute(
        text(
            "INSERT INTO annotation (id, case_id, reviewer_id, reviewer_name, time_point, organ,"
            " last_version, round) VALUES ('a', :case, 'r', 'Lena', 1, 'pancreas', 0, 1)"
        ),
        {"case": case.id},
    )
    session.execute(
        text(
            "INSERT INTO revision (id, annotation_id, number, version, answers, evaluations,"
            " signed_by, verdict, sha256, schema_version, options, imaging, amendment_reason,"
            " previous_sha256, chain_sha256) VALUES ('v', 'a', 1, 1, '{}', '[]', '', '', '', 1,"
            " '{}', '[]', '', '', '')"
        )
    )
    session.add(
        IssuedOpinion(
            number=f"{case.number}-O1",
            case_id=case.id,
            revision_id="v",
            SOPInstanceUID="1.2.3",
            SeriesInstanceUID="1.2.4",
            content={},
            sha256="0" * 64,
            requested_at=now,
            issued_at=now,
        )
    )
    session.flush()


@pytest.fixture
def made(world: World, now: datetime) -> MadeShare:
    with world.db.writing() as session:
        case = session.merge(world.inside)
        opinion_of(session, case, now)
        consent = sharing_actions.record_consent(session, case, AGREED, by="Clara", now=now)
        return sharing_actions.share(session, case, consent, by="Clara", now=now)


def opened(world: World, made: MadeShare, pin: str, now: datetime) -> str:
    with world.db.writing() as session:
        found = sharing_actions.open_share(session, made.token, pin, now)
        assert found is not None
        assert (found.grant is not None) == (found.said == "open")
        return found.said


def other_pin(pin: str) -> str:
    return f"{(int(pin) + 1) % 10**sharing.PIN_DIGITS:06d}"


def test_a_consent_names_who_agreed_when_how_to_what_and_until_when(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = session.merge(world.inside)
        kept = sharing_actions.record_consent(session, case, AGREED, by="Clara", now=now)
        assert (kept.given_on, kept.valid_until) == (date(2026, 11, 20), date(2026, 12, 20))
        assert (kept.how, kept.what, kept.given_by) == ("written", "opinion_and_images", "patient")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"recipient": " "}, "/recipient"),
        ({"recipient_kind": "stranger"}, "/recipient_kind"),
        ({"what": "everything"}, "/what"),
        ({"how": ""}, "/how"),
        ({"given_by": "nobody"}, "/given_by"),
        ({"given_by": "representative"}, "/given_by_name"),
        ({"given_on": "20.11.2026"}, "/given_on"),
        ({"given_on": "2026-11-25"}, "/given_on"),
        ({"given_on": "2024-01-01"}, "/given_on"),
        ({"valid_until": "2026-11-19"}, "/valid_until"),
        ({"valid_until": "2029-01-01"}, "/valid_until"),
        ({"document_id": "another's"}, "/document_id"),
    ],
)
def test_a_consent_that_leaves_something_open_is_not_kept(
    world: World, now: datetime, change: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused, world.db.writing() as session:
        case = session.merge(world.inside)
        sharing_actions.record_consent(session, case, replace(AGREED, **change), by="C", now=now)
    assert pointer in [problem.pointer for problem in refused.value.problems]
    with world.db.reading() as session:
        assert session.query(ShareConsent).count() == 0


def test_no_grant_that_shares_is_made_without_a_consent(world: World, now: datetime) -> None:
    for permit in SHARED_PERMITS:
        with pytest.raises(Invalid, match="not issued"), world.db.writing() as session:
            issue_grant(
                session,
                case=session.merge(world.inside),
                for_whom="anybody",
                permits=frozenset({permit}),
                days=1,
                issued_by="test",
                now=now,
            )


def test_a_share_without_a_consent_row_is_refused_by_the_database(
    world: World, now: datetime, made: MadeShare
) -> None:
    with pytest.raises(IntegrityError), world.db.writing() as session:
        session.add(
            Share(consent_id="none", grant_id=made.share.grant_id, pin_hash="", pin_made_at=now)
        )


def test_a_grant_that_shares_and_has_no_consent_opens_nothing(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        grant = make_grant(
            session,
            case=session.merge(world.inside),
            for_whom="anybody",
            permits=frozenset({Permit.SHARED}),
            expires_at=now + timedelta(days=1),
            issued_by="test",
            now=now,
        ).grant
        with pytest.raises(ConsentMissing):
            check_grant(session, grant, now)


def test_nothing_is_shared_before_there_is_an_opinion(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = session.merge(world.inside)
        consent = sharing_actions.record_consent(session, case, AGREED, by="Clara", now=now)
        with pytest.raises(NothingToShare):
            sharing_actions.share(session, case, consent, by="Clara", now=now)


def test_nothing_is_shared_on_a_consent_that_is_withdrawn_or_over(
    world: World, now: datetime, made: MadeShare
) -> None:
    with world.db.writing() as session:
        case = session.merge(world.inside)
        consent = session.get_one(ShareConsent, made.share.consent_id)
        later = now + timedelta(days=60)
        with pytest.raises(ConsentDoesNotStand):
            sharing_actions.share(session, case, consent, by="Clara", now=later)
        sharing_actions.withdraw_consent(session, consent, why="she rang", by="Clara", now=now)
        with pytest.raises(ConsentDoesNotStand):
            sharing_actions.share(session, case, consent, by="Clara", now=now)


def test_nothing_is_shared_once_the_patient_took_back_the_consent_to_ask(
    world: World, now: datetime, made: MadeShare
) -> None:
    with world.db.writing() as session:
        case = session.merge(world.inside)
        requests.record_consent(
            session, case, given_on="2026-11-20", how="written", document_id="", by="C", now=now
        )
        requests.revoke_consent(session, case, why="she rang", by="C", now=now)
        consent = session.get_one(ShareConsent, made.share.consent_id)
        with pytest.raises(sharing_actions.CareWithoutConsent):
            sharing_actions.share(session, case, consent, by="Clara", now=now)
        assert sharing_actions.withdraw_all(session, case, why="she rang", by="C", now=now) == 1
    with pytest.raises(ConsentWithdrawn):
        opened(world, made, made.pin, now)


def test_neither_token_nor_pin_is_kept(world: World, made: MadeShare) -> None:
    with world.db.reading() as session:
        tables = ("share", "share_consent", "access_grant", "audit_line")
        dump = "".join(
            str(session.execute(text(f"SELECT * FROM {table}")).all()) for table in tables
        )
    assert made.token not in dump
    assert made.pin not in dump
    assert made.share.pin_hash.startswith("$argon2id$")


def test_the_right_pin_opens_and_a_wrong_one_does_not(
    world: World, now: datetime, made: MadeShare
) -> None:
    assert opened(world, made, "", now) == "pin_asked"
    assert opened(world, made, other_pin(made.pin), now) == "pin_wrong"
    assert opened(world, made, "not digits at all", now) == "pin_wrong"
    assert opened(world, made, f"{made.pin}0", now) == "pin_wrong"
    assert opened(world, made, f" {made.pin[:3]} {made.pin[3:]} ", now) == "open"


def test_after_five_wrong_pins_there_is_a_wait_and_after_fifteen_the_link_is_shut(
    world: World, now: datetime, made: MadeShare
) -> None:
    at, wrong = now, other_pin(made.pin)
    for tries in range(1, sharing.FAILURES_BEFORE_SHUT):
        assert opened(world, made, wrong, at) == "pin_wrong"
        if tries % sharing.FAILURES_BEFORE_WAITING == 0:
            assert opened(world, made, made.pin, at + timedelta(minutes=14)) == "pin_locked"
            at += sharing.WAIT
    assert opened(world, made, wrong, at) == "pin_shut"
    assert opened(world, made, made.pin, at + timedelta(days=1)) == "pin_shut"
    with world.db.writing() as session:
        pin = sharing_actions.renew_pin(session, session.get_one(Share, made.share.id), now=at)
    assert opened(world, made, pin, at) == "open"


def test_a_right_pin_forgets_the_wrong_ones_before(
    world: World, now: datetime, made: MadeShare
) -> None:
    for _ in range(3):
        for _ in range(sharing.FAILURES_BEFORE_WAITING - 1):
            assert opened(world, made, other_pin(made.pin), now) == "pin_wrong"
        assert opened(world, made, made.pin, now) == "open"


def test_the_token_alone_is_good_for_nothing(world: World, now: datetime, made: MadeShare) -> None:
    with pytest.raises(PinNeeded), world.db.writing() as session:
        use_token(session, made.token, now)
    door = ImageDoor(world.db, lambda: now)
    with pytest.raises(PinNeeded):
        door.admit(Action.IMAGES_READ, Credentials(bearer=made.token))


def test_a_share_ends_with_its_consent(world: World, now: datetime, made: MadeShare) -> None:
    last = datetime.combine(date(2026, 12, 20), datetime.max.time(), tzinfo=now.tzinfo)
    assert opened(world, made, made.pin, last) == "open"
    with pytest.raises((GrantExpired, ConsentOver)):
        opened(world, made, made.pin, last + timedelta(seconds=1))


def test_a_withdrawn_consent_ends_every_link_made_on_it(
    world: World, now: datetime, made: MadeShare
) -> None:
    with world.db.writing() as session:
        case = session.merge(world.inside)
        consent = session.get_one(ShareConsent, made.share.consent_id)
        second = sharing_actions.share(session, case, consent, by="Clara", now=now)
        with pytest.raises(Invalid):
            sharing_actions.withdraw_consent(session, consent, why=" ", by="Clara", now=now)
        sharing_actions.withdraw_consent(session, consent, why="she rang", by="Clara", now=now)
    for link in (made, second):
        with pytest.raises(ConsentWithdrawn):
            opened(world, link, link.pin, now)


@pytest.mark.parametrize("action", sorted(set(Action)))
def test_a_recipient_may_do_nothing_but_read_what_is_shared(action: Action) -> None:
    case = CaseFacts("the case", "a hospital")
    allowed = {Action.OPINION_READ, Action.SHARED_READ, Action.SHARED_STANDING}
    open_to_all = {Action.PUBLIC, Action.SIGN_IN, Action.OPEN_LINK}
    for permits, more in (
        ({Permit.SHARED}, set()),
        ({Permit.SHARED, Permit.SHARED_IMAGES}, {Action.IMAGES_READ}),
    ):
        recipient = Holder("g", "Dr Weber", "the case", frozenset(permits))
        expected = action in allowed | more | open_to_all
        assert _may(recipient, action, case) == expected
        assert _may(recipient, action, CaseFacts("another", "a hospital")) == (
            action in open_to_all
        )
    hidden = Holder("g", "Dr Weber", "the case", frozenset({Permit.SHARED}), pseudonymised=True)
    if action is Action.OPINION_READ:
        assert not _may(hidden, action, case)


def _may(actor: Holder, action: Action, case: CaseFacts) -> bool:
    return isinstance(may(actor, action, case), Allowed)


@given(st.lists(st.booleans(), max_size=60))
def test_no_more_than_five_pins_are_looked_at_in_a_quarter_of_an_hour(rights: list[bool]) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    attempts, looked_at = Attempts(0, None), 0
    for _ in rights:
        if sharing.is_shut(attempts.failures) or sharing.waits_until(attempts, now):
            continue
        looked_at += 1
        attempts = sharing.after_failure(attempts, now)
    assert looked_at <= sharing.FAILURES_BEFORE_WAITING


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(-400, 400))
def test_a_consent_stands_to_the_end_of_its_last_day(until: date, days: int) -> None:
    at = datetime.combine(until + timedelta(days=days), datetime.min.time(), tzinfo=UTC)
    assert sharing.standing(until, None, at) == ("stands" if days <= 0 else "over")
    assert sharing.standing(until, at, at) == "withdrawn"
