"""A planned reassessment is told of once, to whom the plan names."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from server.cases import actions as cases
from server.cases.aftercare import actions as aftercare_actions
from server.cases.aftercare.actions import Planned
from server.cases.records import Case
from server.notices.kinds import NoticeKind
from server.notices.reassessing import post_reassessments
from server.notices.records import Notice
from tests.world import World


def test_a_reassessment_is_told_of_once_and_without_what_anybody_typed(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = session.get_one(Case, world.inside.id)
        cases.complete(session, case, now)
        aftercare_actions.plan_reassessment(
            session,
            case,
            Planned(
                due_on=date(2027, 1, 15), strategy="for Jane Doe", remind=("coordinator", "surgeon")
            ),
            seen_version=case.version,
            by="Clara",
            now=now,
        )
        assert post_reassessments(session, now) == 0
        soon = datetime(2027, 1, 8, 6, tzinfo=now.tzinfo)
        assert post_reassessments(session, soon) == 1
        assert post_reassessments(session, soon + timedelta(days=1)) == 0
        (told,) = session.query(Notice).filter_by(kind=NoticeKind.REASSESSMENT_DUE.value)
        assert told.facts == {"due_on": "2027-01-15", "days": 7, "round": 2}
        assert "Jane" not in repr(vars(told))
