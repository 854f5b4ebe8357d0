"""Taking what is known of somebody's identity out of a text that somebody wrote. Pure.

A text is not cleaned to known words here, as descriptions are (`server/dicom/vocabulary.py`): a question
without half of its words is no question. What is known of the case's patient and hospital goes, and
the rest stands as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from server.dicom.vocabulary import is_known_word

GONE: Final = "…"
SHORTEST_WORD: Final = 3
SHORTEST_IDENTIFIER: Final = 4  # "12" is also a length in mm

# Letters that no decomposition takes apart, as the keyboard of another country writes them.
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_PARTICLES: Final = frozenset(
    {"van", "von", "der", "den", "des", "del", "dos", "das", "los", "las", "the", "and"}
    | {"bin", "ben", "ibn", "abd", "abu"}
)
_TITLES: Final = (
    "mr|mrs|ms|miss|mx|patient|patientin|herr|herrn|frau|monsieur|madame|mme|senor|senora|sr|sra"
    "|signor|signora|sig|pan|pani|bay|bayan"
)
_OF_MANY_HOSPITALS = """
hospital hospitals clinic clinics clinical centre center medical university institute cancer general
regional national city county state saint department surgery surgical oncology health healthcare care
trust foundation group north south east west klinik klinikum krankenhaus universitatsklinikum
universitats universitat universidad universite universita centro clinico clinica ospedale ziekenhuis
medisch szpital sairaala hopital hospitalier chirurgie international private public teaching memorial
royal
"""
_BEGIN: Final = r"(?<![^\W_])"  # no letter and no digit before
_END: Final = r"(?![^\W_])"
_BETWEEN: Final = r"[\W_]{0,3}"
_UNTELLING: Final = frozenset(_OF_MANY_HOSPITALS.split())


@dataclass(frozen=True)
class Identity:
    """What is known of whose case it is, each as DICOM or a form has it; empty texts count nothing.

    `names` are PatientName (PS3.5 6.2, PN), `birth_dates` PatientBirthDate (DA); `identifiers` are
    PatientID, AccessionNumber and the like; `institutions` are hospitals by name.
    """

    names: frozenset[str] = frozenset()
    identifiers: frozenset[str] = frozenset()
    birth_dates: frozenset[str] = frozenset()
    institutions: frozenset[str] = frozenset()


def without_identity(text: str, identity: Identity) -> str:
    """The text with “…” in every place that names the patient, an identifier, the date of birth or
    the hospital.

    Upper and lower case, accents, umlauts written in two letters and separators make no difference.
    What stays: words of fewer than three letters and identifiers of fewer than four characters
    standing alone; names that are also words of imaging (`vocabulary.is_known_word`), unless a
    title or another part of the name stands beside them; a year of birth alone.
    """
    pattern = _pattern(identity)
    if pattern is None or not text:
        return text
    written = unicodedata.normalize("NFC", text)
    folded, origin = _folded_with_origin(written)
    kept: list[str] = []
    done = 0
    for found in pattern.finditer(folded):
        first, last = origin[found.start()], origin[found.end() - 1] + 1
        kept += [written[done:first], GONE]
        done = last
    return "".join([*kept, written[done:]]) if kept else text


def _folded(text: str) -> str:
    return _folded_with_origin(unicodedata.normalize("NFC", text))[0]


def _folded_with_origin(text: str) -> tuple[str, list[int]]:
    """The text without case and accents, and for each of its characters where it comes from."""
    letters: list[str] = []
    origin: list[int] = []
    for position, letter in enumerate(text):
        plain = unicodedata.normalize("NFKD", letter.casefold()).translate(_LETTERS)
        for one in plain:
            if not unicodedata.combining(one):
                letters.append(one)
                origin.append(position)
    return "".join(letters), origin


@lru_cache(maxsize=256)
def _pattern(identity: Identity) -> re.Pattern[str] | None:
    found = {
        *(one for name in identity.names for one in _of_name(name)),
        *(one for text in identity.identifiers for one in _of_identifier(text)),
        *(one for date in identity.birth_dates for one in _of_birth_date(date)),
        *(one for name in identity.institutions for one in _of_institution(name)),
    }
    # The longest first, so that a whole name leaves one gap.
    every = "|".join(sorted(found, key=lambda one: (-len(one), one)))
    return re.compile(every) if every else None


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", text) if word]


def _spellings(text: str) -> set[str]:
    """A word as it may stand in a folded text: ü is written u and ue, in the name and in the text."""
    both = {_folded(text), _folded(text.casefold().translate(_UMLAUTS))}
    shortened = {re.sub("([aou])e", r"\1", one) for one in both}
    return both | shortened


def _together(words: list[str]) -> str:
    joined = _BETWEEN.join(_any_of(word) for word in words)
    if any(_is_written_without_spaces(word) for word in words):
        return joined
    return f"{_BEGIN}{joined}{_END}"


def _any_of(word: str) -> str:
    return f"(?:{'|'.join(re.escape(one) for one in sorted(_spellings(word)))})"


def _of_name(name: str) -> Iterator[str]:
    """Patterns of a PN value: its parts, and its parts beside each other in either order."""
    for group in unicodedata.normalize("NFC", name).split("="):
        parts = [_words(part) for part in group.split("^")[:3]]  # then prefix and suffix
        for part in parts:
            yield from _of_words(part)
        if len(parts) > 1 and _length(parts[0]) and _length(parts[1]):
            yield _together([*parts[0], *parts[1]])
            yield _together([*parts[1], *parts[0]])
            yield _together([parts[1][0], *parts[0]])
            yield _together([*parts[0], parts[1][0]])


def _of_words(words: list[str]) -> Iterator[str]:
    for word in words:
        titled = rf"{_BEGIN}(?:{_TITLES})[\W_]{{1,3}}{_any_of(word)}{_END}"
        if _is_written_without_spaces(word):
            if len(word) > 1:
                yield re.escape(_folded(word))
        elif len(word) >= SHORTEST_WORD and not _says_nothing(word):
            genitive = "s?" if len(word) > 4 else ""
            yield f"{_BEGIN}{_any_of(word)}{genitive}{_END}"
        elif len(word) > 1:
            yield titled
    if len(words) > 1 and _length(words) > SHORTEST_WORD:
        yield _together(words)


def _says_nothing(word: str) -> bool:
    return _folded(word) in _PARTICLES or is_known_word(word)


def _length(words: list[str]) -> int:
    return sum(len(word) for word in words)


def _is_written_without_spaces(word: str) -> bool:
    return any("\u2e80" <= letter <= "\uffdc" for letter in word)  # CJK, kana, Hangul


def _of_identifier(text: str) -> Iterator[str]:
    """An identifier with and without its separators and leading zeros."""
    characters = "".join(_words(_folded(text)))
    if len(characters) < SHORTEST_IDENTIFIER or (
        characters.isalpha() and is_known_word(characters)
    ):
        return
    bare = characters.lstrip("0")
    zeros, wanted = ("0*", bare) if len(bare) >= SHORTEST_IDENTIFIER else ("", characters)
    spaced = r"[\W_]{0,2}".join(re.escape(one) for one in wanted)
    yield f"{_BEGIN}{zeros}{spaced}{_END}"


def _of_birth_date(date: str) -> Iterator[str]:
    """A date in figures in any order, and with its month in words of any language."""
    digits = "".join(_words(date))
    if not re.fullmatch(r"[0-9]{8}", digits, re.ASCII):
        return
    year, month, day = digits[:4], digits[4:6], digits[6:]
    short = rf"['’]?{year[2:]}"
    any_year = f"(?:{year}|{short})"
    d, m = (f"0?{int(one)}" if int(one) < 10 else one for one in (day, month))
    apart = r"[\s./,_-]{1,3}"
    yield f"{_BEGIN}{year}{apart}{m}{apart}{d}{_END}"
    for first, second in ((d, m), (m, d)):
        yield f"{_BEGIN}{first}{apart}{second}{apart}{any_year}{_END}"
    for run in (
        *(year + month + day, day + month + year, month + day + year),
        *(year[2:] + month + day, day + month + year[2:], month + day + year[2:]),
    ):
        yield f"{_BEGIN}{run}{_END}"
    word = r"(?:de\s+|of\s+)?[^\W\d_]{3,12}"
    yield f"{_BEGIN}{d}(?:st|nd|rd|th)?[\\s.-]{{0,3}}{word}[\\s.,-]{{0,3}}(?:de[l]?\\s+)?{any_year}{_END}"
    yield f"{_BEGIN}[^\\W\\d_]{{3,12}}[\\s.]{{1,3}}{d}(?:st|nd|rd|th)?[\\s,]{{1,3}}{any_year}{_END}"
    yield f"{_BEGIN}{year}[\\s,]{{1,3}}{word}[\\s.]{{1,3}}{d}{_END}"


def _of_institution(name: str) -> Iterator[str]:
    """A hospital's whole name, and those of its words that not every hospital has."""
    words = _words(unicodedata.normalize("NFC", name))
    if _length(words) >= SHORTEST_WORD:
        yield _together(words)
    for word in words:
        telling = not (is_known_word(word) or word.isdigit() or _folded(word) in _UNTELLING)
        if len(word) > SHORTEST_WORD and telling:
            yield f"{_BEGIN}{_any_of(word)}s?{_END}"
