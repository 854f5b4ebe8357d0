"""Coded concepts under pseudonyms, content items of reports, the age, and what says that all this was
done. Pure: both walkers of a dataset ask here.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache, lru_cache
from typing import Final

from pydicom.sr.codedict import codes

from server.dicom.codes import known_codes
from server.dicom.vocabulary import stays_whole

# Said instead of a code that cannot be told from a local one: SNOMED CT "Unknown" (PS3.16 CID 242).
UNKNOWN: Final = ("261665006", "SCT", "Unknown")

# PS3.16 Table 8-1. Codes of these schemes that our dictionaries do not know stay as well, if they are
# formed as the scheme forms them and their meaning is made of known words.
_FORMS: Final = {
    "SCT": re.compile(r"[1-9][0-9]{5,17}"),
    "SRT": re.compile(r"[A-Z][0-9A-F]?-[0-9A-F]{4,6}"),
    "SNM3": re.compile(r"[A-Z][0-9A-F]?-[0-9A-F]{4,6}"),
    "DCM": re.compile(r"[0-9]{6}|[A-Z]{2,8}"),
    "LN": re.compile(r"[1-9][0-9]{1,5}-[0-9]"),
    "RADLEX": re.compile(r"RID[0-9]{1,6}"),
    "FMA": re.compile(r"[0-9]{2,6}"),
    "NCIt": re.compile(r"C[0-9]{3,6}"),
    "UMLS": re.compile(r"C[0-9]{7}"),
}

# Value types of content items (PS3.3 C.17.3.2.1) that are left out: names, and dates that may be of birth.
_REMOVED_ITEMS: Final = frozenset({"PNAME", "DATE", "TIME", "DATETIME"})


@cache
def _dictionary() -> dict[tuple[str, str], str]:
    """Every code of PS3.16 that pydicom knows, and ours: (scheme, value) -> meaning."""
    found = {(ours.scheme, ours.value): ours.meaning for ours in known_codes().values()}
    for scheme in codes.schemes():
        for code in getattr(codes, scheme).concepts.values():
            found.setdefault((scheme, code.value), code.meaning)
    return found


@lru_cache(maxsize=8192)
def shown_code(value: str, scheme: str, meaning: str) -> tuple[str, str, str]:
    """Value, scheme and meaning of a code as they may be seen; UNKNOWN for one of a scheme that is
    not public, or that somebody could have made up."""
    value, scheme, meaning = value.strip(), scheme.strip(), meaning.strip()
    listed = _dictionary().get((scheme, value))
    clean = meaning if meaning and len(meaning) <= 64 and stays_whole(meaning) else ""
    if listed is not None:
        return value, scheme, clean or listed[:64] or value
    form = _FORMS.get(scheme)
    if form is not None and clean and form.fullmatch(value):
        return value, scheme, clean
    return UNKNOWN


def is_removed_item(value_type: str) -> bool:
    """Whether a content item of this Value Type (0040,A040) is left out."""
    return value_type.strip() in _REMOVED_ITEMS


def removed_items() -> frozenset[str]:
    """The Value Types of content items that are left out."""
    return _REMOVED_ITEMS


def age_at(birth_date: str, study_date: str) -> str:
    """The age for PatientAge (0010,1010) from two DA values: years, or months below two years; ""
    when a date is none or the order is wrong."""
    try:
        born, seen = (
            date(int(text[:4]), int(text[4:6]), int(text[6:8])) for text in (birth_date, study_date)
        )
    except ValueError:
        return ""
    months = (seen.year - born.year) * 12 + seen.month - born.month - (seen.day < born.day)
    if not 0 <= months < 12 * 130:
        return ""
    return f"{months:03d}M" if months < 24 else f"{min(months // 12, 90):03d}Y"
