"""What may stand in a centre's or a surgeon's entry. Pure: plain values in, problems out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from server.cases.clocks.tiers import tiers
from server.cases.countries import countries_by_name
from server.foundation.errors import FieldProblem
from server.routing.values import Volume
from server.routing.vocabulary import ORGAN_TITLES, titles_of

LONGEST_NAME: Final = 200
LONGEST_NOTE: Final = 4000
LONGEST_SOURCE: Final = 200
MOST_AT_A_TIME: Final = 50
MOST_IN_A_YEAR: Final = 5000  # ten times the largest that requirement 21 speaks of, to catch slips
FIRST_YEAR: Final = 1990
LONGEST_ABSENCE_DAYS: Final = 730


@dataclass(frozen=True)
class ProfileSaid:
    """A surgeon's profile as a form or a sheet gives it; codes of the vocabulary."""

    centre_id: str = ""
    organs: tuple[str, ...] = ()
    subspecialties: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    accepts_tiers: tuple[str, ...] = ()
    accepting: bool = True
    most_cases: int = 5
    time_zone: str = ""
    calendar: str = ""
    note: str = ""
    volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True)
class CentreSaid:
    """A centre as a form gives it. `hospitals` maps a hospital's id to part_of or affiliated."""

    name: str
    country: str = ""
    time_zone: str = ""
    kinds: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    hospitals: tuple[tuple[str, str], ...] = ()
    volumes: tuple[Volume, ...] = ()
    note: str = ""
    active: bool = True


TIES: Final = {"part_of": "belongs to", "affiliated": "is affiliated with"}


def profile_problems(said: ProfileSaid, today: date) -> list[FieldProblem]:
    """What is wrong with a profile; empty when nothing is."""
    problems = [
        *unknown("/organs", said.organs, ORGAN_TITLES, "an organ"),
        *unknown(
            "/subspecialties", said.subspecialties, titles_of("subspecialty"), "a subspecialty"
        ),
        *unknown("/capabilities", said.capabilities, titles_of("capability"), "a capability"),
        *unknown("/languages", said.languages, titles_of("language"), "a language"),
        *unknown("/accepts_tiers", said.accepts_tiers, tiers(), "a tier"),
        *_country_problems("/countries", said.countries),
        *place_problems(said.time_zone, said.calendar),
        *volume_problems(said.volumes, today),
    ]
    if not 1 <= said.most_cases <= MOST_AT_A_TIME:
        text = f"At most how many cases at a time: a number from 1 to {MOST_AT_A_TIME}."
        problems.append(FieldProblem("/most_cases", text))
    return problems


def centre_problems(said: CentreSaid, today: date) -> list[FieldProblem]:
    """What is wrong with a centre's entry; empty when nothing is."""
    problems = []
    if not said.name.strip():
        problems.append(FieldProblem("/name", "Enter the centre's name."))
    elif len(said.name) > LONGEST_NAME:
        problems.append(FieldProblem("/name", f"At most {LONGEST_NAME} characters."))
    return [
        *problems,
        *_country_problems("/country", (said.country,) if said.country else ()),
        *unknown("/kinds", said.kinds, titles_of("kind"), "a kind of centre"),
        *unknown("/languages", said.languages, titles_of("language"), "a language"),
        *unknown("/capabilities", said.capabilities, titles_of("capability"), "a capability"),
        *unknown(
            "/hospitals", [how for _, how in said.hospitals], TIES, "how they belong together"
        ),
        *place_problems(said.time_zone, ""),
        *volume_problems(said.volumes, today),
    ]


def unknown(
    pointer: str, codes: Iterable[str], known: Collection[str], what: str
) -> list[FieldProblem]:
    """A problem for each code that the list does not have."""
    return [
        FieldProblem(pointer, f"“{code[:60]}” is not {what} that is known: choose from the list.")
        for code in codes
        if code not in known
    ]


def _country_problems(pointer: str, countries: Iterable[str]) -> list[FieldProblem]:
    known = dict(countries_by_name())
    return [
        FieldProblem(
            pointer,
            f"“{code[:60]}” is not a country: it has two capital letters (ISO 3166-1), such as GB.",
        )
        for code in countries
        if code not in known
    ]


def place_problems(time_zone: str, calendar: str) -> list[FieldProblem]:
    """What is wrong with a time zone and with the country of a calendar."""
    problems = []
    if time_zone and time_zone not in time_zones():
        text = f"“{time_zone[:60]}” is not a time zone: write it as Europe/Berlin or Asia/Kolkata."
        problems.append(FieldProblem("/time_zone", text))
    if calendar and not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,4})?", calendar):
        text = f"“{calendar[:20]}”: write the calendar's country as DE, or with its part as DE-BY."
        problems.append(FieldProblem("/calendar", text))
    return problems


def volume_problems(volumes: Iterable[Volume], today: date) -> list[FieldProblem]:
    """What is wrong with yearly volumes: the operation, the year, the number, or two of the same."""
    problems, seen = [], set()
    for place, one in enumerate(volumes, start=1):
        where = f"/volumes/{place - 1}"
        words = f"Line {place}: "
        if one.operation not in titles_of("operation"):
            problems.append(FieldProblem(where, f"{words}choose the operation from the list."))
        if not FIRST_YEAR <= one.year <= today.year:
            text = f"{words}the year is one from {FIRST_YEAR} to {today.year}."
            problems.append(FieldProblem(where, text))
        if not 0 <= one.count <= MOST_IN_A_YEAR:
            text = f"{words}the number in a year is one from 0 to {MOST_IN_A_YEAR}."
            problems.append(FieldProblem(where, text))
        if len(one.source) > LONGEST_SOURCE:
            text = f"{words}the source has at most {LONGEST_SOURCE} characters."
            problems.append(FieldProblem(where, text))
        if (one.operation, one.year) in seen:
            problems.append(FieldProblem(where, f"{words}this operation and year stand twice."))
        seen.add((one.operation, one.year))
    return problems


def absence_problems(from_on: date | None, until_on: date | None, why: str) -> list[FieldProblem]:
    """What is wrong with an absence."""
    if from_on is None:
        return [FieldProblem("/from_on", "Enter the first day as 2026-12-24.")]
    if until_on is None:
        return [FieldProblem("/until_on", "Enter the last day as 2027-01-02.")]
    if until_on < from_on:
        return [FieldProblem("/until_on", "The last day is before the first.")]
    if (until_on - from_on).days > LONGEST_ABSENCE_DAYS:
        text = "Longer than two years: let the profile say that they take no cases instead."
        return [FieldProblem("/until_on", text)]
    if len(why) > LONGEST_NAME:
        return [FieldProblem("/why", f"At most {LONGEST_NAME} characters.")]
    return []


@cache
def time_zones() -> frozenset[str]:
    """Every time zone by its IANA name."""
    return frozenset(available_timezones())
