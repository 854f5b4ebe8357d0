"""Countries by their names. Kept are two letters (ISO 3166-1 alpha-2); people read a name. Pure."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import normalize

from holidays.registry import COUNTRIES

# What the names of the `holidays` package's classes cannot hold: hyphens, accents, abbreviations.
_WRITTEN: Final = {
    "AX": "Åland Islands",
    "BL": "Saint Barthélemy",
    "BQ": "Bonaire, Sint Eustatius and Saba",
    "CD": "Democratic Republic of the Congo",
    "CI": "Côte d’Ivoire",
    "CW": "Curaçao",
    "GW": "Guinea-Bissau",
    "HM": "Heard Island and McDonald Islands",
    "RE": "Réunion",
    "SH": "Saint Helena, Ascension and Tristan da Cunha",
    "ST": "São Tomé and Príncipe",
    "SY": "Syria",
    "TL": "Timor-Leste",
    "TR": "Türkiye",
}
_SMALL_WORDS: Final = re.compile(r"\b(And|Of|The)\b")
_WITH_ARTICLE: Final = re.compile(
    r"(United|Democratic|Central African|Dominican|Northern|Isle of|British) .*|.* (Islands|Territories)|"
    r"Bahamas|Comoros|Gambia|Maldives|Netherlands|Philippines|Seychelles|Vatican City"
)


def _spaced(class_name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", class_name)
    return _SMALL_WORDS.sub(lambda found: found[0].lower(), words)


_NAMES: Final = {two: _spaced(name) for name, two, *_ in COUNTRIES.values()} | _WRITTEN


def country_name(code: str | None) -> str:
    """The English name of a country: `GB` is `United Kingdom`. What is no known code stays as it is."""
    return _NAMES.get((code or "").upper(), code or "")


def countries_by_name() -> list[tuple[str, str]]:
    """Every country's code and English name, in the order of the names: what a form offers."""
    # Decomposed, so that Åland stands among the names with A.
    return sorted(_NAMES.items(), key=lambda one: normalize("NFD", one[1]))


def country_in_sentence(code: str) -> str:
    """A country, or a part of one, where a sentence goes on: `GB` is `the United Kingdom`, `DE-BY` is
    `Germany (BY)`."""
    two, _, part = code.partition("-")
    name = country_name(two)
    said = f"the {name}" if _WITH_ARTICLE.fullmatch(name) else name
    return f"{said} ({part})" if part else said
