"""The demo's invented history: told apart, out of the worklist, and quick to make."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from server.cases.queries import open_cases
from server.cases.records import Case
from server.demo import cast
from server.demo.history import FORMS, NAME, count_again, fill_history
from server.demo.seed import _people
from server.figures.actions import catch_up
from server.figures.filters import Filters
from server.figures.queries import counts, rows_of, standing
from server.figures.reviewers import reviewer_agreement
from server.foundation.db import Database
from server.people.queries import hospitals


def test_the_invented_history_is_told_apart_and_is_made_once(
    sqlite_database: Database, now: datetime
) -> None:
    with sqlite_database.writing() as session:
        while catch_up(session, now):
            pass  # as the worker does in the seconds before the demo world comes
    with sqlite_database.writing() as session:
        _people(session, "a password for the test")
        assert fill_history(session, now)
        assert not fill_history(session, now)
        count_again(session, now)
    with sqlite_database.reading() as session:
        [invented] = [one for one in hospitals(session) if one.name == NAME]
        assert invented.name not in [one.name for one in cast.HOSPITALS]
        made = session.scalars(select(Case)).all()
        assert {one.hospital_id for one in made} == {invented.id}
        assert {one.state for one in made} == {"closed"}
        assert open_cases(session) == []
        found = counts(rows_of(session, Filters()))
        assert found.opinions == len(made) == sum(FORMS.values())
        assert found.findings_stated == len(made)
        assert found.course["operated"] > 0
        assert rows_of(session, Filters()).pairs(100)
        assert not standing(session).behind
        [*_, both] = reviewer_agreement(session, Filters())
        assert both.panels >= 20
        assert both.kappa is not None
        assert 0 < both.kappa < 1
