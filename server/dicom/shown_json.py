"""A dataset in the DICOM JSON Model (PS3.18 Annex F) under pseudonyms. Pure."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from server.dicom.deidentification import DROP, NUMBERS_AS_TEXT, Decision, Deed, decision
from server.dicom.pseudonyms import Pseudonyms
from server.dicom.removed_words import LEAST_BYTES, RemovedWords, removed_from_json
from server.dicom.shown_codes import age_at, is_removed_item, shown_code

Json = dict[str, Any]

_CODE_VALUE, _SCHEME, _MEANING = "00080100", "00080102", "00080104"
_CODE_VALUES: Final = (_CODE_VALUE, "00080119", "00080120")  # also Long Code Value, URN Code Value
_VALUE_TYPE = "0040A040"
_AGE, _BIRTH_DATE, _STUDY_DATE = "00101010", "00100030", "00080020"
_DEEPEST: Final = 32  # sequences within sequences; the deepest that is made is about 12
_KEY: Final = re.compile(r"[0-9A-Fa-f]{8}")
_BULK_ADDRESS: Final = re.compile(
    r"(.*?)studies/([0-9.]+)/series/([0-9.]+)/instances/([0-9.]+)((?:/[A-Za-z]+)?(?:/[0-9A-Fa-f]+)*)"
)
# How numbers are written in a file (PS3.5 6.2): there they may be letters.
_WRITTEN_AS: Final = {
    "US": "H", "SS": "h", "OW": "H", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q",
}  # fmt: skip
_RELATIVE_ADDRESS: Final = re.compile(r"instances/([0-9.]+)((?:/[A-Za-z]+)?(?:/[0-9A-Fa-f]+)*)")


@dataclass(frozen=True)
class _Walk:
    """What is known of the whole dataset wherever in it one is."""

    pseudonyms: Pseudonyms
    removed: RemovedWords


def shown_json(dataset: Json, pseudonyms: Pseudonyms) -> Json:
    """The dataset as the holder of a pseudonymised grant sees it, tags ascending.

    What is given is not changed. Nothing is added but PatientAge where the date of birth, which is
    not shown, is there and the age is not.
    """
    shown = _shown(dataset, _Walk(pseudonyms, removed_from_json(dataset)), 0)
    if not shown.get(_AGE, {}).get("Value") and _BIRTH_DATE in dataset:
        age = age_at(_first(dataset, _BIRTH_DATE), _first(dataset, _STUDY_DATE))
        if age:
            shown[_AGE] = {"vr": "AS", "Value": [age]}
    return dict(sorted(shown.items()))


def _shown(dataset: Json, walk: _Walk, depth: int) -> Json:
    shown: Json = {}
    for key, element in dataset.items():
        vr = element.get("vr") if isinstance(element, dict) else None
        if not isinstance(vr, str):
            continue
        decided = _decided(key, vr)
        if decided.deed is Deed.DROP:
            continue
        made = _element(decided, vr, element, walk, depth)
        if made is not None:
            shown[key] = made
    if depth and any(key in dataset for key in _CODE_VALUES):
        _put_code(dataset, shown)
    return shown


@lru_cache(maxsize=16384)
def _decided(key: str, vr: str) -> Decision:
    return decision(int(key, 16), vr) if _KEY.fullmatch(key) else DROP


def _element(decided: Decision, vr: str, element: Json, walk: _Walk, depth: int) -> Json | None:
    deed = decided.deed
    if deed is Deed.REPLACE:
        assert decided.rule is not None
        values = element.get("Value")
        made = decided.rule(values, walk.pseudonyms) if isinstance(values, list) and values else ()
        if not made or (decided.numeric and walk.removed.stand_in(_as_bytes(vr, made))):
            return {"vr": vr}
        if vr in NUMBERS_AS_TEXT and walk.removed.are_among(made):
            return {"vr": vr}
        # PS3.18 F.2.5: empty is no value; only among others is it a null.
        if list(made) == [""]:
            return {"vr": vr}
        return {"vr": vr, "Value": [None if one == "" else one for one in made]}
    if deed is Deed.EMPTY:
        return {"vr": vr}
    if deed is Deed.DESCEND:
        items = list(_items(element.get("Value"), walk, depth + 1))
        return {"vr": vr, "Value": items} if items else {"vr": vr}
    return None if deed is Deed.KEEP_PIXELS and depth else _binary(vr, element, walk)


def _items(values: Any, walk: _Walk, depth: int) -> Iterator[Json]:
    if not isinstance(values, list) or depth > _DEEPEST:
        return
    for item in values:
        if isinstance(item, dict) and not is_removed_item(_first(item, _VALUE_TYPE)):
            yield _shown(item, walk, depth)


def _put_code(dataset: Json, shown: Json) -> None:
    code = shown_code(*(_first(dataset, key) for key in (_CODE_VALUE, _SCHEME, _MEANING)))
    for key, vr, value in zip(
        (_CODE_VALUE, _SCHEME, _MEANING), ("SH", "SH", "LO"), code, strict=True
    ):
        shown[key] = {"vr": vr, "Value": [value]}


def _binary(vr: str, element: Json, walk: _Walk) -> Json | None:
    pseudonyms = walk.pseudonyms
    inline = element.get("InlineBinary")
    if isinstance(inline, str):
        return {"vr": vr} if _holds_removed(inline, walk) else {"vr": vr, "InlineBinary": inline}
    address = element.get("BulkDataURI")
    relative = _RELATIVE_ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if relative is not None:
        return {"vr": vr, "BulkDataURI": f"instances/{pseudonyms.uid(relative[1])}{relative[2]}"}
    found = _BULK_ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if found is None:
        # US or OW, given as numbers: LUT Data.
        numbers = element.get("Value")
        if (
            not numbers
            or not isinstance(numbers, list)
            or any(type(one) is not int for one in numbers)
        ):
            return None
        if walk.removed.stand_in(_as_bytes(vr, numbers)):
            return {"vr": vr}
        return {"vr": vr, "Value": list(numbers)}
    study, series, instance = map(pseudonyms.uid, found.group(2, 3, 4))
    path = f"studies/{study}/series/{series}/instances/{instance}{found[5]}"
    return {"vr": vr, "BulkDataURI": found[1] + path}


def _holds_removed(inline: str, walk: _Walk) -> bool:
    try:
        return walk.removed.stand_in(base64.b64decode(inline))
    except binascii.Error:
        return True


def _as_bytes(vr: str, numbers: Sequence[Any]) -> bytes:
    """The numbers as a file has them, little endian; b"" where they are too few for a word."""
    form = _WRITTEN_AS.get(vr)
    if form is None or len(numbers) * struct.calcsize(form) < LEAST_BYTES:
        return b""
    try:
        return struct.pack(f"<{len(numbers)}{form}", *(one or 0 for one in numbers))
    except (struct.error, OverflowError):  # a number that its VR cannot hold
        return b""


def _first(dataset: Json, key: str) -> str:
    element = dataset.get(key)
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and values else ""
    return first if isinstance(first, str) else ""
