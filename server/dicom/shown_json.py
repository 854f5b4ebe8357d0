"""A dataset in the DICOM JSON Model (PS3.18 Annex F) under pseudonyms. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from server.dicom.deidentification import DROP, Decision, Deed, decision
from server.dicom.pseudonyms import Pseudonyms
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
_RELATIVE_ADDRESS: Final = re.compile(r"instances/([0-9.]+)((?:/[A-Za-z]+)?(?:/[0-9A-Fa-f]+)*)")


def shown_json(dataset: Json, pseudonyms: Pseudonyms) -> Json:
    """The dataset as the holder of a pseudonymised grant sees it, tags ascending.

    What is given is not changed. Nothing is added but PatientAge where the date of birth, which is
    not shown, is there and the age is not.
    """
    shown = _shown(dataset, pseudonyms, 0)
    if not shown.get(_AGE, {}).get("Value") and _BIRTH_DATE in dataset:
        age = age_at(_first(dataset, _BIRTH_DATE), _first(dataset, _STUDY_DATE))
        if age:
            shown[_AGE] = {"vr": "AS", "Value": [age]}
    return dict(sorted(shown.items()))


def _shown(dataset: Json, pseudonyms: Pseudonyms, depth: int) -> Json:
    shown: Json = {}
    for key, element in dataset.items():
        vr = element.get("vr") if isinstance(element, dict) else None
        if not isinstance(vr, str):
            continue
        decided = _decided(key, vr)
        if decided.deed is Deed.DROP:
            continue
        made = _element(decided, vr, element, pseudonyms, depth)
        if made is not None:
            shown[key] = made
    if depth and any(key in dataset for key in _CODE_VALUES):
        _put_code(dataset, shown)
    return shown


@lru_cache(maxsize=16384)
def _decided(key: str, vr: str) -> Decision:
    return decision(int(key, 16), vr) if _KEY.fullmatch(key) else DROP


def _element(
    decided: Decision, vr: str, element: Json, pseudonyms: Pseudonyms, depth: int
) -> Json | None:
    deed = decided.deed
    if deed is Deed.REPLACE:
        assert decided.rule is not None
        values = element.get("Value")
        made = decided.rule(values, pseudonyms) if isinstance(values, list) and values else ()
        if not made:
            return {"vr": vr}
        return {"vr": vr, "Value": [None if one == "" else one for one in made]}
    if deed is Deed.EMPTY:
        return {"vr": vr}
    if deed is Deed.DESCEND:
        items = list(_items(element.get("Value"), pseudonyms, depth + 1))
        return {"vr": vr, "Value": items} if items else {"vr": vr}
    return None if deed is Deed.KEEP_PIXELS and depth else _binary(vr, element, pseudonyms)


def _items(values: Any, pseudonyms: Pseudonyms, depth: int) -> Iterator[Json]:
    if not isinstance(values, list) or depth > _DEEPEST:
        return
    for item in values:
        if isinstance(item, dict) and not is_removed_item(_first(item, _VALUE_TYPE)):
            yield _shown(item, pseudonyms, depth)


def _put_code(dataset: Json, shown: Json) -> None:
    code = shown_code(*(_first(dataset, key) for key in (_CODE_VALUE, _SCHEME, _MEANING)))
    for key, vr, value in zip(
        (_CODE_VALUE, _SCHEME, _MEANING), ("SH", "SH", "LO"), code, strict=True
    ):
        shown[key] = {"vr": vr, "Value": [value]}


def _binary(vr: str, element: Json, pseudonyms: Pseudonyms) -> Json | None:
    if isinstance(element.get("InlineBinary"), str):
        return {"vr": vr, "InlineBinary": element["InlineBinary"]}
    address = element.get("BulkDataURI")
    relative = _RELATIVE_ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if relative is not None:
        return {"vr": vr, "BulkDataURI": f"instances/{pseudonyms.uid(relative[1])}{relative[2]}"}
    found = _BULK_ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if found is None:
        # US or OW, given as numbers: LUT Data.
        numbers = element.get("Value")
        whole = isinstance(numbers, list) and all(type(one) is int for one in numbers)
        return {"vr": vr, "Value": list(numbers)} if numbers and whole else None
    study, series, instance = map(pseudonyms.uid, found.group(2, 3, 4))
    path = f"studies/{study}/series/{series}/instances/{instance}{found[5]}"
    return {"vr": vr, "BulkDataURI": found[1] + path}


def _first(dataset: Json, key: str) -> str:
    element = dataset.get(key)
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and values else ""
    return first if isinstance(first, str) else ""
