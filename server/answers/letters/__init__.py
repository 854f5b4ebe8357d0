"""Letters about two opinions: to the local team, and from the patient to it. Pure but for its files.

They are beginnings, to be edited by whoever sends them. Each says in its language that the decision stays
with the patient, that a qualified surgeon must judge by current images, and that nothing is guaranteed
(requirements 40, 41, 61), and none says that anybody was wrong (37, 63).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

LANGUAGES: Final = ("en", "zh", "hi", "es", "de")
KINDS: Final[dict[str, str]] = {
    "local_team": "From us to the treating team",
    "patient": "From the patient to the treating team",
}


@dataclass(frozen=True)
class Difference:
    """A point at which the two differ: what the local team said, what the second opinion says."""

    local: str
    second: str


@dataclass(frozen=True)
class About:
    """What a letter is about. `opinion_date` is a day in ISO form; `centre` may be empty."""

    case_number: str
    opinion_number: str
    opinion_date: str
    surgeon: str
    centre: str
    writer: str
    differences: Sequence[Difference] = ()


@dataclass(frozen=True)
class Letter:
    """A letter before anybody edited it."""

    title: str
    text: str


def begun(kind: str, language: str, about: About) -> Letter:
    """A letter of one of KINDS in one of LANGUAGES, with the names filled in."""
    template = _templates(language)[kind]
    values = {
        "case_number": about.case_number,
        "opinion_number": about.opinion_number,
        "opinion_date": about.opinion_date,
        "surgeon": about.surgeon,
        "surgeon_at": _at(about.surgeon, about.centre, language),
        "writer": about.writer,
        "points": _points(template["differ"], about.differences),
    }
    text = template["text"].strip().format_map(values)
    return Letter(template["title"].format_map(values), text.replace("\n\n\n\n", "\n\n"))


def language_names() -> dict[str, str]:
    """The languages of the letters, each by its own name."""
    return {language: str(_templates(language)["language"]) for language in LANGUAGES}


def _at(surgeon: str, centre: str, language: str) -> str:
    if not centre:
        return surgeon
    return f"{surgeon}（{centre}）" if language == "zh" else f"{surgeon} ({centre})"


def _points(introduction: str, differences: Sequence[Difference]) -> str:
    if not differences:
        return ""
    lines = [f"{place}. {one.local}\n    {one.second}" for place, one in enumerate(differences, 1)]
    return "\n".join((introduction, *lines))


@cache
def _templates(language: str) -> Mapping[str, Any]:
    path = Path(__file__).parent / f"{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))
