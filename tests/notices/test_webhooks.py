"""Webhooks: signed so that somebody else's library accepts them, kept while the other side is down,
and never a way into the house."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook as Independent
from standardwebhooks.webhooks import WebhookVerificationError

from server.foundation.errors import Invalid
from server.notices import posting, queries, webhooks
from server.notices.actions import post
from server.notices.delivering import Outbox
from server.notices.kinds import NoticeKind
from server.notices.outcome import Delivered, Postponed
from server.notices.posting import AddressRefused, Event, check_address
from server.notices.recipients import Recipients
from server.notices.records import Delivery, Webhook
from server.notices.sealing import SecretUnreadable, new_secret, opened, sealed
from server.people.records import Hospital
from tests.notices.conftest import Clock, Receiver, SettingsOf
from tests.world import World

SERVER_SECRET = "a key for tests only, nothing else"
EVENT = Event(
    "notice_1",
    "opinion.issued",
    datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    "M-2026-00001",
    "https://margin.example/cases/M-2026-00001",
    {"on": "2026-11-20"},
)


def subscribe(
    world: World,
    receiver: Receiver,
    now: datetime,
    hospital: Hospital | None = None,
    kinds: tuple[NoticeKind, ...] = (),
) -> tuple[Webhook, str]:
    with world.db.writing() as session:
        return webhooks.add_webhook(
            session,
            hospital=session.merge(hospital) if hospital else None,
            url=receiver.url,
            kinds=[kind.value for kind in kinds],
            server_secret=SERVER_SECRET,
            private=True,
            by="test",
            now=now,
        )


def tell(world: World, kind: NoticeKind, now: datetime, key: str) -> None:
    with world.db.writing() as session:
        case = session.merge(world.inside)
        post(session, kind=kind, case=case, to=Recipients(), facts={}, now=now, key=key)


def calls(world: World, state: str = "") -> list[Delivery]:
    with world.db.reading() as session:
        wanted = select(Delivery).where(Delivery.channel == "webhook").order_by(Delivery.due_at)
        return [one for one in session.scalars(wanted) if state in ("", one.state)]


@pytest.fixture
def outbox(sqlite_world: World, clock: Clock, settings_of: SettingsOf) -> Outbox:
    return Outbox(sqlite_world.db, settings_of(sqlite_world.db), clock=clock)


def test_another_implementation_accepts_the_signature_and_nothing_but_it(
    receiver: Receiver,
) -> None:
    now = datetime.now(UTC)  # theirs holds the timestamp against its own clock
    secret = new_secret()
    assert posting.post(receiver.url, secret, EVENT, now, private=True) == Delivered()
    [(headers, body)] = receiver.calls
    assert Independent(secret).verify(body, headers)["type"] == "opinion.issued"
    with pytest.raises(WebhookVerificationError):
        Independent(secret).verify(body.replace(b"00001", b"00002"), headers)
    with pytest.raises(WebhookVerificationError):
        Independent(new_secret()).verify(body, headers)


def test_the_body_is_what_the_documentation_says() -> None:
    assert json.loads(EVENT.body()) == {
        "type": "opinion.issued",
        "version": 1,
        "timestamp": "2026-11-20T09:30:00.000000+00:00",
        "data": {
            "case": {
                "number": "M-2026-00001",
                "address": "https://margin.example/cases/M-2026-00001",
            },
            "facts": {"on": "2026-11-20"},
        },
    }


def test_the_signature_is_that_of_the_specifications_example() -> None:
    # Standard Webhooks, the test vector of its reference libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = posting.signature(
        secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", [301, 307, 400, 404, 429, 500, 503])
def test_any_answer_but_success_is_tried_again_and_redirects_are_not_followed(
    receiver: Receiver, status: int, now: datetime
) -> None:
    receiver.answers = [status]
    outcome = posting.post(receiver.url, new_secret(), EVENT, now, private=True)
    assert isinstance(outcome, Postponed) and str(status) in outcome.why
    assert len(receiver.calls) == 1


def test_an_endless_answer_is_not_read(receiver: Receiver, now: datetime) -> None:
    receiver.body = b"x" * 50_000_000
    assert posting.post(receiver.url, new_secret(), EVENT, now, private=True) == Delivered()


@pytest.mark.parametrize(
    "url",
    [
        "http://hospital.example/x",
        "ftp://hospital.example/x",
        "https://user:password@hospital.example/x",
        "https:///x",
        "https://hospital.example/x#fragment",
        "https://höspital.example/x",
        "javascript:alert(1)",
        "https://[::1",
        "https://hospital.example:99999/",
        "https://hospital.example:http/",
        "",
    ],
)
def test_an_address_that_is_none_to_post_to_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(url, private=False)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "2130706433",
        "0x7f.1",
    ],
)
def test_no_address_of_this_machine_or_network_is_called(host: str, now: datetime) -> None:
    outcome = posting.post(f"https://{host}/x", new_secret(), EVENT, now, private=False)
    assert isinstance(outcome, Postponed)
    assert "private network" in outcome.why or "no address" in outcome.why


def test_a_secret_is_kept_sealed_under_the_servers_own() -> None:
    secret = new_secret()
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    kept = sealed(secret, SERVER_SECRET)
    assert secret not in kept and opened(kept, SERVER_SECRET) == secret
    with pytest.raises(SecretUnreadable):
        opened(kept, "another key of the server")


def test_a_hospital_is_told_of_its_own_cases_and_of_what_it_may_know(
    sqlite_world: World, receiver: Receiver, now: datetime
) -> None:
    own, _ = subscribe(sqlite_world, receiver, now, sqlite_world.hospital)
    subscribe(sqlite_world, receiver, now, sqlite_world.other_hospital)
    service, _ = subscribe(sqlite_world, receiver, now)
    some, _ = subscribe(sqlite_world, receiver, now, None, (NoticeKind.OPINION_ISSUED,))
    tell(sqlite_world, NoticeKind.OPINION_ISSUED, now, "issued")
    tell(sqlite_world, NoticeKind.ESCALATED, now, "escalated")
    told = sorted(str(one.webhook_id) for one in calls(sqlite_world))
    assert told == sorted([own.id, service.id, service.id, some.id])


def test_a_kind_that_is_not_for_hospitals_cannot_be_subscribed_to(
    sqlite_world: World, receiver: Receiver, now: datetime
) -> None:
    with pytest.raises(Invalid):
        subscribe(sqlite_world, receiver, now, sqlite_world.hospital, (NoticeKind.ESCALATED,))


def test_a_webhook_that_is_down_for_a_day_loses_nothing(
    sqlite_world: World, receiver: Receiver, clock: Clock, outbox: Outbox
) -> None:
    subscribe(sqlite_world, receiver, clock())
    begun = clock()
    for place in range(3):
        tell(sqlite_world, NoticeKind.OPINION_ISSUED, clock(), f"issued {place}")
    receiver.answers = [503] * 30
    while clock() - begun < timedelta(hours=24):
        for one in calls(sqlite_world, "waiting"):
            outbox.deliver(one.id)
        clock.go(hours=1)
    receiver.answers = []
    tried = len(receiver.calls)
    assert tried >= 20 and len(calls(sqlite_world, "waiting")) == 3
    clock.go(hours=24)
    for one in calls(sqlite_world, "waiting"):
        outbox.deliver(one.id)
    assert len(calls(sqlite_world, "sent")) == 3
    ids = {headers["webhook-id"] for headers, _ in receiver.calls}
    assert len(ids) == 3 and len(receiver.calls) == tried + 3


def test_one_that_wants_no_more_is_switched_off_and_gets_what_was_kept_when_it_is_on_again(
    sqlite_world: World, receiver: Receiver, clock: Clock, outbox: Outbox
) -> None:
    hook, _ = subscribe(sqlite_world, receiver, clock(), sqlite_world.hospital)
    receiver.answers = [410]
    tell(sqlite_world, NoticeKind.OPINION_ISSUED, clock(), "first")
    outbox.deliver(calls(sqlite_world)[0].id)
    tell(sqlite_world, NoticeKind.OPINION_AMENDED, clock.go(hours=1), "second")
    assert [one.state for one in calls(sqlite_world)] == ["held", "held"]
    with sqlite_world.db.reading() as session:
        told = queries.told(session, sqlite_world.coordinator.id)
        assert [one.notice.kind for one in told] == [NoticeKind.WEBHOOK_DISABLED]
        assert queries.told(session, sqlite_world.other_coordinator.id) == []
    with sqlite_world.db.writing() as session:
        assert webhooks.switch_on(session, session.merge(hook), clock.go(hours=1)) == 2
    for one in calls(sqlite_world):
        outbox.deliver(one.id)
    assert [one.state for one in calls(sqlite_world)] == ["sent", "sent"]
    assert len(receiver.calls) == 3


def test_a_secret_sealed_under_another_key_stops_the_webhook_and_keeps_its_events(
    sqlite_world: World, receiver: Receiver, clock: Clock, settings_of: SettingsOf
) -> None:
    hook, _ = subscribe(sqlite_world, receiver, clock())
    tell(sqlite_world, NoticeKind.OPINION_ISSUED, clock(), "first")
    changed = settings_of(sqlite_world.db, secret_key="the key was changed meanwhile")
    Outbox(sqlite_world.db, changed, clock=clock).deliver(calls(sqlite_world)[0].id)
    assert receiver.calls == [] and calls(sqlite_world)[0].state == "held"
    with sqlite_world.db.reading() as session:
        assert "own secret was changed" in session.get_one(Webhook, hook.id).disabled_why


def test_a_removed_webhook_is_called_no_more(
    sqlite_world: World, receiver: Receiver, clock: Clock, outbox: Outbox
) -> None:
    hook, _ = subscribe(sqlite_world, receiver, clock())
    tell(sqlite_world, NoticeKind.OPINION_ISSUED, clock(), "first")
    with sqlite_world.db.writing() as session:
        webhooks.remove_webhook(session, session.merge(hook), clock())
    outbox.deliver(calls(sqlite_world)[0].id)
    tell(sqlite_world, NoticeKind.OPINION_AMENDED, clock(), "second")
    assert receiver.calls == [] and len(calls(sqlite_world)) == 1
