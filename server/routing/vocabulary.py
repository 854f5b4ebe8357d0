"""The words for what surgeons and centres do, read from vocabulary.toml and capabilities.toml. Pure."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

_FOLDER: Final = Path(__file__).parent
# The organs of `server.annotations.organs`, in the words of the pages; a test compares the two.
ORGAN_TITLES: Final[dict[str, str]] = {
    "liver": "Liver",
    "pancreas": "Pancreas",
    "perihilar": "Perihilar bile duct",
    "rectum": "Rectum",
    "lung": "Lung",
    "gastric": "Stomach",
    "sarcoma": "Retroperitoneal sarcoma",
    "generic": "Other tumours",
}


@dataclass(frozen=True)
class Capability:
    """Something that can be done at a centre. `includes` are others that come with it."""

    id: str
    title: str
    group: str
    source: str
    includes: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrganWord:
    """An operation or a subspecialty, with the organs it is about."""

    id: str
    title: str
    organs: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class CentreKind:
    """A kind of centre that some cancers are best judged at (requirement 22)."""

    id: str
    title: str
    source: str


@dataclass(frozen=True)
class Cancer:
    """A kind of cancer: the kinds of centre that suit it and what often decides there (claims)."""

    id: str
    title: str
    kinds: tuple[str, ...]
    welcome: tuple[str, ...]
    source: str


@cache
def capabilities() -> dict[str, Capability]:
    """Every capability by its id, in the order of the file."""
    return {one["id"]: Capability(**_tuples(one)) for one in _file("capabilities")["capability"]}


@cache
def capability_groups() -> dict[str, str]:
    """The headings under which capabilities are offered."""
    return dict(_file("capabilities")["groups"])


@cache
def operations() -> dict[str, OrganWord]:
    """Every operation that is counted in a year, by its id."""
    return {one["id"]: OrganWord(**_tuples(one)) for one in _file("vocabulary")["operation"]}


@cache
def subspecialties() -> dict[str, OrganWord]:
    """Every subspecialty by its id."""
    return {one["id"]: OrganWord(**_tuples(one)) for one in _file("vocabulary")["subspecialty"]}


@cache
def centre_kinds() -> dict[str, CentreKind]:
    """Every kind of centre by its id."""
    return {one["id"]: CentreKind(**one) for one in _file("vocabulary")["kind"]}


@cache
def cancers() -> dict[str, Cancer]:
    """Every cancer by its id."""
    return {one["id"]: Cancer(**_tuples(one)) for one in _file("vocabulary")["cancer"]}


@cache
def languages() -> dict[str, str]:
    """Languages by their ISO 639-1 code."""
    return dict(_file("vocabulary")["languages"])


def cancer_of(organ: str, cancer: str) -> Cancer:
    """The cancer of a case: the one its records name, or its organ's, or the one for anything else."""
    known = cancers()
    return known.get(cancer) or known.get(organ) or known["generic"]


@cache
def providers(code: str) -> frozenset[str]:
    """The capabilities that offer this one: itself, and those that include it."""
    return frozenset({code, *(one.id for one in capabilities().values() if code in one.includes)})


def operations_of(organ: str, named: Iterable[str] = ()) -> frozenset[str]:
    """The operations in question: those that somebody named, else every one of the organ."""
    return frozenset(named) or frozenset(
        one.id for one in operations().values() if organ in one.organs
    )


def capability_words(code: str) -> str:
    """A capability as it stands inside a sentence."""
    known = capabilities().get(code)
    return in_sentence(known.title) if known else code.replace("_", " ")


def titles_of(kind: str) -> Mapping[str, str]:
    """Code -> title of one list: `organ`, `capability`, `operation`, `subspecialty`, `kind`, `language`."""
    lists: dict[str, Mapping[str, Any]] = {
        "capability": capabilities(),
        "operation": operations(),
        "subspecialty": subspecialties(),
        "kind": centre_kinds(),
    }
    if kind in lists:
        return {code: one.title for code, one in lists[kind].items()}
    return {"organ": ORGAN_TITLES, "language": languages()}[kind]


def in_sentence(title: str) -> str:
    """A title as it goes on inside a sentence: "portal vein", but "ALPPS"."""
    return title[0].lower() + title[1:] if title[1:2].islower() else title


@lru_cache(maxsize=8192)
def name_words(name: str) -> frozenset[str]:
    """The words of a name without case, accents and what every institution is called."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return frozenset(re.findall(r"\w+", plain)) - _EMPTY_WORDS


_EMPTY_WORDS: Final = frozenset({"the", "of", "and", "for", "at", "de", "der", "des", "di", "la"})


def same_name(one: str, other: str) -> bool:
    """Whether two names are the same but for case, accents, punctuation and order."""
    words = name_words(one)
    return bool(words) and words == name_words(other)


def similar_name(one: str, other: str) -> bool:
    """Whether two names may mean the same institution: all words of one stand in the other."""
    words, others = name_words(one), name_words(other)
    shorter = min(len(words), len(others))
    # One shared word ("hospital") says nothing.
    return shorter >= 2 and len(words & others) == shorter


@cache
def _file(name: str) -> dict[str, Any]:
    with (_FOLDER / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def _tuples(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in one.items()}
