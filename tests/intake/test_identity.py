"""Names and birth dates that are the same, nearly the same, and not at all."""

from __future__ import annotations

import pytest

from server.intake.arrivals.identity import (
    DIFFERENT,
    NEARLY_THE_SAME,
    Identity,
    contradiction,
    differences,
    name_key,
    name_likeness,
    swapped,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller^Hans", "MUELLER^HANS"),
        ("Müller^Hans", "Muller^Hans"),
        ("DOE^JANE", "Jane^Doe"),
        ("García López^María", "GARCIA LOPEZ^MARIA"),
        ("O'Neil^Ann", "O Neil^Ann"),
        ("Yamada^Tarou=山田^太郎", "YAMADA^TAROU"),
        ("=山田^太郎=", "山田^太郎"),
        ("Doe^Jane^Q", "Doe^Jane"),
    ],
)
def test_one_name_in_two_ways_of_writing_is_one_name(one: str, other: str) -> None:
    assert name_likeness(one, other) == 1.0
    assert name_key(one) == name_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lefebvre^Camille", "Lefevre^Camille"),
        ("Doe^Jane^Mary", "Doe^Jane"),
        ("Smith^J", "Smyth^J"),
    ],
)
def test_a_slip_is_nearly_the_same(one: str, other: str) -> None:
    likeness = name_likeness(one, other)
    assert likeness is not None
    assert DIFFERENT < likeness < 1
    assert likeness >= NEARLY_THE_SAME or one.startswith("Smith")


def test_other_names_are_different_and_none_says_nothing() -> None:
    likeness = name_likeness("Okafor^Chidi", "Lefebvre^Camille")
    assert likeness is not None
    assert likeness < DIFFERENT
    assert name_likeness("", "Doe^Jane") is None


@pytest.mark.parametrize(
    ("day", "other"), [("19610412", "19611204"), ("19611304", ""), ("", ""), ("19610404", "")]
)
def test_day_and_month_are_exchanged_where_that_is_a_date(day: str, other: str) -> None:
    if day == "19611304":
        assert swapped(day) == "19610413"
    else:
        assert swapped(day) == other


def test_one_difference_is_no_contradiction_and_two_are() -> None:
    rosa = Identity("Müller^Rosa", "19610412", "F", "1")
    assert contradiction(rosa, Identity("Okafor^Rosa", "19610412", "F", "2")) == ""
    assert contradiction(rosa, Identity("Okafor^Chidi", "19800101", "F", "1")) == (
        "name and birth date"
    )
    assert differences(rosa, Identity("Muller^Rosa", "19610413", "O", "3")) == []
    assert differences(rosa, Identity()) == []


@pytest.mark.parametrize(
    ("name", "encoding"), [("王^小明", "gb18030"), ("김^철수", "cp949"), ("山田^太郎", "cp932")]
)
def test_a_name_in_letters_nobody_declared_is_compared_by_what_its_bytes_may_say(
    name: str, encoding: str
) -> None:
    as_the_archive_reads_it = name.encode(encoding).decode("latin-1")
    assert name_likeness(as_the_archive_reads_it, name) == 1.0
    assert name_likeness(as_the_archive_reads_it, "李^大卫") == 0.0
