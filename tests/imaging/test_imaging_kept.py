"""What is kept of an assessment, and what people say about it, on either kind of database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from server.cases import actions as cases
from server.cases.lifecycle import EventNotPossible
from server.cases.queries import case_by_id
from server.cases.records import Case
from server.foundation.errors import Invalid
from server.foundation.jobs import Job
from server.imaging import actions
from server.imaging.actions import ASSESS_IMAGING, Assessed, NothingToReturn, WaivedAlready
from server.imaging.facts import SeriesFacts
from server.imaging.findings import Verdict
from server.imaging.phase import Phase, PhaseReading
from server.imaging.queries import FindingNotThere, imaging_of, series_rows
from server.imaging.records import ImagingAssessment
from server.imaging.spacing import Gap
from server.imaging.stored import from_json, to_json
from server.imaging.wording import LanguageNotKnown
from tests.imaging.made_series import liver, series, spacing
from tests.world import World

TODAY = datetime.fromisoformat("2026-11-20T09:30:00+00:00")


def liver_case(session: Session, world: World) -> Case:
    return case_by_id(session, world.outside.id)


def note(session: Session, case: Case, found: list[SeriesFacts], whole: bool = True) -> Verdict:
    kept = [Assessed(one, "mark", looked_at=True) for one in found]
    return actions.note_assessment(session, case, kept, whole=whole, now=TODAY).verdict


def without_arterial() -> list[SeriesFacts]:
    return [one for one in liver() if one.phase.used is not Phase.ARTERIAL_LATE]


def test_facts_are_the_same_after_they_were_kept() -> None:
    whole = series(
        spacing=spacing(gaps=(Gap(2, 1.0, 7.0),), uneven_mm=(3.0,), distances_mm=()),
        pixel_phase=PhaseReading(Phase.DELAYED, 0.7, ("a", "b"), True, {"aorta": 110.0}),
    )
    for one in (whole, replace(whole, coverage=None, pixel_phase=None, made_on=None)):
        assert from_json(json.loads(json.dumps(to_json(one)))) == one


def test_an_assessment_replaces_the_one_before(world: World) -> None:
    with world.db.writing() as session:
        case = liver_case(session, world)
        assert note(session, case, without_arterial()) is Verdict.INADEQUATE
        assert note(session, case, liver()) is Verdict.ADEQUATE
        assert len(series_rows(session, case.id)) == 4
        assert note(session, case, liver()[:2]) is Verdict.INADEQUATE
    with world.db.reading() as session:
        assert len(series_rows(session, world.outside.id)) == 2
        kept = session.get_one(ImagingAssessment, world.outside.id)
        assert (kept.verdict, kept.protocol, kept.state) == ("inadequate", "liver-ct", "whole")
        assert "missing_portal_venous" in [one["id"] for one in kept.findings]


def test_the_same_question_is_asked_once_and_a_new_one_again(sqlite_world: World) -> None:
    with sqlite_world.db.writing() as session:
        for mark in ("one", "one", "two"):
            actions.ask_for_assessment(session, sqlite_world.outside.id, mark=mark, now=TODAY)
        asked = session.query(Job).filter(Job.name == ASSESS_IMAGING).all()
    assert len(asked) == 2


def test_a_phase_that_a_person_set_outlives_the_next_assessment(world: World) -> None:
    unclear = PhaseReading(Phase.INDETERMINATE, 0.0, ())
    lost = [replace(one, header_phase=unclear, pixel_phase=unclear) for one in liver()[1:2]]
    found = [*without_arterial(), *lost]
    with world.db.writing() as session:
        case = liver_case(session, world)
        assert note(session, case, found) is Verdict.INADEQUATE
        row = next(r for r in series_rows(session, case.id)
                   if r.SeriesInstanceUID == lost[0].SeriesInstanceUID)  # fmt: skip
        imaging = actions.set_phase(
            session, case, row, Phase.ARTERIAL_LATE, by="coordinator Clara", now=TODAY
        )
        assert imaging.verdict is Verdict.ADEQUATE
        assert note(session, case, found) is Verdict.ADEQUATE
        assert row.phase_set_by == "coordinator Clara"
        back = actions.set_phase(session, case, row, None, by="coordinator Clara", now=TODAY)
        assert back.verdict is Verdict.INADEQUATE


def test_a_waiver_needs_a_reason_counts_once_and_can_be_withdrawn(world: World) -> None:
    with world.db.writing() as session:
        case = liver_case(session, world)
        note(session, case, without_arterial())

        def waive(reason: str) -> None:
            actions.waive(session, case, "missing_arterial", reason=reason, by="Clara", now=TODAY)

        with pytest.raises(Invalid):
            waive("  ")
        waive("An MRI shows the arteries.")
        with pytest.raises(WaivedAlready):
            waive("Once more.")
        assert session.get_one(ImagingAssessment, case.id).verdict == "adequate"
        actions.let_count(session, case, "missing_arterial", by="Clara", now=TODAY)
        assert session.get_one(ImagingAssessment, case.id).verdict == "inadequate"
        with pytest.raises(FindingNotThere):
            actions.let_count(session, case, "missing_arterial", by="Clara", now=TODAY)
        with pytest.raises(FindingNotThere):
            actions.waive(session, case, "nothing", reason="x", by="Clara", now=TODAY)


def test_old_images_allow_no_definitive_verdict_without_an_override(world: World) -> None:
    with world.db.writing() as session:
        case = liver_case(session, world)
        note(session, case, liver())

        def seen(days: int) -> tuple[Verdict, bool]:
            found = imaging_of(session, case.id, "liver", TODAY.date() + timedelta(days=days))
            assert found is not None
            return found.verdict, found.too_old is not None

        assert seen(0) == (Verdict.ADEQUATE, False)
        assert seen(80) == (Verdict.LIMITED, False)
        assert seen(81) == (Verdict.INADEQUATE, True)
        later = TODAY + timedelta(days=81)
        (key,) = [one.key for one in actions.judge(session, case, later).open_findings
                  if one.id == "images_too_old"]  # fmt: skip
        actions.waive(session, case, key, reason="Slow tumour.", by="Clara", now=later)
        assert seen(81) == (Verdict.ADEQUATE, False)


def send_back(session: Session, case: Case, *keys: str, language: str = "de") -> object:
    return actions.return_to_hospital(
        session,
        case,
        keys,
        language=language,
        note="Bitte bald.",
        by="coordinator Omar",
        seen_version=case.version,
        now=TODAY,
    )


def test_a_return_stops_the_clock_and_is_ticked_off_by_what_arrives(world: World) -> None:
    with world.db.writing() as session:
        case = liver_case(session, world)
        note(session, case, without_arterial())
        due = case.due_on
        sent = send_back(session, case, "missing_arterial", "missing_chest_ct")
        assert (case.state, case.held_from) == ("on_hold", "assigned")
        assert "spätarterielle Phase" in sent.message  # type: ignore[attr-defined]
        note(session, case, liver(), whole=False)
        assert [item.get("done_at") for item in sent.items] == [None, None]  # type: ignore[attr-defined]
        note(session, case, liver())
        done = [bool(item["done_at"]) for item in sent.items]  # type: ignore[attr-defined]
        assert done == [True, False]
        assert sent.answered_at is None  # type: ignore[attr-defined]
        actions.answer_item(
            session,
            sent,
            "missing_chest_ct",
            answer="Kein Gerät frei.",
            now=TODAY,  # type: ignore[arg-type]
        )
        assert sent.answered_at == TODAY  # type: ignore[attr-defined]
        cases.resume(session, case, seen_version=case.version, now=TODAY + timedelta(days=3))
        assert case.state == "assigned"
        assert due is not None and case.due_on == due + timedelta(days=3)


def test_what_comes_back_worse_is_open_again(world: World) -> None:
    with world.db.writing() as session:
        case = liver_case(session, world)
        note(session, case, without_arterial())
        sent = send_back(session, case, "missing_arterial")
        note(session, case, liver())
        assert sent.answered_at is not None  # type: ignore[attr-defined]
        note(session, case, without_arterial())
        assert sent.answered_at is None  # type: ignore[attr-defined]


def test_a_return_without_points_or_in_no_language_changes_nothing(world: World) -> None:
    with world.db.writing() as session:
        case = liver_case(session, world)
        note(session, case, without_arterial())
        with pytest.raises(NothingToReturn):
            send_back(session, case)
        with pytest.raises(LanguageNotKnown):
            send_back(session, case, "missing_arterial", language="xx")
        with pytest.raises(FindingNotThere):
            send_back(session, case, "slices_thick")
        assert case.state == "assigned"


def test_a_case_that_is_answered_is_not_returned(world: World) -> None:
    with world.db.writing() as session:
        case = liver_case(session, world)
        note(session, case, without_arterial())
        cases.complete(session, case, TODAY)
        with pytest.raises(EventNotPossible):
            send_back(session, case, "missing_arterial")


def test_two_returns_hold_the_case_once(world: World) -> None:
    with world.db.writing() as session:
        case = liver_case(session, world)
        note(session, case, without_arterial())
        send_back(session, case, "missing_arterial")
        send_back(session, case, "missing_chest_ct")
        assert case.state == "on_hold"
        found = imaging_of(session, case.id, case.organ, TODAY.date())
        assert found is not None and len(found.returns) == 2
