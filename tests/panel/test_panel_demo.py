"""The demo's panel: two have voted, the third and the chair can go on, and doing it again does no harm."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from server.cases.queries import case_by_id
from server.cases.records import Case
from server.demo import cast
from server.demo.panel import ACCESSION_NUMBER, fill_panel
from server.foundation.db import Database
from server.panel.queries import panel_of, voters_of
from server.people import actions as people


def test_the_demo_has_a_panel_in_which_two_of_three_have_voted(
    sqlite_database: Database, now: datetime
) -> None:
    with sqlite_database.writing() as session:
        people.register_hospital(session, name=cast.HILLCREST.name, country="IN", now=now)
        assert fill_panel(session, now)
        assert not fill_panel(session, now)
    with sqlite_database.reading() as session:
        case_id = session.scalars(
            select(Case.id).where(Case.accession_number == ACCESSION_NUMBER)
        ).one()
        case = case_by_id(session, case_id)
        panel = panel_of(session, case)
        assert panel is not None
        assert (panel.state, len(panel.votes)) == ("voting", 2)
        waiting = [one.name for one in voters_of(panel, case) if not one.voted]
        assert waiting == [cast.PANCREAS_SURGEON.name]
