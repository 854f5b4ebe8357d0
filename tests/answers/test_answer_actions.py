"""Points are compared, asked about and answered by a signed addendum; races have one outcome."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from server.answers import actions
from server.answers.actions import (
    Compared,
    LetterChangedMeanwhile,
    NoOpinionToCompare,
    PointInUse,
    PointsChangedMeanwhile,
    QuestionAnsweredMeanwhile,
    Signing,
)
from server.answers.addendum import Addendum
from server.answers.queries import open_questions, points_of
from server.answers.records import AnswerPoint, OpinionAddendum, SignedAddendumIsFinal
from server.cases.records import Case
from server.foundation.errors import Invalid
from server.opinions.records import IssuedOpinion
from tests.access.test_consents_to_share import opinion_of
from tests.world import World

POINTERS = frozenset({"/vessels/sma/contact_deg"})
SAID = Compared("Contact with the SMA.", "90 degrees, no deformity.", "differ", min(POINTERS))
SIGNING = Signing("Lena", "r", "A Centre", "a" * 64)


def case_of(session: Session, world: World) -> Case:
    return session.get_one(Case, world.inside.id)


@pytest.fixture
def points(world: World, now: datetime) -> list[str]:
    with world.db.writing() as session:
        case = case_of(session, world)
        opinion_of(session, case, now)
        texts = ["Contact with the SMA.", " ", "Contact with the SMA.", "The patient is frail."]
        added = actions.add_points(session, case, texts, by="Clara", now=now)
        return [one.id for one in added]


def compare(session: Session, point_id: str, said: Compared, version: int, now: datetime) -> None:
    kept = session.get_one(AnswerPoint, point_id)
    actions.compare(
        session,
        kept,
        said,
        opinion=session.query(IssuedOpinion).one(),
        pointers=POINTERS,
        seen_version=version,
        by="Lena",
        now=now,
    )


def test_points_are_kept_once_and_in_order(world: World, now: datetime, points: list[str]) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        assert [one.local_text for one in points_of(session, case.id)] == [
            "Contact with the SMA.",
            "The patient is frail.",
        ]
        with pytest.raises(Invalid):
            actions.add_points(session, case, ["The patient is frail."], by="C", now=now)
        with pytest.raises(Invalid):
            actions.add_points(session, case, [f"{n}" for n in range(40)], by="C", now=now)


def test_of_two_who_compare_the_same_point_the_second_is_told(
    world: World, now: datetime, points: list[str]
) -> None:
    with world.db.writing() as session:
        compare(session, points[0], SAID, 1, now)
    with pytest.raises(PointsChangedMeanwhile), world.db.writing() as session:
        compare(session, points[0], Compared("Contact with the SMA.", "none", "agree"), 1, now)
    with world.db.reading() as session:
        kept = session.get_one(AnswerPoint, points[0])
        assert (kept.second_text, kept.standing, kept.version) == (SAID.second_text, "differ", 2)


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        (Compared(""), "/local_text"),
        (Compared("x" * 2001), "/local_text"),
        (Compared("x", "", "differ"), "/second_text"),
        (Compared("x", "y" * 8001, "differ"), "/second_text"),
        (Compared("x", "y", "perhaps"), "/standing"),
        (Compared("x", "y", "agree", "/no/such/field"), "/pointer"),
    ],
)
def test_a_comparison_that_says_too_little_is_refused(
    world: World, now: datetime, points: list[str], said: Compared, pointer: str
) -> None:
    with pytest.raises(Invalid) as refused, world.db.writing() as session:
        compare(session, points[0], said, 1, now)
    assert [problem.pointer for problem in refused.value.problems] == [pointer]


def test_nothing_is_compared_or_asked_before_there_is_an_opinion(
    world: World, now: datetime
) -> None:
    with world.db.writing() as session:
        case = case_of(session, world)
        (kept,) = actions.add_points(session, case, ["Too small."], by="Clara", now=now)
        with pytest.raises(NoOpinionToCompare):
            actions.compare(
                session,
                kept,
                Compared("Too small.", "31 %", "differ"),
                opinion=None,
                pointers=POINTERS,
                seen_version=1,
                by="Lena",
                now=now,
            )
        with pytest.raises(NoOpinionToCompare):
            actions.ask_back(session, case, kept, "Why?", by="Riverside", now=now)


def test_a_point_that_was_compared_is_not_taken_away(
    world: World, now: datetime, points: list[str]
) -> None:
    with world.db.writing() as session:
        compare(session, points[0], SAID, 1, now)
        case = case_of(session, world)
        with pytest.raises(PointInUse):
            actions.remove_point(session, case, points[0], seen_version=2)
        with pytest.raises(PointsChangedMeanwhile):
            actions.remove_point(session, case, points[1], seen_version=7)
        actions.remove_point(session, case, points[1], seen_version=1)
        assert [one.id for one in points_of(session, case.id)] == [points[0]]


def asked(world: World, now: datetime, point_id: str) -> str:
    with world.db.writing() as session:
        compare(session, point_id, SAID, 1, now)
        kept = session.get_one(AnswerPoint, point_id)
        case = case_of(session, world)
        return actions.ask_back(session, case, kept, "On which phase?", by="Riverside", now=now).id


def signed(session: Session, world: World, questions: list[str], now: datetime) -> OpinionAddendum:
    return actions.sign_addendum(
        session,
        case_of(session, world),
        session.query(IssuedOpinion).one(),
        text="On the arterial phase, image 34.",
        question_ids=questions,
        signing=SIGNING,
        now=now,
    )


def test_an_addendum_answers_what_was_asked_and_quotes_it_for_ever(
    world: World, now: datetime, points: list[str]
) -> None:
    question = asked(world, now, points[0])
    with world.db.writing() as session:
        kept = signed(session, world, [question], now)
        assert kept.number == f"{world.inside.number}-O1-A1"
        assert not open_questions(session, world.inside.id)
    with world.db.writing() as session:
        compare(session, points[0], Compared("Reworded.", "Otherwise.", "agree"), 2, now)
    with world.db.reading() as session:
        again = session.query(OpinionAddendum).one()
        value = Addendum.from_json(again.content)
        assert value.sha256 == again.content_sha256
        assert value.asked[0].point == "Contact with the SMA."
        assert value.asked[0].question == "On which phase?"


def test_a_question_is_answered_by_one_addendum_only(
    world: World, now: datetime, points: list[str]
) -> None:
    question = asked(world, now, points[0])
    with world.db.writing() as session:
        signed(session, world, [question], now)
    with pytest.raises(QuestionAnsweredMeanwhile), world.db.writing() as session:
        signed(session, world, [question], now)
    with world.db.writing() as session:
        assert signed(session, world, [], now).number.endswith("-O1-A2")


def test_a_signed_addendum_cannot_be_changed(
    world: World, now: datetime, points: list[str]
) -> None:
    with world.db.writing() as session:
        kept = signed(session, world, [], now)
        actions.note_printed(session, kept.id, "b" * 64, now)
    with pytest.raises(SignedAddendumIsFinal), world.db.writing() as session:
        again = session.query(OpinionAddendum).one()
        again.content = {**again.content, "text": "Otherwise."}
        session.flush()


def test_of_two_who_keep_the_same_letter_the_second_is_told(world: World, now: datetime) -> None:
    def keep(text: str, version: int) -> int:
        with world.db.writing() as session:
            return actions.keep_letter(
                session,
                case_of(session, world),
                kind="local_team",
                language="de",
                text=text,
                seen_version=version,
                by="Clara",
                now=now,
            ).version

    assert keep("Sehr geehrte", 0) == 1
    assert keep("Liebe", 1) == 2
    with pytest.raises(LetterChangedMeanwhile):
        keep("Hallo", 1)
    with pytest.raises(Invalid):
        keep("  ", 2)
