"""The demo's answered case: made once, whole, and shared anew each time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from server.access import sharing_actions
from server.access.queries import GrantRevoked
from server.answers.addendum import Addendum
from server.answers.queries import addenda_of, points_of
from server.cases.aftercare.queries import assessments_of, standing_plan
from server.cases.lifecycle import State
from server.demo.afterwards import DemoPress, fill_afterwards, share_again
from server.demo.seed import _people
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.foundation.files import FileStore
from server.opinions.queries import issued
from server.opinions.seal_key import seal_key_of
from server.opinions.verifying import mark_in
from tests.opinions.seal_reader import seal_state


def test_the_answered_case_shows_what_follows_an_opinion(
    sqlite_database: Database, tmp_path: Path, now: datetime
) -> None:
    files = FileStore(tmp_path)
    key = seal_key_of(tmp_path / "seal.pem", None, "", own=True, now=utc_now())
    press = DemoPress(files, key, "https://margin.example/verify")
    with sqlite_database.writing() as session:
        _people(session, "a password for the test")
        case = fill_afterwards(session, press, now)
        assert fill_afterwards(session, press, now).id == case.id
        first = share_again(session, case, "https://margin.example", now)
        second = share_again(session, case, "https://margin.example", now)
    with sqlite_database.writing() as session:
        assert case.state == State.REASSESSMENT
        kept = issued(session, case.id)
        assert kept.sealed
        document = files.path(kept.sha256).read_bytes()
        assert mark_in(document) == (kept.number, kept.verify_code)
        state = seal_state(document, key.certificate)
        assert state is not None
        assert state.good
        assert [one.standing for one in points_of(session, case.id)] == [
            "differ",
            "agree",
            "not_assessed",
        ]
        (added,) = addenda_of(session, case.id)
        printed = files.path(added.sha256).read_bytes()
        assert mark_in(printed) == (added.number, Addendum.from_json(added.content).code)
        state = seal_state(printed, key.certificate)
        assert state is not None
        assert state.good
        assert standing_plan(session, case.id) is not None
        assert len(assessments_of(session, case.id)) == 1
        said: list[str] = []
        for label, link in (first, second):
            pin, token = label.rpartition("PIN ")[2], link.partition("#")[2]
            try:
                opened = sharing_actions.open_share(session, token, pin, now)
                said.append(opened.said if opened else "unknown")
            except GrantRevoked:
                said.append("ended")
        assert said == ["ended", "open"]
