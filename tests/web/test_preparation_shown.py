"""The coordinator's page of a case says how far its images are prepared, and which cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Flask

from server.cases.queries import case_by_id
from server.intake.arrivals.decisions import attach
from server.prepared import actions
from server.prepared.manifest import Manifest, PreparedInstance
from tests.web.conftest import Browser
from tests.web.studies import arrival
from tests.world import World

STUDY = "1.2.826.0.1.3680043.8.498.77"


def case_page(browser: Browser, world: World) -> str:
    return browser.get(f"/cases/{world.inside.number}").get_data(as_text=True)


def test_progress_then_the_frames_that_cannot_be_read(
    app: Flask, small_world: World, today: datetime, signed_in: Callable[[str], Browser]
) -> None:
    db, browser = app.extensions["margin"].db, signed_in("Ada")
    with db.writing() as session:
        found = arrival(session, small_world, today)
        session.flush()
        case = case_by_id(session, small_world.inside.id)
        attach(session, found, case, by="somebody", now=today)
        actions.note_progress(session, STUDY, f"{STUDY}.1", 120, 450, today)
    page = case_page(browser, small_world)
    assert "Prepared 120 of 450 slices" in page
    assert '<progress max="450" value="120"' in page
    assert "cannot be read" not in page
    whole, broken = (
        PreparedInstance(f"{STUDY}.1.{number}", "", "", "", 1, frame_bytes=(size,), problem=problem)
        for number, size, problem in ((1, 9, ""), (2, 0, "It ends early."))
    )
    manifest = Manifest(STUDY, f"{STUDY}.1", "", 2, "", {}, instances=(whole, broken))
    with db.writing() as session:
        actions.note_prepared(session, manifest, today)
    page = case_page(browser, small_world)
    assert "Prepared 120" not in page
    assert "1 frame cannot be read" in page
    assert "Slice 2 of 2." in page
    assert "It ends early." in page
    assert f"{STUDY}.1.2" in page
