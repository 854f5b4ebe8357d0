"""The worklist page by page: what belongs in it, in which order, and that no page shows a case twice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.bulk import identifier
from bench.lives import NOW, Size
from bench.world_of_cases import fill
from server.cases.listing import (
    DUE,
    NOBODY,
    Asked,
    Page,
    Place,
    PlaceUnreadable,
    counts_of,
    page_of,
)
from server.cases.queries import FINISHED
from server.cases.records import NO_DAY, Case
from server.foundation.db import Database

TODAY = NOW.date()
DAY = timedelta(days=1)
SIZE = Size(cases=400, hospitals=6, surgeons=9, coordinators=2, in_work_percent=60)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    fill(database, SIZE)
    with database.writing() as session:
        running = select(Case).where(Case.state == "in_review").order_by(Case.number).limit(1)
        late = session.scalars(running).one()
        late.soon_on, late.due_on = TODAY - 9 * DAY, TODAY - 7 * DAY
        late.limit_on = TODAY - DAY
    with database.reading() as session:
        yield session


def every_page(session: Session, asked: Asked, most: int = 17) -> list[Page]:
    pages = [page_of(session, asked, TODAY, most=most)]
    while pages[-1].after is not None:
        pages.append(page_of(session, asked, TODAY, after=pages[-1].after, most=most))
    return pages


def test_the_pages_together_hold_every_case_in_work_once_in_order(session: Session) -> None:
    pages = every_page(session, Asked())
    numbers = [case.number for page in pages for case in page.cases]
    assert len(numbers) == len(set(numbers)) == pages[0].total > 100
    keys = [(case.listed_on, case.number) for page in pages for case in page.cases]
    assert keys == sorted(keys)
    assert not any(case.state in FINISHED for page in pages for case in page.cases)


def test_going_back_shows_the_pages_that_were_seen(session: Session) -> None:
    pages = every_page(session, Asked())
    for before, here in itertools.pairwise(pages):
        assert here.before is not None
        back = page_of(session, Asked(), TODAY, before=here.before, most=17)
        assert [case.number for case in back.cases] == [case.number for case in before.cases]
        assert back.after is not None
    assert pages[0].before is None
    assert page_of(session, Asked(), TODAY, before=pages[1].before, most=17).before is None


def test_finished_cases_are_listed_newest_first(session: Session) -> None:
    pages = every_page(session, Asked(finished=True))
    numbers = [case.number for page in pages for case in page.cases]
    assert numbers == sorted(numbers, reverse=True)
    assert all(case.state in FINISHED for page in pages for case in page.cases)
    back = page_of(session, Asked(finished=True), TODAY, before=pages[1].before, most=17)
    assert [one.number for one in back.cases] == numbers[:17]


def test_an_opinion_that_was_given_does_not_stand_before_what_is_due(session: Session) -> None:
    cases = [case for page in every_page(session, Asked()) for case in page.cases]
    assert {case.listed_on for case in cases if case.state == "opined"} == {NO_DAY}


def stands(due: str, case: Case) -> bool:
    """Whether a case stands so, read from the days that are kept of it."""
    if due == "paused":
        return case.state in ("on_hold", "awaiting_records") and case.due_on is not None
    if case.state not in ("ready", "assigned", "in_review"):
        return False
    assert case.soon_on and case.due_on and case.limit_on
    return {
        "past_limit": case.limit_on < TODAY,
        "overdue": case.due_on < TODAY,
        "today": case.due_on == TODAY,
        "soon": case.soon_on <= TODAY < case.due_on,
        "later": case.soon_on > TODAY,
    }[due]


@pytest.mark.parametrize("due", DUE)
def test_what_is_due_is_told_by_the_day(session: Session, due: str) -> None:
    in_work = [case for page in every_page(session, Asked()) for case in page.cases]
    found = [case.id for page in every_page(session, Asked(due=due)) for case in page.cases]
    assert found == [case.id for case in in_work if stands(due, case)] != []


def test_the_counts_are_those_of_the_lists(session: Session) -> None:
    counts = counts_of(session, None, TODAY)

    def total(asked: Asked) -> int:
        return page_of(session, asked, TODAY).total

    assert counts.overdue == total(Asked(due="overdue"))
    assert counts.past_limit == total(Asked(due="past_limit"))
    assert counts.soon == total(Asked(due="soon")) + total(Asked(due="today"))
    assert counts.ready == total(Asked(state="ready"))
    assert counts.awaiting == total(Asked(state="awaiting_records")) > 0


def test_a_coordinator_is_shown_their_hospitals_only(session: Session) -> None:
    own = frozenset({identifier("hospital", 1), identifier("hospital", 2)})
    asked = Asked(hospital_ids=own)
    cases = [case for page in every_page(session, asked) for case in page.cases]
    assert {case.hospital_id for case in cases} == own
    stranger = Asked(hospital_ids=own, hospital=identifier("hospital", 3))
    assert page_of(session, stranger, TODAY).total == 0
    found = page_of(session, Asked(hospital_ids=frozenset()), TODAY)
    assert (found.total, found.cases) == (0, [])
    whole = counts_of(session, None, TODAY)
    assert 0 < counts_of(session, own, TODAY).awaiting < whole.awaiting
    assert counts_of(session, frozenset(), TODAY).awaiting == 0


def test_cases_are_found_by_who_holds_them(session: Session) -> None:
    surgeon = identifier("surgeon", 2)
    held = [case for page in every_page(session, Asked(holder=surgeon)) for case in page.cases]
    assert held
    for case in held:
        assert surgeon in {one.person_id for one in case.assignments if one.state == "active"}
    free = every_page(session, Asked(holder=NOBODY))
    assert not any(
        one.state == "active" for page in free for case in page.cases for one in case.assignments
    )


def test_cases_are_found_by_a_piece_of_their_number_or_an_accession_number(
    session: Session,
) -> None:
    wanted = page_of(session, Asked(), TODAY).cases[3]
    for search in (
        wanted.number,
        wanted.number.lower(),
        f" {wanted.number[-5:]} ",
        wanted.accession_number,
        wanted.accession_number[:8].lower(),
    ):
        found = page_of(session, Asked(search=search), TODAY).cases
        assert wanted.number in {case.number for case in found}, search


@pytest.mark.parametrize("search", ["%", "_", "\\", "' OR 1=1 --", "\N{SNOWMAN}" * 80])
def test_signs_of_the_database_find_nothing(session: Session, search: str) -> None:
    assert page_of(session, Asked(search=search), TODAY).total == 0


def test_what_nobody_offers_fits_nothing(session: Session) -> None:
    for asked in (Asked(due="nonsense"), Asked(state="nonsense"), Asked(holder="nonsense")):
        assert page_of(session, asked, TODAY).total == 0


def test_a_case_that_moved_between_two_pages_is_not_shown_twice(
    session: Session, database: Database
) -> None:
    first = page_of(session, Asked(), TODAY, most=10)
    with database.writing() as writing:
        moved = page_of(writing, Asked(), TODAY, most=10).cases[0]
        moved.listed_on = moved.listed_on - timedelta(days=30)
        moved_number = moved.number
    with database.reading() as fresh:
        second = page_of(fresh, Asked(), TODAY, after=first.after, most=10)
    assert moved_number not in {case.number for case in second.cases}
    assert {case.number for case in first.cases}.isdisjoint(case.number for case in second.cases)


def test_a_place_is_written_as_it_is_read() -> None:
    place = Place(date(2026, 11, 27), "M-2026-00012")
    assert Place.read(str(place)) == place
    for text in ("nonsense", "2026-13-01.M-1", ".", "2026-11-27T00.M"):
        with pytest.raises(PlaceUnreadable):
            Place.read(text)
