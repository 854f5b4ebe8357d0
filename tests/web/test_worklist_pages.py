"""The worklist of many cases in the browser's eyes: pages, searching, what each row lacks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import event

from server.cases import actions as cases
from server.cases.queries import case_by_number
from server.foundation.db import Database
from tests.web.conftest import Browser
from tests.world import World

SignedIn = Callable[[str], Browser]


@pytest.fixture
def many(db: Database, small_world: World, today: datetime) -> int:
    """Sixty more cases of the inside hospital."""
    with db.writing() as session:
        for number in range(60):
            cases.open_case(
                session,
                organ="liver",
                hospital=session.merge(small_world.hospital),
                question="?",
                opened_by="test",
                now=today,
                accession_number=f"XR{number:03d}",
            )
    return 61


def numbers(page: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*><a href="/cases/([^"]+)">', page)


def test_long_lists_come_page_by_page_and_back(signed_in: SignedIn, many: int) -> None:
    clara = signed_in("Clara")
    first = clara.get("/worklist").text
    assert f"{many} cases, 50 shown" in first
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = clara.client.get(following.group(1).replace("&amp;", "&")).text
    assert len(numbers(first)) == 50
    assert len(numbers(second)) == many - 50
    assert set(numbers(first)).isdisjoint(numbers(second))
    back = re.search(r'rel="prev" href="([^"]+)"', second)
    assert back is not None
    assert numbers(clara.client.get(back.group(1).replace("&amp;", "&")).text) == numbers(first)


def test_the_address_keeps_what_was_asked(signed_in: SignedIn, many: int) -> None:
    page = signed_in("Clara").get("/worklist", organ="liver", find="M-").text
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following is not None
    assert "organ=liver" in following.group(1)
    assert "find=M-" in following.group(1)
    assert 'value="M-"' in page


def test_a_case_is_found_by_its_accession_number(signed_in: SignedIn, many: int) -> None:
    page = signed_in("Clara").get("/worklist", find="xr017").text
    assert len(numbers(page)) == 1
    assert "1 case fits these filters" in page


def test_another_hospital_s_case_is_not_found(signed_in: SignedIn, small_world: World) -> None:
    page = signed_in("Clara").get("/worklist", find=small_world.outside.number).text
    assert numbers(page) == []
    other = signed_in("Clara").get("/worklist", hospital=small_world.other_hospital.id).text
    assert numbers(other) == []


@pytest.mark.parametrize("place", ["nonsense", "2026-99-99.M-1", "9999-12-31."])
def test_a_place_that_nothing_wrote_is_no_error_of_ours(signed_in: SignedIn, place: str) -> None:
    answer = signed_in("Clara").client.get("/worklist", query_string={"after": place})
    assert answer.status_code in (200, 400)


def test_a_row_says_what_the_case_lacks_and_who_holds_it(
    signed_in: SignedIn, small_world: World
) -> None:
    page = signed_in("Clara").get("/worklist").text
    assert "Lena" in page
    assert "To begin, asked" in page
    assert "consent: not recorded" in page


def test_finished_cases_are_offered_when_nothing_in_work_is_found(
    signed_in: SignedIn, small_world: World, db: Database, today: datetime
) -> None:
    with db.writing() as session:
        case = case_by_number(session, small_world.inside.number)
        cases.withdraw(session, case, reason="moved", seen_version=case.version, now=today)
    clara = signed_in("Clara")
    page = clara.get("/worklist", find=small_world.inside.number).text
    assert "Look among the finished cases" in page
    found = clara.get("/worklist", find=small_world.inside.number, show="finished").text
    assert numbers(found) == [small_world.inside.number]


def test_a_page_of_many_cases_costs_as_many_questions_to_the_database_as_one_of_few(
    signed_in: SignedIn, db: Database, small_world: World, today: datetime, many: int
) -> None:
    """Each waits for the database once more; on a busy machine that is what a coordinator waits for."""
    clara, asked = signed_in("Clara"), list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    clara.get("/worklist")
    at_first = len(asked)
    assert not any(one.startswith("SELECT count(*) AS") for one in asked), "counted twice"
    asked.clear()
    clara.get("/worklist", organ="liver")
    event.remove(db.engine, "before_cursor_execute", note)
    assert at_first <= 26
    assert len(asked) <= at_first + 1
    assert sum("FROM arrival" in one for one in asked) == 1
