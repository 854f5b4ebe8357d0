"""What a coordinator sees without clicking, and attaching a study in two clicks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import update

from server.cases.queries import case_of_study
from server.cases.records import Case
from server.foundation import audit
from server.foundation.db import Database
from server.intake.queries import cursor
from server.intake.records import Arrival
from server.web.pages.worklist import case_urgency
from tests.web.conftest import Browser
from tests.web.studies import PATIENT, arrival
from tests.world import World

SignedIn = Callable[[str], Browser]


@pytest.fixture
def waiting(db: Database, small_world: World, today: datetime) -> Arrival:
    """An arrival that the first hospital sent and that belongs nowhere yet."""
    with db.writing() as session:
        return arrival(session, small_world, today)


def test_a_coordinator_sees_the_cases_of_their_hospitals_only(
    signed_in: SignedIn, small_world: World
) -> None:
    page = signed_in("Clara").get("/worklist").text
    assert small_world.inside.number in page
    assert small_world.outside.number not in page
    assert "Hillcrest" not in page


def test_one_arrival_is_not_called_several(
    signed_in: SignedIn, small_world: World, request: pytest.FixtureRequest
) -> None:
    clara = signed_in("Clara")
    assert "<strong>0</strong><span>arrivals unmatched</span>" in clara.get("/worklist").text
    request.getfixturevalue("waiting")
    assert "<strong>1</strong><span>arrival unmatched</span>" in clara.get("/worklist").text


def test_an_administrator_sees_every_case(signed_in: SignedIn, small_world: World) -> None:
    page = signed_in("Ada").get("/worklist").text
    assert small_world.inside.number in page
    assert small_world.outside.number in page


def test_what_is_overdue_is_counted_and_named(
    signed_in: SignedIn, small_world: World, db: Database, today: datetime
) -> None:
    with db.writing() as session:
        late = today.date() - timedelta(days=3)
        session.execute(update(Case).where(Case.id == small_world.inside.id).values(due_on=late))
    page = signed_in("Clara").get("/worklist", due="overdue").text
    assert "3 days overdue" in page
    assert "<strong>1</strong><span>overdue</span>" in page


@pytest.mark.parametrize(
    ("state", "urgency"),
    [
        ("assigned", "overdue"),
        ("on_hold", "none"),
        ("awaiting_records", "none"),
        ("opined", "none"),
    ],
)
def test_the_clock_counts_only_while_somebody_has_to_review(
    state: str, urgency: str, now: datetime
) -> None:
    case = Case(state=state, due_on=date(2026, 11, 1))
    assert case_urgency(case, now.date()) == urgency


@pytest.mark.parametrize("query", [{"state": "nonsense"}, {"organ": "liver"}, {"due": "later "}])
def test_filters_that_fit_nothing_say_so(signed_in: SignedIn, query: dict[str, str]) -> None:
    answer = signed_in("Clara").get("/worklist", **query)
    assert answer.status_code == 200
    assert "No case fits these filters" in answer.text


def test_pages_say_when_the_archive_does_not_answer(
    signed_in: SignedIn, db: Database, today: datetime
) -> None:
    with db.writing() as session:
        noted = cursor(session)
        noted.archive_ok, noted.checked_at = False, today
    page = signed_in("Clara").get("/worklist").text
    assert "The image archive does not answer." in page


def test_pages_say_when_nobody_asks_the_archive_any_more(
    signed_in: SignedIn, db: Database, today: datetime
) -> None:
    with db.writing() as session:
        cursor(session).checked_at = today - timedelta(hours=1)
    assert "New arrivals are not being noticed." in signed_in("Clara").get("/arrivals").text


def test_the_inbox_says_who_sent_what_and_guesses_with_a_reason(
    signed_in: SignedIn, waiting: Arrival, small_world: World
) -> None:
    page = signed_in("Clara").get("/arrivals").text
    for said in (
        "Riverside",
        "RIVERSIDE",
        "10.0.0.7",
        "LEFEBVRE, CAMILLE",
        "2026-11-18",
        "Portal venous",
        small_world.inside.number,
        "Same hospital; this case has no images yet",
    ):
        assert said in page
    assert waiting.id in page


def test_text_from_dicom_cannot_become_markup(signed_in: SignedIn, waiting: Arrival) -> None:
    page = signed_in("Clara").get("/arrivals").text
    assert "<b>77</b>" not in page
    assert "ACC-&lt;b&gt;77&lt;/b&gt;" in page


def test_another_coordinator_neither_sees_nor_attaches_the_arrival(
    signed_in: SignedIn, waiting: Arrival, small_world: World
) -> None:
    omar = signed_in("Omar")
    assert PATIENT.split("^")[0] not in omar.get("/arrivals").text
    answer = omar.post(f"/arrivals/{waiting.id}/attach", case_number=small_world.outside.number)
    assert answer.status_code == 404
    assert omar.post(f"/arrivals/{waiting.id}/set-aside").status_code == 404


def test_one_form_attaches_a_study_to_its_case(
    signed_in: SignedIn, waiting: Arrival, small_world: World, db: Database
) -> None:
    clara = signed_in("Clara")
    clara.get("/arrivals")
    answer = clara.post(f"/arrivals/{waiting.id}/attach", case_number=small_world.inside.number)
    assert f"attached to case {small_world.inside.number}" in answer.text
    with db.reading() as session:
        case = case_of_study(session, waiting.StudyInstanceUID)
        assert case is not None
        assert case.number == small_world.inside.number
        line = next(one for one in audit.newest(session) if one.action == "arrival.attach")
        assert line.case_number == small_world.inside.number


def test_another_hospitals_case_cannot_be_named_in_the_form(
    signed_in: SignedIn, waiting: Arrival, small_world: World, db: Database
) -> None:
    clara = signed_in("Clara")
    clara.get("/arrivals")
    answer = clara.post(f"/arrivals/{waiting.id}/attach", other_number=small_world.outside.number)
    assert answer.status_code == 404
    with db.reading() as session:
        assert case_of_study(session, waiting.StudyInstanceUID) is None


def test_attaching_without_choosing_a_case_is_refused_at_the_form(
    signed_in: SignedIn, waiting: Arrival
) -> None:
    clara = signed_in("Clara")
    clara.get("/arrivals")
    answer = clara.post(f"/arrivals/{waiting.id}/attach")
    assert answer.status_code == 422
    assert "Choose the case first." in answer.text


def test_a_study_set_aside_leaves_the_inbox(signed_in: SignedIn, waiting: Arrival) -> None:
    clara = signed_in("Clara")
    clara.get("/arrivals")
    page = clara.post(f"/arrivals/{waiting.id}/set-aside").text
    assert "Nothing waits here" in page
    assert "Set aside" in page
