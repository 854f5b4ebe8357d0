"""How alike two patients are, by what a study says of them. Pure.

Names are written differently by every hospital: order, case, accents, ae for ä. Birth dates are typed
wrong in a few ways again and again. These rules are ours, made for ranking guesses that a person
decides about; nothing is ever merged because of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from server.imaging.character_sets import guesses

NEARLY_THE_SAME = 0.75  # Dice coefficient of two names' pairs of letters
DIFFERENT = 0.45
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae"})
_SPELT_OUT = re.compile(r"(?<=[aou])e(?=[^aeiouy]|$)")


@dataclass(frozen=True)
class Identity:
    """A patient as one study names them, in the words of DICOM (PS3.3 C.7.1.1)."""

    PatientName: str = ""
    PatientBirthDate: str = ""
    PatientSex: str = ""
    PatientID: str = ""


@lru_cache(maxsize=4096)
def name_words(PatientName: str) -> frozenset[str]:
    """The words of a name (PS3.5 6.2.1, VR PN) without case, accents, order and titles of one letter.

    Of several representations (alphabetic, ideographic, phonetic) the first that is not empty counts.
    """
    written = next((group for group in PatientName.split("=") if group.strip(" ^")), "")
    family_and_given = " ".join(written.split("^")[:3]).casefold().translate(_UMLAUTS)
    decomposed = unicodedata.normalize("NFKD", family_and_given)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    words = re.findall(r"\w+", plain)
    return frozenset(
        _SPELT_OUT.sub("", word) for word in words if len(word) > 1 or not word[0].isascii()
    )


def name_key(PatientName: str) -> str:
    """The same name in one way of writing, for looking it up; empty when there is none."""
    return " ".join(sorted(name_words(PatientName)))[:120]


def name_likeness(one: str, other: str) -> float | None:
    """0 (nothing in common) to 1 (the same words); None when one of them has no name. A name that may have
    been written in letters nobody declared is compared in each of its readings: the most alike count.
    """
    found = [_likeness(first, second) for first in _readings(one) for second in _readings(other)]
    return max((one for one in found if one is not None), default=None)


@lru_cache(maxsize=4096)
def _readings(PatientName: str) -> tuple[str, ...]:
    """The name, and what its bytes may say as well where the archive read each as a Latin letter."""
    try:
        raw = PatientName.encode("latin-1")
    except UnicodeEncodeError:
        return (PatientName,)
    return tuple(dict.fromkeys((PatientName, *guesses(raw))))


def _likeness(one: str, other: str) -> float | None:
    first, second = name_words(one), name_words(other)
    if not first or not second:
        return None
    if first == second:
        return 1.0
    shorter, longer = sorted((first, second), key=len)
    if len(shorter) > 1 and shorter < longer:
        return 0.95  # a middle name more or less
    one_pairs, other_pairs = _pairs(first), _pairs(second)
    common = (one_pairs & other_pairs).total()
    return min(0.94, 2 * common / (one_pairs.total() + other_pairs.total()))


@lru_cache(maxsize=4096)
def _pairs(words: frozenset[str]) -> Counter[str]:
    """The pairs of neighbouring letters, each word with its beginning and its end."""
    return Counter(f" {word} "[i : i + 2] for word in words for i in range(len(word) + 1))


def swapped(day: str) -> str:
    """A DICOM date (YYYYMMDD) with day and month exchanged; empty when that is no date."""
    if len(day) != 8 or not day.isdigit() or not 1 <= int(day[6:]) <= 12:
        return ""
    other = f"{day[:4]}{day[6:]}{day[4:6]}"
    return other if other != day else ""


def digits_apart(one: str, other: str) -> int:
    """In how many places two dates of eight digits differ; 8 when either is none."""
    if len(one) != 8 or len(other) != 8:
        return 8
    return sum(a != b for a, b in zip(one, other, strict=True))


def differences(one: Identity, other: Identity) -> list[str]:
    """In what two identities differ clearly: name, birth date, sex. One slip of the hand is no
    difference, nor is a PatientID: a patient has one in every hospital."""
    against = []
    likeness = name_likeness(one.PatientName, other.PatientName)
    if likeness is not None and likeness < DIFFERENT:
        against.append("name")
    if one.PatientBirthDate and other.PatientBirthDate:
        same = {other.PatientBirthDate, swapped(other.PatientBirthDate)}
        near = digits_apart(one.PatientBirthDate, other.PatientBirthDate) <= 1
        if one.PatientBirthDate not in same and not near:
            against.append("birth date")
    if {one.PatientSex.upper(), other.PatientSex.upper()} == {"M", "F"}:
        against.append("sex")
    return against


def contradiction(one: Identity, other: Identity) -> str:
    """Why these cannot be the same patient, in words; empty when nothing speaks clearly against it.

    Two clear differences are asked for: a name changes with a marriage, a sex is typed wrong.
    """
    against = differences(one, other)
    return " and ".join(against) if len(against) > 1 else ""
