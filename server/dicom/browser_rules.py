"""What a browser takes out of an image before it leaves the sender's computer: the same table as the
server's, in a form that a script can follow. Pure.

There is one truth: `server.dicom.deidentification.decision` is asked about every attribute of the
dictionary, and what it says is written down as a letter. A script that meets an attribute without
a letter leaves it out. Two things differ from what the server does for reviewers, because here the
image itself is changed for good: the year of birth stays, and coded concepts stay where their
scheme is public.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any, Final

from pydicom.datadict import dictionary_description, dictionary_VR, keyword_dict

from server.dicom import burned_in, vocabulary
from server.dicom import confidentiality as table
from server.dicom.deidentification import Deed, decision, known_makers, value_patterns
from server.dicom.shown_codes import UNKNOWN, removed_items
from server.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

# Raised whenever the script has to do something else with the same letters.
BROWSER_RULES_VERSION: Final = 1


class Letter(StrEnum):
    """What the script does with an attribute. One that has no letter is left out."""

    KEEP = "K"  # numbers in binary, pixels, lookup tables
    EMPTY = "Z"
    SEQUENCE = "S"
    UID = "U"
    MATCH = "M"  # stays where it is what its value representation says
    TERMS = "C"
    WORDS = "W"
    WHOLE = "T"  # all of its words are known, or none of it stays
    NAME = "N"
    PATIENT_ID = "P"
    IDENTIFIER = "I"
    BIRTH_YEAR = "Y"
    MAKER = "F"
    CODE = "Q"  # part of a coded concept of a public scheme


# PS3.3 8.8: the attributes of a coded concept, judged together.
_CODED: Final = frozenset({0x00080100, 0x00080102, 0x00080103, 0x00080104})
_SPECIAL: Final[dict[int, Letter]] = {
    0x00080005: Letter.MATCH,  # Specific Character Set: what stays is read by it
    0x00080050: Letter.IDENTIFIER,
    0x00080070: Letter.MAKER,
    0x00100010: Letter.NAME,
    0x00100020: Letter.PATIENT_ID,
    0x00100030: Letter.BIRTH_YEAR,
    0x00400512: Letter.IDENTIFIER,
    0x00400551: Letter.IDENTIFIER,
    0x00480106: Letter.IDENTIFIER,
    0x0040A160: Letter.WHOLE,
    **dict.fromkeys(_CODED, Letter.CODE),
}
_MATCHED: Final = frozenset({"DS", "IS", "DA", "TM", "DT", "AS"})
# PS3.16 Table 8-1.
PUBLIC_SCHEMES: Final = ("DCM", "SCT", "SRT", "SNM3", "LN", "UCUM", "RADLEX", "FMA", "NCIt", "UMLS")


@cache
def letters() -> dict[str, str]:
    """Every attribute that stays in some form: its tag in eight hexadecimal digits; a letter, and
    behind it the value representations that it may have."""
    found = {}
    for tag in keyword_dict.values():
        vrs = dictionary_VR(tag).split(" or ")
        letter = _letter(tag, vrs[0])
        if letter is not None:
            found[f"{tag:08X}"] = letter.value + " ".join(vrs)
    return found


def _letter(tag: int, vr: str) -> Letter | None:
    if tag in _SPECIAL:
        return _SPECIAL[tag]
    said = decision(tag, vr)
    if said.deed is Deed.DROP:
        return None
    if said.deed is not Deed.REPLACE:
        return _OF_DEED[said.deed]
    if said.numeric:
        return Letter.KEEP
    if vr == "UI":
        return Letter.UID
    if vr == "CS":
        return Letter.TERMS if tag != 0x00200020 else Letter.MATCH
    if vr in _MATCHED or tag in table.STANDARD_NUMBERS or tag == 0x00080201:
        return Letter.MATCH
    return Letter.WORDS if tag in table.CLEANED_TEXT else None


_OF_DEED: Final = {
    Deed.EMPTY: Letter.EMPTY,
    Deed.DESCEND: Letter.SEQUENCE,
    Deed.KEEP_BINARY: Letter.KEEP,
    Deed.KEEP_PIXELS: Letter.KEEP,
}


@cache
def identifying() -> dict[str, str]:
    """What attributes of Table E.1-1 are called, for telling a person what was taken out."""
    return {
        f"{tag:08X}": dictionary_description(tag)
        for tag in sorted(set(table.ACTION_CODES) & set(keyword_dict.values()))
    }


@cache
def browser_rules() -> dict[str, Any]:
    """Everything that the script follows, as plain values."""
    return {
        "version": BROWSER_RULES_VERSION,
        "letters": letters(),
        "identifying": identifying(),
        "fallbacks": {f"{tag:08X}": text for tag, text in table.FALLBACKS.items()},
        "words": sorted(vocabulary.WORDS),
        "terms": sorted(vocabulary.TERMS),
        "patterns": vocabulary.PATTERNS,
        "values": value_patterns(),
        "makers": list(known_makers()),
        "removed_items": sorted(removed_items()),
        "unknown_code": list(UNKNOWN),
        "writer": [IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME],
        "most_bare_numbers": vocabulary.MOST_BARE_NUMBERS,
        "schemes": list(PUBLIC_SCHEMES),
        "methods": [list(one) for one in table.METHOD_CODES],
        "burned_in": burned_in.why_table(),
    }
