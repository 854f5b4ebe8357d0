"""Sentences about imaging in the language of whoever reads them: data in one file for each language.

Numbers and dates are written as the language writes them. A sentence that a language lacks is an
error found by a test, never English in the middle of a Chinese letter.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cache
from pathlib import Path
from typing import Any, Final

from server.foundation.errors import NotFound
from server.imaging.findings import DAY, TERM, Finding

_FOLDER: Final = Path(__file__).parent
LANGUAGES: Final = ("en", "zh", "hi", "es", "de")
DEFAULT: Final = "en"
_SHOWN: Final = 12  # of a long list


class LanguageNotKnown(NotFound):
    """There are no sentences in this language."""


@cache
def words_of(language: str) -> Mapping[str, Any]:
    """Everything said in a language. Raises LanguageNotKnown."""
    if language not in LANGUAGES:
        raise LanguageNotKnown(
            f'There are no sentences in the language "{language[:20]}".',
            remedy=f"Languages are: {', '.join(LANGUAGES)}.",
        )
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def language_names() -> dict[str, str]:
    """Code and own name of every language, to choose from."""
    return {code: str(words_of(code)["name"]) for code in LANGUAGES}


def said(finding: Finding, language: str = DEFAULT) -> tuple[str, str]:
    """What was found and what to do about it, in a language."""
    words = words_of(language)
    sentences = words["findings"].get(_sentence_of(finding))
    values = {name: written(value, language) for name, value in finding.params.items()}
    return _filled(sentences["text"], values), _filled(sentences["fix"], values)


def _sentence_of(finding: Finding) -> str:
    """Everything that is missing shares two sentences: a series of the study, or another study."""
    if not finding.id.startswith("missing_"):
        return finding.id
    wanted = str(finding.params.get("wanted", ""))
    return "missing_exam" if wanted.startswith(f"{TERM}protocol.") else "missing"


def _filled(sentence: str, values: Mapping[str, str]) -> str:
    """Values are put in by name; what stands in braces inside a value stays text."""
    return str(sentence).format_map(values)


def written(value: Any, language: str = DEFAULT) -> str:
    """One value as the language writes it: a number, a date, a term, a list of them, or text."""
    if isinstance(value, list | tuple):
        shown = [written(one, language) for one in value[:_SHOWN]]
        more = [f"+{len(value) - _SHOWN}"] if len(value) > _SHOWN else []
        return str(words_of(language)["between"]).join([*shown, *more])
    if isinstance(value, date):
        return written_day(value, language)
    if isinstance(value, float | int) and not isinstance(value, bool):
        return number(value, language)
    text = str(value)
    if text.startswith(DAY):
        return written_day(date.fromisoformat(text.removeprefix(DAY)), language)
    return term_in(text.removeprefix(TERM), language) if text.startswith(TERM) else text


def number(value: float, language: str = DEFAULT) -> str:
    """A number with at most two decimals and the language's decimal sign.

    Rounded half up by its decimal digits, as in a table made by hand: a slice of 0.625 mm has 0.63 mm.
    """
    text = str(value)
    if isinstance(value, float):
        with localcontext(rounding=ROUND_HALF_UP):
            text = f"{Decimal(text):.2f}".rstrip("0").rstrip(".")
    text = "0" if text == "-0" else text
    return text.replace(".", str(words_of(language)["decimal"]))


def written_day(value: date, language: str = DEFAULT) -> str:
    """A date that cannot be misread in the language."""
    words = words_of(language)
    months = words["months"]
    name = months[value.month - 1] if months else ""
    return str(words["date"]).format(year=value.year, month=value.month, day=value.day, name=name)


def term_in(key: str, language: str = DEFAULT) -> str:
    """A word by its place in the file, such as `phase.arterial_late`."""
    section, _, name = key.partition(".")
    found = words_of(language).get(section, {}).get(name)
    return str(found) if found is not None else name.replace("_", " ")
