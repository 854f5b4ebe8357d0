"""docs/conformance.md says of searches what the code does."""

from __future__ import annotations

from pathlib import Path

from pydicom.datadict import keyword_for_tag

from server.dicomweb.query import candidates, search
from server.dicomweb.query import parameters as query
from server.dicomweb.query.attributes import REQUIRED, WHERE_KNOWN, Level
from server.dicomweb.query.matching import MOST_UIDS
from server.processes.programs import LONGEST_ADDRESS_BYTES

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text()
SECTION = PAGE.partition("## Searching\n")[2].partition("\n## ")[0]


def cells(first: str) -> list[str]:
    """The cells of the row that begins with `first`."""
    (row,) = (line for line in SECTION.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def keywords(tags: tuple[str, ...]) -> str:
    return ", ".join(keyword_for_tag(int(tag, 16)) for tag in tags)


def test_what_is_told_unasked_stands_on_the_page() -> None:
    for level in Level:
        expected = [level.name.lower(), keywords(REQUIRED[level]), keywords(WHERE_KNOWN[level])]
        assert cells(level.name.lower()) == expected


def test_every_parameter_stands_on_the_page() -> None:
    for option in query.OPTIONS:
        assert f"`{option}`" in SECTION


def test_limits_are_those_of_the_code() -> None:
    assert search.MOST_WHOLE_INSTANCES == search.MOST_OF_AN_ARCHIVE
    for said in (
        f"at most {query.MOST_RESULTS} results",
        f"at most {search.MOST_WHOLE_INSTANCES} |",
        f"at most {MOST_UIDS} |",
        f"more than {LONGEST_ADDRESS_BYTES} bytes",
        f"{candidates.MOST_EXAMINED} studies",
    ):
        assert said in SECTION
