"""What was kept for long enough is deleted; what is still on its way to somebody never is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from server.errand import forgetting
from server.errand.forgetting import forget_old
from server.foundation import audit, jobs, kept_answers
from server.foundation.audit import AuditLine
from server.foundation.forgetting import FORGET_OLD, ask_to_forget
from server.foundation.jobs import Job
from server.foundation.kept_answers import KeptAnswer
from server.notices.actions import NOBODY, post
from server.notices.kinds import NoticeKind
from server.notices.recipients import Part, to
from server.notices.records import Delivery, Notice, Webhook
from tests.world import World


def tell(world: World, key: str, now: datetime) -> str:
    with world.db.writing() as session:
        case = session.merge(world.inside)
        told = to(Part.COORDINATOR)
        kind = NoticeKind.DECLINED
        return post(session, kind=kind, case=case, to=told, facts={}, now=now, key=key).id


def leave(world: World, notice_id: str, state: str, error: str = "", webhook: str = "") -> None:
    """Have the mail of a notice end in a state."""
    with world.db.writing() as session:
        mail = session.scalars(
            select(Delivery).where(Delivery.notice_id == notice_id, Delivery.channel == "email")
        ).one()
        mail.state, mail.last_error, mail.webhook_id = state, error, webhook or None


def forget(world: World, now: datetime) -> dict[str, int]:
    return forget_old(world.db, now, notices_keep_days=365, jobs_keep_days=90)


def notices(world: World) -> set[str]:
    with world.db.reading() as session:
        return set(session.scalars(select(Notice.key)))


def lines(world: World) -> list[AuditLine]:
    with world.db.reading() as session:
        wanted = select(AuditLine).where(AuditLine.action == "records.forget")
        return list(session.scalars(wanted.order_by(AuditLine.sequence)))


def webhook(world: World, now: datetime, *, removed: bool) -> str:
    with world.db.writing() as session:
        made = Webhook(
            hospital_id=world.hospital.id,
            url="https://hospital.example/",
            sealed_secret="",
            kinds=[],
            added_at=now,
            added_by="Clara",
            removed_at=now if removed else None,
        )
        session.add(made)
        session.flush()
        return made.id


def test_a_notice_is_forgotten_after_its_time_unless_it_is_still_on_its_way(
    world: World, now: datetime
) -> None:
    on_its_way = {
        "waiting": ("waiting", "", ""),
        "sending": ("sending", "", ""),
        "given up": ("given_up", "The mail server refused it.", ""),
        "held": ("held", "", webhook(world, now, removed=False)),
    }
    over = {
        "sent": ("sent", "", ""),
        "for nobody": ("given_up", NOBODY, ""),
        "webhook removed": ("held", "", webhook(world, now, removed=True)),
    }
    for key, (state, error, to_webhook) in {**on_its_way, **over}.items():
        leave(world, tell(world, key, now), state, error, to_webhook)
    leave(world, tell(world, "younger", now + timedelta(seconds=1)), "sent")
    assert forget(world, now + timedelta(days=365))["notices"] == 0
    late = now + timedelta(days=365, seconds=1)
    assert forget(world, late)["notices"] == len(over)
    assert notices(world) == {*on_its_way, "younger"}
    with world.db.reading() as session:
        kept = set(session.scalars(select(Delivery.notice_id)))
        assert kept == set(session.scalars(select(Notice.id)))


def test_a_mail_that_got_through_late_is_forgotten_then(world: World, now: datetime) -> None:
    told = tell(world, "late", now)
    assert forget(world, now + timedelta(days=400))["notices"] == 0
    leave(world, told, "sent")
    assert forget(world, now + timedelta(days=401))["notices"] == 1


def test_finished_jobs_are_forgotten_and_no_others(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        session.query(Job).delete()
        for key in ("done", "dead", "waiting", "running"):
            job = jobs.enqueue(session, key, {}, now=now, key=key)
            job.state, job.finished_at = key, now if key in ("done", "dead") else None
    assert forget(world, now + timedelta(days=90))["jobs"] == 0
    assert forget(world, now + timedelta(days=91))["jobs"] == 1
    with world.db.reading() as session:
        assert set(session.scalars(select(Job.key))) == {"dead", "waiting", "running"}


def test_idempotency_keys_are_forgotten_though_nobody_sends_another(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        kept_answers.claim(session, actor="k", key="one", request_sha256="", now=now)
    assert forget(world, now + timedelta(hours=47))["idempotency_keys"] == 0
    assert forget(world, now + timedelta(hours=49))["idempotency_keys"] == 1
    with world.db.reading() as session:
        assert session.scalar(select(KeptAnswer.key)) is None


def test_a_day_with_something_to_forget_has_one_line_in_the_trail_and_another_none(
    sqlite_world: World, now: datetime
) -> None:
    world, late = sqlite_world, now + timedelta(days=366)
    for key in ("one", "two"):
        leave(world, tell(world, key, now), "sent")
    forget(world, late)
    forget(world, late)
    (line,) = lines(world)
    assert (line.actor, line.details["notices"]) == ("worker", 2)
    with world.db.reading() as session:
        assert audit.verify(session).whole


def test_much_is_forgotten_in_several_transactions(
    sqlite_world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "FORGOTTEN_AT_ONCE", 2)
    for number in range(5):
        leave(sqlite_world, tell(sqlite_world, f"{number}", now), "sent")
    assert forget(sqlite_world, now + timedelta(days=366))["notices"] == 5
    assert [line.details["notices"] for line in lines(sqlite_world)] == [2, 2, 1]


def test_forgetting_is_asked_for_once_a_day(sqlite_world: World, now: datetime) -> None:
    with sqlite_world.db.writing() as session:
        for hours in (0, 1, 24, 25):
            ask_to_forget(session, now + timedelta(hours=hours))
        asked = session.scalars(select(Job).where(Job.name == FORGET_OLD)).all()
    assert len(asked) == 2
