"""The ranking of a real case: what is read of it, of its surgeons, and of what was decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from server.cases.queries import case_by_id
from server.cases.records import Assignment, Case
from server.foundation.errors import Invalid
from server.people.actions import add_person
from server.people.queries import person
from server.routing import actions, queries
from server.routing.case_queries import CaseRanking, CaseSaid, ranked_for_case
from server.routing.checking import CentreSaid, ProfileSaid
from server.routing.ranking import Ranked
from server.routing.values import Call
from tests.world import World

PROFILE = ProfileSaid(organs=("pancreas",), languages=("en",), most_cases=2)
SAID = CaseSaid(calls=(Call("venous_reconstruction", "NCCN 2022"),))


def ranking(session: Session, world: World, now: datetime, said: CaseSaid = SAID) -> CaseRanking:
    session.expire_all()
    return ranked_for_case(session, case_by_id(session, world.inside.id), said, now)


def of(found: CaseRanking, name: str) -> Ranked:
    return next(one for one in found.surgeons if one.candidate.name == name)


def why(found: CaseRanking, name: str) -> list[str]:
    return [one.text for one in of(found, name).reasons.excluded]


def assignment(session: Session, case: Case, who: str, state: str, **facts: object) -> Assignment:
    made = Assignment(
        case_id=case.id,
        person_id=who,
        state=state,
        **{"assigned_at": case.opened_at, "assigned_by": "test", **facts},
    )
    session.add(made)
    session.flush()
    return made


def test_who_has_the_case_is_not_asked_again(world: World, now: datetime) -> None:
    with world.db.reading() as session:
        found = ranking(session, world, now)
    assert why(found, "Lena") == ["Has the case now."]
    assert [one.candidate.name for one in found.fit] == ["Otto"]
    assert found.needs.hospital_name == "Riverside"
    assert found.needs.languages == ("en",)


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("offered", "", "Was asked and has not answered yet."),
        ("declined", "on leave.", "Declined on 2026-11-20: on leave."),
        ("timed_out", "", "Was asked and did not answer by 2026-11-20."),
        ("withdrawn", "too late", "Had the case; it was taken back on 2026-11-20: too late."),
        ("completed", "", "Answered this case on 2026-11-20."),
    ],
)
def test_what_became_of_asking_somebody_is_said(
    world: World, now: datetime, state: str, reason: str, words: str
) -> None:
    with world.db.writing() as session:
        ended = None if state == "offered" else now
        case = case_by_id(session, world.inside.id)
        assignment(session, case, world.other_surgeon.id, state, reason=reason, ended_at=ended)
        assert why(ranking(session, world, now), "Otto") == [words]


def test_who_answered_before_the_round_began_may_be_asked_again(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_by_id(session, world.inside.id)
        before = now - timedelta(days=60)
        assignment(
            session,
            case,
            world.other_surgeon.id,
            "completed",
            assigned_at=before,
            ended_at=before + timedelta(days=4),
        )
        otto = of(ranking(session, world, now), "Otto")
        assert otto.place == 1
        assert "Answered this case in an earlier round." in [one.text for one in otto.reasons.fits]


def test_load_and_speed_come_from_assignments(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        otto = world.other_surgeon.id
        actions.keep_profile(session, person(session, otto), PROFILE, by="Ada", now=now)
        case = case_by_id(session, world.outside.id)
        for days in (2, 6):
            assignment(
                session,
                case,
                otto,
                "completed",
                assigned_at=now - timedelta(days=10),
                ended_at=now - timedelta(days=10 - days),
            )
        old = {"assigned_at": now - timedelta(days=400), "ended_at": now - timedelta(days=300)}
        assignment(session, case, otto, "completed", **old)
        watched = {"assigned_at": now - timedelta(days=90), "ended_at": now, "role": "observer"}
        assignment(session, case, otto, "completed", **watched)
        pace = queries.paces(session, now)[otto]
        assert (pace.load, pace.finished) == (1, 2)
        assert pace.average_days == pytest.approx(4.0)
        texts = [one.text for one in of(ranking(session, world, now), "Otto").reasons.fits]
        assert "Took 4.0 days on average over 2 cases." in texts
        assert "1 case now; takes 2 at a time." in texts


def test_full_surgeons_are_excluded(world: World, now: datetime) -> None:
    with world.db.writing() as session:
        otto = person(session, world.other_surgeon.id)
        actions.keep_profile(session, otto, replace(PROFILE, most_cases=1), by="Ada", now=now)
        assert why(ranking(session, world, now), "Otto") == ["Has 1 of at most 1 cases at a time."]


def test_the_centre_that_gave_the_first_verdict_is_excluded_with_its_surgeons(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        centre = actions.keep_centre(
            session, None, CentreSaid(name="St Mary's Hospital"), by="Ada", now=now
        )
        otto = person(session, world.other_surgeon.id)
        actions.keep_profile(
            session, otto, replace(PROFILE, centre_id=centre.id), by="Ada", now=now
        )
        found = ranking(session, world, now, replace(SAID, first_centre="st marys’ hospital"))
        assert "Works at St Mary's Hospital" not in why(found, "Otto")
        found = ranking(session, world, now, replace(SAID, first_centre="ST MARY'S HOSPITAL"))
        assert why(found, "Otto") == ["Works at St Mary's Hospital, which gave the first verdict."]
        assert [one.place for one in found.centres] == [None]
        assert found.remarks == ()


def test_a_centre_of_the_hospital_and_its_conflicts_reach_its_surgeons(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        said = CentreSaid(name="Riverside Unit", hospitals=((world.hospital.id, "affiliated"),))
        unit = actions.keep_centre(session, None, said, by="Ada", now=now)
        apart = actions.keep_centre(session, None, CentreSaid(name="Apart"), by="Ada", now=now)
        actions.add_conflict(
            session,
            centre_id=apart.id,
            against=f"hospital:{world.hospital.id}",
            why="a contract",
            by="Ada",
            now=now,
        )
        nina = add_person(session, name="Nina", email="n@x.example", role="surgeon", now=now)
        otto = person(session, world.other_surgeon.id)
        for who, at in ((nina, apart), (otto, unit)):
            actions.keep_profile(session, who, replace(PROFILE, centre_id=at.id), by="A", now=now)
        found = ranking(session, world, now)
        assert why(found, "Otto") == [
            "Not independent: Riverside Unit is affiliated with Riverside, the hospital that asks."
        ]
        assert why(found, "Nina") == ["Conflict of interest with Riverside: a contract."]
        assert {one.place for one in found.centres} == {None}


def test_somebody_in_conflict_with_whoever_has_the_case_is_excluded(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        actions.add_conflict(
            session,
            person_id=world.other_surgeon.id,
            against=f"person:{world.surgeon.id}",
            why="spouse",
            by="Ada",
            now=now,
        )
        assert why(ranking(session, world, now), "Otto") == [
            "Conflict of interest with Lena: spouse."
        ]


def test_holidays_of_the_centres_country_until_it_is_due_are_told(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_by_id(session, world.inside.id)
        case.due_on = date(2026, 12, 28)
        said = CentreSaid(name="Northern Centre", country="SE")
        centre = actions.keep_centre(session, None, said, by="Ada", now=now)
        otto = person(session, world.other_surgeon.id)
        profile = replace(PROFILE, centre_id=centre.id)
        actions.keep_profile(session, otto, profile, by="Ada", now=now)
        session.flush()
        texts = [one.text for one in of(ranking(session, world, now), "Otto").reasons.warnings]
        assert any(text.startswith("Holiday in Sweden on 2026-12-25: ") for text in texts)
        actions.keep_profile(session, otto, replace(profile, calendar="JP"), by="A", now=now)
        texts = [one.text for one in of(ranking(session, world, now), "Otto").reasons.warnings]
        assert not any("Holiday in Sweden" in text for text in texts)


def test_what_is_not_known_of_the_independence_is_remarked(world: World, now: datetime) -> None:
    with world.db.reading() as session:
        assert "Nobody has said" in ranking(session, world, now).remarks[0]
        found = ranking(session, world, now, replace(SAID, first_centre="Somewhere"))
        assert "none of the centres known here" in found.remarks[0]


def test_a_coordinators_word_goes_over_what_forms_and_cancer_say(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_by_id(session, world.inside.id)

        def decide(kind: str, code: str, wanted: bool) -> None:
            actions.decide_need(
                session,
                case,
                kind=kind,
                code=code,
                wanted=wanted,
                reason="because",
                by="Clara",
                now=now,
            )

        before = ranking(session, world, now)
        assert [(one.code, one.needed) for one in before.called] == [
            ("venous_reconstruction", True),
            ("iort", False),
        ]
        decide("capability", "arterial_resection", True)
        decide("capability", "venous_reconstruction", False)
        decide("language", "hi", True)
        decide("operation", "distal_pancreatectomy", True)
        after = ranking(session, world, now)
        assert [(one.code, one.callers) for one in after.called] == [
            ("arterial_resection", ("the coordinator",)),
            ("iort", ()),
        ]
        assert [(one.code, one.callers) for one in after.set_aside] == [
            ("venous_reconstruction", ("NCCN 2022",))
        ]
        assert after.needs.languages == ("en", "hi")
        assert after.needs.operations == ("distal_pancreatectomy",)
        assert {one.code for one in after.also} == {"hi", "distal_pancreatectomy"}
        decide("capability", "venous_reconstruction", True)
        assert len(ranking(session, world, now).set_aside) == 0
        need = next(one.decision for one in after.called if one.decision)
        actions.undo_need(session, case, need.id)
        codes = [one.code for one in ranking(session, world, now).called if one.needed]
        assert codes == ["venous_reconstruction"]


@pytest.mark.parametrize(
    ("kind", "code", "reason", "pointer"),
    [
        ("capability", "flying", "x", "/code"),
        ("wish", "alpps", "x", "/code"),
        ("language", "xx", "x", "/code"),
        ("capability", "alpps", "  ", "/reason"),
    ],
)
def test_a_need_without_a_word_of_the_list_or_a_reason_is_refused(
    sqlite_world: World, now: datetime, kind: str, code: str, reason: str, pointer: str
) -> None:
    with sqlite_world.db.writing() as session, pytest.raises(Invalid) as refused:
        actions.decide_need(
            session,
            case_by_id(session, sqlite_world.inside.id),
            kind=kind,
            code=code,
            wanted=True,
            reason=reason,
            by="Clara",
            now=now,
        )
    assert [one.pointer for one in refused.value.problems] == [pointer]


def test_the_questions_to_the_database_do_not_grow_with_the_surgeons(
    sqlite_world: World, now: datetime
) -> None:
    world = sqlite_world

    asked: list[str] = []

    def note(*cursor: Any) -> None:
        asked.append(str(cursor[2]))

    def questions(session: Session) -> int:
        asked.clear()
        event.listen(world.db.engine, "before_cursor_execute", note)
        ranking(session, world, now)
        event.remove(world.db.engine, "before_cursor_execute", note)
        return len(asked)

    with world.db.writing() as session:
        few = questions(session)
        for number in range(30):
            made = add_person(
                session, name=f"N{number}", email=f"{number}@x.example", role="surgeon", now=now
            )
            actions.keep_profile(session, made, PROFILE, by="Ada", now=now)
        assert questions(session) == few
