"""Of a case that is looked at again: for which round each document, value and line came."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from server.cases import actions as cases
from server.cases.aftercare import actions as aftercare
from server.cases.lifecycle import Event, EventNotPossible, State, round_awaited
from server.cases.queries import case_by_id
from server.cases.records import Case
from server.dossier import actions
from server.dossier.completeness import OLD, SAID_BEFORE, Standing
from server.dossier.entries import EntryKind
from server.dossier.queries import completeness_of, entries_of, values_of
from server.dossier.standings import standings
from tests.dossier.test_record_actions import BY, case_of, paper, value
from tests.world import INSIDE_STUDY, World

HOUR = timedelta(hours=1)


def report(session: Session, case: Case, now: datetime, name: str) -> int:
    kept = paper(session, case, now, name)
    actions.classify(
        session,
        case,
        kept.id,
        kind="pathology_report",
        language="",
        dated_on="",
        translation_of="",
        by=BY,
        now=now,
    )
    return kept.round


def answered(session: Session, case: Case, now: datetime) -> None:
    """The round gets its opinion."""
    case.state = State.IN_REVIEW
    cases.complete(session, case, now)


@pytest.mark.parametrize("state", list(State))
def test_what_comes_after_an_opinion_is_for_the_next_round(state: State) -> None:
    answered = state in (State.OPINED, State.REASSESSMENT, State.CLOSED)
    assert round_awaited(state, 2) == (3 if answered else 2)


def test_records_say_for_which_round_they_came(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        assert report(session, case, now, "first") == 1
        value(session, case, now, "2026-11-01", ca19_9=("412", "U/mL"))
        answered(session, case, now + HOUR)
        assert report(session, case, now + 2 * HOUR, "between") == 2
        cases.begin_round(session, case, now=now + 3 * HOUR, by=BY)
        assert report(session, case, now + 4 * HOUR, "second") == 2
        value(session, case, now, "2026-11-19", ca19_9=("96", "U/mL"))
        line = {"name": "apixaban", "dose": "5 mg"}
        actions.add_entry(session, case, EntryKind.MEDICATION, line, BY, now)
        assert [(one.value, one.round) for one in values_of(session, case.id)] == [
            (96, 2),
            (412, 1),
        ]
        assert [one.round for one in entries_of(session, case.id)[EntryKind.MEDICATION]] == [2]
        # A round that was begun by mistake changes nothing of when they came.
        aftercare.give_up_round(
            session, case, why="Too early", seen_version=case.version, by=BY, now=now + 5 * HOUR
        )
        assert [one.round for one in case.documents] == [1, 2, 2]
        assert case.round_awaited == 2


def test_the_next_round_wants_new_images_and_says_what_is_of_the_round_before(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        report(session, case, now, "first")
        value(session, case, now, "2026-11-01", bilirubin=("12", "mg/dL"))
        before = {one.item.id: one for one in completeness_of(session, case).items}
        assert all(not one.remark.startswith(OLD) for one in before.values())
        images = next(one for one in before.values() if one.item.fill == "studies")
        assert images.standing is Standing.RECEIVED
        answered(session, case, now)
        assert completeness_of(session, case).items == tuple(before.values())
        cases.begin_round(session, case, now=now, by=BY)
        again = {one.item.id: one for one in completeness_of(session, case).items}
        assert again[images.item.id].standing is Standing.OUTSTANDING
        old = {one.item.id for one in again.values() if one.remark.startswith(OLD)}
        pathology = next(one.item.id for one in again.values() if one.documents)
        assert pathology in old
        report(session, case, now, "second")
        newer = next(
            one for one in completeness_of(session, case).items if one.item.id == pathology
        )
        assert not newer.remark.startswith(OLD)
        cases.attach_study(session, case, f"{INSIDE_STUDY}.9", by=BY, reason="", now=now)
        images = next(
            one for one in completeness_of(session, case).items if one.item.fill == "studies"
        )
        assert images.standing is Standing.RECEIVED


def test_what_was_said_to_be_not_available_holds_for_the_next_round_and_says_that_it_is_older(
    world: World, now: datetime
) -> None:
    def decide(session: Session, item_id: str, hours: int) -> None:
        actions.decide(
            session,
            case_of(session, world),
            item_id,
            standing=Standing.WAIVED,
            reason="It was lost.",
            by=BY,
            now=now + hours * HOUR,
        )

    with world.db.writing() as session:
        case = case_of(session, world)
        items = {one.item.fill: one.item.id for one in completeness_of(session, case).items}
        decide(session, items["values"], 0)
        decide(session, items["studies"], 0)
        answered(session, case, now)
        cases.begin_round(session, case, now=now + HOUR, by=BY)
        found = {one.item.id: one for one in completeness_of(session, case).items}
        values, images = found[items["values"]], found[items["studies"]]
        assert (values.standing, values.remark) == (Standing.WAIVED, SAID_BEFORE)
        # A round without new images does not start because the one before had none.
        assert (images.standing, images.decision) == (Standing.OUTSTANDING, None)
        decide(session, items["values"], 2)
        decide(session, items["studies"], 2)
        found = {one.item.id: one for one in completeness_of(session, case).items}
        assert found[items["values"]].remark == ""
        assert found[items["studies"]].standing is Standing.WAIVED
        aftercare.give_up_round(
            session, case, why="Too early.", seen_version=case.version, by=BY, now=now + 3 * HOUR
        )
        remarks = {one.remark for one in completeness_of(session, case).items}
        assert SAID_BEFORE not in remarks


def test_while_a_reassessment_is_waited_for_the_study_of_an_opinion_stays(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        answered(session, case, now)
        cases.happen(session, case, Event.REASSESSMENT_PLANNED, now=now)
        with pytest.raises(EventNotPossible, match="an opinion rests on it"):
            cases.detach_study(session, case, INSIDE_STUDY)


def test_how_the_records_of_a_page_of_cases_stand_is_one_question_to_the_database(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        session.execute(update(Case).values(question="What can be done?"))
    with world.db.reading() as session:
        shown = [case_by_id(session, one) for one in (world.inside.id, world.outside.id)]
        asked: list[str] = []
        engine = world.db.engine

        def listen(*given: object) -> None:
            asked.append(str(given[2]))

        event.listen(engine, "before_cursor_execute", listen)
        try:
            found = standings(session, shown)
        finally:
            event.remove(engine, "before_cursor_execute", listen)
        assert set(found) == {one.id for one in shown}
        assert len(asked) == 1
