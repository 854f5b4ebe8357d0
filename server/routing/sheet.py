"""The sheet of surgeons: its columns, and what a row says. Pure.

Lists stand in one cell, separated by semicolons, in the words or the codes of the vocabulary. A volume
is written `Hepatectomy (any) 85 in 2025 (department register)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from server.cases.clocks.tiers import tiers
from server.routing.checking import ProfileSaid
from server.routing.values import Volume
from server.routing.vocabulary import titles_of

YES: Final = frozenset({"yes", "y", "true", "1", "x"})
NO: Final = frozenset({"no", "n", "false", "0"})
_VOLUME: Final = re.compile(r"(.+?)[\s:]+(\d{1,6})\s+in\s+(\d{4})(?:\s*\((.*)\))?")


@dataclass(frozen=True)
class Column:
    """A column of the sheet. `hint` says how its cells are written, `example` is one."""

    id: str
    title: str
    hint: str
    example: str
    required: bool = False


COLUMNS: Final = (
    Column("name", "Name", "As it is to stand in lists.", "Dr Lena Lindqvist", True),
    Column(
        "email",
        "E-mail address",
        "Who this is: a row with a known address changes that surgeon.",
        "lena@hospital.example",
        True,
    ),
    Column(
        "centre", "Centre", "The centre's name as in the list of centres.", "Northern Liver Centre"
    ),
    Column(
        "centre_country",
        "Centre country",
        "Two letters. Given, a centre that is not known yet is added.",
        "SE",
    ),
    Column("organs", "Organs", "Separated by semicolons.", "Liver; Perihilar bile duct"),
    Column(
        "subspecialties",
        "Subspecialties",
        "Separated by semicolons.",
        "Hepatopancreatobiliary surgery",
    ),
    Column(
        "volumes",
        "Operations a year",
        "Operation, number, “in”, year, and the source in brackets; separated by semicolons.",
        "Hepatectomy (any) 85 in 2025 (department register)",
    ),
    Column(
        "capabilities",
        "Capabilities",
        "Separated by semicolons; the second page lists the words.",
        "ALPPS; Portal vein embolisation (PVE)",
    ),
    Column("languages", "Languages", "Separated by semicolons.", "English; Swedish"),
    Column(
        "countries",
        "Takes cases from",
        "Countries in two letters, separated by semicolons; empty means any.",
        "SE; DE; IN",
    ),
    Column("time_zone", "Time zone", "An IANA name.", "Europe/Stockholm"),
    Column("calendar", "Holidays of", "Country in two letters; empty means the centre's.", "SE"),
    Column("most_cases", "Cases at a time", "A number from 1 to 50.", "4"),
    Column("accepts_tiers", "Tiers", "Separated by semicolons; empty means every tier.", ""),
    Column("accepting", "Takes cases", "yes or no.", "yes"),
    Column("note", "Note", "For coordinators.", ""),
)
BY_ID: Final = {column.id: column for column in COLUMNS}


@dataclass(frozen=True)
class SheetRow:
    """A row as it was read: its number as the sheet counts, its cells by column, and the letters of the
    columns that the sheet has."""

    number: int
    cells: Mapping[str, str]
    letters: Mapping[str, str] = field(default_factory=dict)

    def cell(self, column: str) -> str:
        """Where a column's cell lies in this row, such as `C7`; the column's title if it has none."""
        letter = self.letters.get(column)
        return f"{letter}{self.number}" if letter else BY_ID[column].title

    def to_json(self) -> dict[str, Any]:
        """The row as plain values, to be kept until it is brought in."""
        return {"number": self.number, "cells": dict(self.cells), "letters": dict(self.letters)}


def row_of_json(kept: Mapping[str, Any]) -> SheetRow:
    """The row that `to_json` gave."""
    return SheetRow(kept["number"], kept["cells"], kept["letters"])


@dataclass(frozen=True)
class CellProblem:
    """What is wrong with one cell, and what to do. `cell` is such as `C7`."""

    cell: str
    column: str
    message: str


@dataclass(frozen=True)
class RowSaid:
    """What a row says of a surgeon; `profile.centre_id` is still empty and `centre` the name.

    `given` are the columns that the sheet has: what it has not is left as it is.
    """

    name: str
    email: str
    centre: str
    centre_country: str
    profile: ProfileSaid
    given: frozenset[str]


def read_row(row: SheetRow) -> tuple[RowSaid, list[CellProblem]]:
    """What a row says, and every cell that cannot be understood."""
    problems: list[CellProblem] = []

    def refuse(column: str, message: str) -> None:
        problems.append(CellProblem(row.cell(column), BY_ID[column].title, message))

    def words(column: str, titles: Mapping[str, str], what: str) -> tuple[str, ...]:
        codes, unknown = _codes(row.cells.get(column, ""), titles)
        for word in unknown:
            refuse(column, f"“{word[:60]}” is not {what} that is known.{_nearest(word, titles)}")
        return codes

    cells = row.cells
    if not cells.get("name", "").strip():
        refuse("name", "Enter the surgeon's name.")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", cells.get("email", "").strip()):
        refuse("email", "Enter an e-mail address such as name@hospital.example.")
    if cells.get("email", "").strip().lower() == BY_ID["email"].example:
        refuse("email", "This is the example of the template: delete the row.")
    said = RowSaid(
        name=cells.get("name", "").strip(),
        email=cells.get("email", "").strip().lower(),
        centre=" ".join(cells.get("centre", "").split()),
        centre_country=cells.get("centre_country", "").strip().upper(),
        profile=ProfileSaid(
            organs=words("organs", titles_of("organ"), "an organ"),
            subspecialties=words("subspecialties", titles_of("subspecialty"), "a subspecialty"),
            capabilities=words("capabilities", titles_of("capability"), "a capability"),
            languages=words("languages", titles_of("language"), "a language"),
            countries=tuple(one.upper() for one in _parts(cells.get("countries", ""))),
            accepts_tiers=words(
                "accepts_tiers", {one.id: one.title for one in tiers().values()}, "a tier"
            ),
            accepting=_yes_or_no(cells.get("accepting", ""), refuse),
            most_cases=_number(cells.get("most_cases", ""), refuse),
            time_zone=cells.get("time_zone", "").strip(),
            calendar=cells.get("calendar", "").strip().upper(),
            note=cells.get("note", "").strip(),
            volumes=tuple(_volumes(cells.get("volumes", ""), refuse)),
        ),
        given=frozenset(row.letters or row.cells),
    )
    return said, problems


_Refuse = Callable[[str, str], None]


def _parts(text: str) -> list[str]:
    return [" ".join(part.split()) for part in re.split(r"[;\n]", text) if part.strip()]


def _plain(word: str) -> str:
    return re.sub(r"[\W_]+", " ", word).strip().casefold()


def _codes(text: str, titles: Mapping[str, str]) -> tuple[tuple[str, ...], list[str]]:
    """The codes of the words of a cell, and the words that mean nothing."""
    by_word = {_plain(title): code for code, title in titles.items()}
    by_word |= {_plain(code): code for code in titles}
    found, unknown = [], []
    for word in _parts(text):
        code = by_word.get(_plain(word))
        if code is None:
            unknown.append(word)
        else:
            found.append(code)
    return tuple(dict.fromkeys(found)), unknown


def _nearest(word: str, titles: Mapping[str, str]) -> str:
    """` Did you mean …?` with the titles that begin alike or hold the word; else where to look."""
    wanted = _plain(word)
    alike = [
        title
        for title in titles.values()
        if wanted in _plain(title) or _plain(title).startswith(wanted[:4])
    ]
    if wanted and alike:
        return f" Did you mean “{alike[0]}”?"
    return " The template lists the words."


def _yes_or_no(text: str, refuse: _Refuse) -> bool:
    word = text.strip().casefold()
    if word not in YES | NO | {""}:
        refuse("accepting", "Write yes or no.")
    return word not in NO


def _number(text: str, refuse: _Refuse) -> int:
    word = text.strip().removesuffix(".0")  # a number as a spreadsheet keeps it
    if not word:
        return ProfileSaid.most_cases
    if not re.fullmatch(r"[0-9]{1,4}", word):
        refuse("most_cases", "Write a whole number, in digits.")
        return ProfileSaid.most_cases
    return int(word)


def _volumes(text: str, refuse: _Refuse) -> Iterable[Volume]:
    for part in _parts(text):
        read = _VOLUME.fullmatch(part)
        if read is None:
            refuse(
                "volumes",
                f"“{part[:60]}”: write the operation, the number, “in” and the year, such as"
                " “Hepatectomy (any) 85 in 2025 (department register)”.",
            )
            continue
        codes, unknown = _codes(read[1].rstrip(":"), titles_of("operation"))
        if unknown or not codes:
            nearest = _nearest(read[1], titles_of("operation"))
            refuse("volumes", f"“{read[1][:60]}” is not an operation that is counted.{nearest}")
            continue
        yield Volume(codes[0], int(read[3]), int(read[2]), (read[4] or "").strip())


def cells_of(name: str, email: str, centre: str, country: str, said: ProfileSaid) -> dict[str, str]:
    """A surgeon as the cells of a row, which `read_row` reads back to the same."""
    tier_titles = {one.id: one.title for one in tiers().values()}
    return {
        "name": name,
        "email": email,
        "centre": centre,
        "centre_country": country,
        "organs": _words(said.organs, titles_of("organ")),
        "subspecialties": _words(said.subspecialties, titles_of("subspecialty")),
        "volumes": "; ".join(_volume_words(one) for one in said.volumes),
        "capabilities": _words(said.capabilities, titles_of("capability")),
        "languages": _words(said.languages, titles_of("language")),
        "countries": "; ".join(said.countries),
        "time_zone": said.time_zone,
        "calendar": said.calendar,
        "most_cases": str(said.most_cases),
        "accepts_tiers": _words(said.accepts_tiers, tier_titles),
        "accepting": "yes" if said.accepting else "no",
        "note": said.note,
    }


def _words(codes: Iterable[str], titles: Mapping[str, str]) -> str:
    return "; ".join(titles.get(code, code) for code in codes)


def _volume_words(one: Volume) -> str:
    title = titles_of("operation").get(one.operation, one.operation)
    # A semicolon would end the volume in the cell.
    source = one.source.replace(";", ",").replace("\n", " ")
    return f"{title} {one.count} in {one.year}" + (f" ({source})" if source else "")
