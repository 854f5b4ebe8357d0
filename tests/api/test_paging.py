"""Lists a page at a time: whole, without doubles, whatever is opened meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from server.cases.actions import open_case
from server.cases.paged import Wanted, cases_page
from server.foundation.clock import utc_now
from server.foundation.db import Database
from server.web.api.fitting import RequestRefused
from server.web.api.paging import mark_of, place_of
from tests.api.conftest import Caller
from tests.world import World, build_world


def test_all_pages_together_are_the_list_though_cases_are_opened_meanwhile(
    database: Database,
) -> None:
    world, now = build_world(database, utc_now()), utc_now()

    def opened(minutes: int) -> str:
        with database.writing() as session:
            at = now + timedelta(minutes=minutes)
            return open_case(
                session, organ="liver", hospital=world.hospital, question="?", opened_by="t", now=at
            ).number

    wanted = [opened(minutes) for minutes in (1, 1, 1, 2, 3)]
    found: list[str] = []
    after = None
    while True:
        with database.reading() as session:
            page = cases_page(
                session, Wanted(organ="liver", hospital_id=world.hospital.id), after=after, limit=2
            )
            found += [case.number for case in page]
        if not page:
            break
        after = (page[-1].opened_at, page[-1].id)
        opened(9)
    assert sorted(found) == sorted(wanted)
    assert len(found) == len(set(found))


def test_the_answer_names_where_to_go_on_until_the_list_ends(
    service: Caller, small_world: World
) -> None:
    first = service.get("/cases?limit=1").get_json()
    assert first["next"] is not None
    second = service.get(f"/cases?limit=1&after={first['next']}").get_json()
    assert second["next"] is None
    numbers = [one["number"] for page in (first, second) for one in page["cases"]]
    assert sorted(numbers) == sorted((small_world.inside.number, small_world.outside.number))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("organ=liver", ["outside"]),
        ("state=assigned", ["outside", "inside"]),
        ("state=open&state=ready", []),
        ("accession_number=acc-riverside", ["inside"]),
        ("opened_from=2099-01-01T00:00:00Z", []),
        ("opened_before=2099-01-01T00:00:00Z&organ=pancreas", ["inside"]),
    ],
)
def test_what_is_asked_narrows_the_list(
    service: Caller, small_world: World, app: Flask, asked: str, found: list[str]
) -> None:
    numbers = {one["number"] for one in service.get(f"/cases?{asked}").get_json()["cases"]}
    assert numbers == {getattr(small_world, name).number for name in found}


@given(at=st.datetimes(timezones=st.just(UTC)), id_=st.text("0123456789abcdef", max_size=32))
def test_a_place_is_found_again(at: datetime, id_: str) -> None:
    assert place_of(mark_of(at, id_)) == (at, id_)


@given(st.text(max_size=60))
def test_no_text_but_a_mark_is_a_place(text: str) -> None:
    try:
        at, id_ = place_of(text)
    except RequestRefused:
        return
    assert place_of(mark_of(at, id_)) == (at, id_)
