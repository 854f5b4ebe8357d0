"""What becomes of each attribute under PS3.15's basic profile with this house's options. Pure.

Not a list of what is taken out but of what stays: an attribute leaves only when the dictionary knows
it, it has the value representation that the dictionary gives it, Table E.1-1 or an option lets it
stay, and its value is what it should be: numbers are numbers, dates dates, terms known terms. All
free text that is not cleaned word by word stays behind, private attributes always.

`decision` is the one table. Who walks a dataset, in the DICOM JSON Model (`server.dicom.shown_json`)
or in a file (`server.dicom.shown_file`), asks it about each attribute and does what it says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any, Final

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from server.dicom import confidentiality as table
from server.dicom.pseudonyms import Pseudonyms
from server.dicom.vocabulary import cleaned, is_term, stays_whole

# Raised whenever a rule changes, so that nothing made by an older rule is served.
RULES_VERSION: Final = 6

Values = list[Any]
Rule = Callable[[Sequence[Any], Pseudonyms], Values]


class Deed(Enum):
    """What is done with an attribute."""

    DROP = auto()
    EMPTY = auto()
    REPLACE = auto()  # by what its rule makes of its values
    DESCEND = auto()  # into the items of a sequence
    KEEP_BINARY = auto()
    KEEP_PIXELS = auto()  # at the top of a dataset only


@dataclass(frozen=True)
class Decision:
    """`rule` is there for REPLACE only. It takes values as text or numbers (None where a value is
    missing) and gives such values back, an empty list for none."""

    deed: Deed
    rule: Rule | None = None
    numeric: bool = False  # binary numbers in a file


DROP: Final = Decision(Deed.DROP)
EMPTY: Final = Decision(Deed.EMPTY)
DESCEND: Final = Decision(Deed.DESCEND)
_BINARY: Final = Decision(Deed.KEEP_BINARY)
_PIXELS: Final = Decision(Deed.KEEP_PIXELS)

NUMBERS_AS_TEXT: Final = frozenset({"DS", "IS"})
BINARY_NUMBERS: Final = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "SV", "UV", "AT"})
_DATES: Final = {
    "DA": re.compile(r"(?:1[89]|2[01])[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"),
    "TM": re.compile(r"[0-2][0-9](?:[0-5][0-9](?:[0-6][0-9](?:\.[0-9]{1,6})?)?)?"),
    "DT": re.compile(
        r"(?:1[89]|2[01])[0-9]{2}(?:[0-9]{2}){0,5}(?:\.[0-9]{1,6})?(?:[+-][01][0-9][0-5][0-9])?"
    ),
}
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,11}")
_AGE: Final = re.compile(r"([0-9]{3})([DWMY])")
_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_OFFSET: Final = re.compile(r"[+-][01][0-9][0-5][0-9]")
_LETTERS: Final = re.compile(r"[LRAPHF]{1,3}")  # directions, PS3.3 C.7.6.1.1.1
_NUMBER: Final = re.compile(r"[0-9]{1,5}")
_OLDEST_YEARS: Final = 90  # above 89 an age by itself can identify (PS3.15 E.3.7)
WITHHELD_TEXT: Final = "(withheld)"


@lru_cache(maxsize=16384)
def decision(tag: int, vr: str) -> Decision:
    """What is done with the attribute `tag` that claims the value representation `vr`."""
    if _is_beyond(tag) or not dictionary_has_tag(tag):
        return DROP
    expected = dictionary_VR(tag)
    if vr != expected and vr not in expected.split(" or "):
        return DROP
    special = _SPECIAL.get(tag)
    if special is not None:
        return special
    if tag in table.CLEANED_TEXT:
        return Decision(Deed.REPLACE, _of_terms(tag) if vr == "CS" else _of_text(tag))
    code = table.ACTION_CODES.get(tag)
    return _by_kind(tag, vr) if code is None else _by_code(tag, vr, code)


def _is_beyond(tag: int) -> bool:
    group = tag >> 16
    private_or_length = group % 2 == 1 or not tag & 0xFFFF
    curve_or_overlay = 0x5000 <= group <= 0x50FF or 0x6000 <= group <= 0x60FF
    return private_or_length or curve_or_overlay or group in table.REMOVED_GROUPS


def _by_code(tag: int, vr: str, code: str) -> Decision:
    """What Table E.1-1 says, as far as no option says otherwise."""
    stays = (
        vr == "UI"
        or (vr in _DATES and tag not in table.REMOVED_DATES)
        or tag in table.RETAINED_CHARACTERISTICS
        or tag in table.CLEANED_SEQUENCES
    )
    if stays:
        return _by_kind(tag, vr)
    return EMPTY if code.startswith("Z") else DROP


def _by_kind(tag: int, vr: str) -> Decision:
    if vr in BINARY_NUMBERS:
        return Decision(Deed.REPLACE, _tags if vr == "AT" else _numbers, numeric=True)
    if vr in _DATES:
        return DROP if tag in table.REMOVED_DATES else Decision(Deed.REPLACE, _dates(vr))
    if vr == "CS":
        return Decision(Deed.REPLACE, _of_terms(tag))
    if tag in table.PIXELS:
        return _PIXELS
    if tag in table.KEPT_BINARY:
        return _BINARY
    return _BY_VR.get(vr, DROP)


def _numbers(values: Sequence[Any], _: Pseudonyms) -> Values:
    found = [one if type(one) in (int, float) else None for one in values]
    return found if any(one is not None for one in found) else []


def _tags(values: Sequence[Any], _: Pseudonyms) -> Values:
    return [one for one in values if isinstance(one, str) and _TAG.fullmatch(one)]


def _matching(pattern: re.Pattern[str], longest: int) -> Rule:
    """Values of which each is a number (as the DICOM JSON Model has it) or matches; else none."""

    def fits(one: Any) -> bool:
        if type(one) in (int, float) or one is None or one == "":
            return True
        return isinstance(one, str) and len(one) <= longest and bool(pattern.fullmatch(one))

    def rule(values: Sequence[Any], _: Pseudonyms) -> Values:
        found = [one.strip() if isinstance(one, str) else one for one in values]
        if not all(map(fits, found)):
            return []
        return found

    return rule


def _dates(vr: str) -> Rule:
    pattern = _DATES[vr]

    def rule(values: Sequence[Any], _: Pseudonyms) -> Values:
        texts = [_text(one) for one in values]
        return texts if all(pattern.fullmatch(text) for text in texts) else []

    return rule


def _uids(values: Sequence[Any], pseudonyms: Pseudonyms) -> Values:
    return [pseudonyms.uid(_text(one)) for one in values if one]


def _of_terms(tag: int) -> Rule:
    """Terms keep their places (the second value of Image Type is not the first)."""
    fallback = table.FALLBACKS.get(tag)

    def rule(values: Sequence[Any], _: Pseudonyms) -> Values:
        found = [text if is_term(text := _text(one)) else "" for one in values]
        while found and not found[-1]:
            found.pop()
        return found or ([fallback] if fallback else [])

    return rule


def _of_text(tag: int) -> Rule:
    fallback = table.FALLBACKS.get(tag)

    def rule(values: Sequence[Any], _: Pseudonyms) -> Values:
        found = [text for one in values if (text := cleaned(_text(one)))]
        return found or ([fallback] if fallback else [])

    return rule


def _whole_text(values: Sequence[Any], _: Pseudonyms) -> Values:
    """A sentence of a report without some of its words may say the opposite: all of it or nothing."""
    texts = [_text(one) for one in values]
    return [text if text and stays_whole(text) else WITHHELD_TEXT for text in texts]


def _ages(values: Sequence[Any], _: Pseudonyms) -> Values:
    found = [_AGE.fullmatch(_text(one)) for one in values]
    return [
        f"{_OLDEST_YEARS:03d}Y" if age[2] == "Y" and int(age[1]) >= _OLDEST_YEARS else age[0]
        for age in found
        if age is not None
    ]


def _text(value: Any) -> str:
    return value.strip(" \0") if isinstance(value, str) else ""


def _sexes(values: Sequence[Any], _: Pseudonyms) -> Values:
    return [text for one in values if (text := _text(one)) in ("M", "F", "O")]


def _manufacturers(values: Sequence[Any], _: Pseudonyms) -> Values:
    text = " ".join(map(_text, values)).upper()
    return [next((name for name in _MANUFACTURERS if name in text), "")] if text else []


_MANUFACTURERS: Final = (
    "SIEMENS", "GE MEDICAL SYSTEMS", "PHILIPS", "TOSHIBA", "CANON", "HITACHI", "FUJIFILM",
    "UNITED IMAGING", "NEUSOFT", "MARGIN",
)  # fmt: skip


def _replaced(rule: Rule) -> Decision:
    return Decision(Deed.REPLACE, rule)


_PN_NAME: Final = "Alphabetic"


def _names(_: Sequence[Any], pseudonyms: Pseudonyms) -> Values:
    return [{_PN_NAME: pseudonyms.patient_name}]


def _identifiers(values: Sequence[Any], pseudonyms: Pseudonyms) -> Values:
    return [made for one in values if (made := pseudonyms.identifier(_text(one)))]


_SPECIAL: Final[dict[int, Decision]] = {
    0x00080005: _replaced(lambda _, __: ["ISO_IR 192"]),
    0x00080050: _replaced(_identifiers),  # Accession Number
    0x00080070: _replaced(_manufacturers),
    0x00080201: _replaced(_matching(_OFFSET, 5)),  # Timezone Offset From UTC
    0x00100010: _replaced(_names),
    0x00100020: _replaced(lambda _, pseudonyms: [pseudonyms.patient_id]),
    table.PATIENT_SEX: _replaced(_sexes),
    table.PATIENT_AGE: _replaced(_ages),
    0x00200020: _replaced(_matching(_LETTERS, 3)),  # Patient Orientation
    0x00400512: _replaced(_identifiers),  # Container Identifier
    0x00400551: _replaced(_identifiers),  # Specimen Identifier
    0x0040A160: _replaced(_whole_text),  # Text Value
    # Optical Path Identifier: frames of a slide name their path by it.
    0x00480106: _replaced(_identifiers),
    **{tag: _replaced(_matching(_NUMBER, 5)) for tag in table.STANDARD_NUMBERS},
    # Codes are looked at together with their schemes (server.dicom.shown_codes).
    **dict.fromkeys((0x00080100, 0x00080102, 0x00080103, 0x00080104, 0x00080119, 0x00080120), DROP),
    0x00080110: DROP,  # Coding Scheme Identification Sequence
    0x00120062: DROP,
    0x00282000: DROP,  # ICC Profile: its tags hold texts
    0x0040B020: DROP,
}

_BY_VR: Final[dict[str, Decision]] = {
    "DS": _replaced(_matching(_DECIMAL, 16)),
    "IS": _replaced(_matching(_INTEGER, 12)),
    "UI": _replaced(_uids),
    "AS": _replaced(_ages),
    "SQ": DESCEND,
}


def value_patterns() -> dict[str, str]:
    """What values of each kind look like, for a reader in another language."""
    return {
        **{vr: pattern.pattern for vr, pattern in _DATES.items()},
        "DS": _DECIMAL.pattern,
        "IS": _INTEGER.pattern,
        "AS": _AGE.pattern,
        "offset": _OFFSET.pattern,
        "letters": _LETTERS.pattern,
        "number": _NUMBER.pattern,
    }


def known_makers() -> tuple[str, ...]:
    """The names that stay of a Manufacturer (0008,0070)."""
    return _MANUFACTURERS
