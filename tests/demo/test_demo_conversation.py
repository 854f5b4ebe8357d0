"""The demo's people ask and answer each other, once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from server.cases.records import Case
from server.conversation.records import Message, Question
from server.demo.conversation import fill_conversation
from server.notices.records import Notice
from tests.world import World


def test_the_demo_talks_once_and_leaves_every_clock_running(
    sqlite_world: World, now: datetime
) -> None:
    with sqlite_world.db.writing() as session:
        liver = session.get_one(Case, sqlite_world.outside.id)
        pancreas = session.get_one(Case, sqlite_world.inside.id)
        assert fill_conversation(session, liver, pancreas, now)
        counts = [session.scalar(select(func.count(one.id))) for one in (Question, Message, Notice)]
        assert not fill_conversation(session, liver, pancreas, now)
        again = [session.scalar(select(func.count(one.id))) for one in (Question, Message, Notice)]
        assert counts == again and counts[0] == 3
        assert {liver.state, pancreas.state} == {"assigned"}
        asked = session.scalars(select(Question).where(Question.case_id == pancreas.id))
        assert [one.closed_at for one in asked if one.wants_imaging] == [None]
