"""b-values that makers of scanners keep in attributes of their own. Pure.

Until DiffusionBValue (0018,9087) came into use, and beside it to this day, each maker wrote the b-value
(s/mm2) where it liked. A private attribute means what its creator says (PS3.5 7.8.1): each is read only in
a block that bears its maker's name.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydicom import Dataset
from pydicom.dataelem import RawDataElement

BEYOND: Final = "PrivateBValue"  # the value, and in whose attribute it stood
_HIGHEST_B: Final = 10_000.0
# GE adds a thousand million to the b-value of some sequences, which says how it was averaged. [GK] of the
# notes on GE in the documentation of dcm2niix.
_GE_OFFSET: Final = 1e9
_FIRST_BLOCK, _LAST_BLOCK = 0x10, 0xFF


@dataclass(frozen=True)
class _Place:
    """An attribute (`group`, `offset` in its block) of a maker's `creator`, and its VR."""

    maker: str
    creator: str
    group: int
    offset: int
    vr: str


_PLACES: Final = (
    # [V] of the three: pydicom's dictionary of private attributes; that GE's first value is the b-value is
    # [GK], as the diffusion pages of NA-MIC and dcm2niix tell.
    _Place("GE", "GEMS_PARM_01", 0x0043, 0x39, "IS"),
    _Place("Siemens", "SIEMENS MR HEADER", 0x0019, 0x0C, "IS"),
    _Place("Philips", "Philips Imaging DD 001", 0x2001, 0x03, "FL"),
    # [GK] of United Imaging, as dcm2niix reads it; the name of the creator stands in GDCM.
    _Place("United Imaging", "Image Private Header", 0x0065, 0x09, "FD"),
)
_GROUPS: Final = frozenset(place.group for place in _PLACES)
# Canon, earlier Toshiba, writes "b=1500(0.445,0.000,0.895)" into ImageComments. [V] of that form: the notes
# on Canon in the documentation of dcm2niix.
_CANON: Final = re.compile(r"canon|toshiba", re.IGNORECASE)
_IN_COMMENTS: Final = re.compile(r"^\s*b ?= ?(\d{1,5}(?:\.\d+)?)\s*(?:\(|$)", re.IGNORECASE)


def of_dataset(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """The b-value in a maker's attribute of a file, under the key BEYOND; empty where there is none."""
    blocks = [
        int(tag)
        for tag in dataset.keys()  # noqa: SIM118 - a data set yields elements, not tags
        if tag >> 16 in _GROUPS and _FIRST_BLOCK <= tag & 0xFFFF <= _LAST_BLOCK
    ]
    for tag in blocks:
        creator = _as_text(dataset.get_item(tag))
        for place in _by_creator(tag, creator):
            element: Any = dataset.get_item(_tag(tag, place))
            if element is None:
                continue
            is_little = getattr(element, "is_little_endian", True)
            if found := _said(place, _number(element.value, place.vr, is_little)):
                return found
    return {}


def of_json(item: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The same in the DICOM JSON Model."""
    for name, element in item.items():
        tag = int(name, 16) if len(name) == 8 and name.isalnum() and name[:4] in _HEX else 0
        if not _FIRST_BLOCK <= tag & 0xFFFF <= _LAST_BLOCK:
            continue
        for place in _by_creator(tag, str(_of_element(element, "LO") or "")):
            value = _of_element(item.get(f"{_tag(tag, place):08X}"), place.vr)
            if found := _said(place, _number(value, place.vr, is_little=True)):
                return found
    return {}


def of_comments(manufacturer: str, comments: str) -> dict[str, tuple[str, ...]]:
    """The b-value that Canon's scanners write into ImageComments."""
    if not _CANON.search(manufacturer):
        return {}
    found = _IN_COMMENTS.match(comments)
    return {BEYOND: (f"{float(found[1]):.10g}", "Canon, ImageComments")} if found else {}


_HEX: Final = frozenset(f"{group:04X}" for group in _GROUPS)


def _tag(block: int, place: _Place) -> int:
    return block & 0xFFFF0000 | (block & 0xFF) << 8 | place.offset


def _by_creator(block: int, creator: str) -> Iterator[_Place]:
    named = creator.strip(" \0").upper()
    return (one for one in _PLACES if one.group == block >> 16 and one.creator.upper() == named)


def _as_text(element: Any) -> str:
    value = element.value
    if isinstance(element, RawDataElement) and isinstance(value, bytes):
        return value.decode("latin-1")
    return str(value)


def _of_element(element: Any, vr: str) -> Any:
    """The first value of an element in JSON; what the writer knew no form of is bytes."""
    if not isinstance(element, dict):
        return None
    values = element.get("Value")
    if isinstance(values, list):
        return values[0] if values else None
    try:
        raw = base64.b64decode(str(element.get("InlineBinary") or ""), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.decode("latin-1") if vr == "LO" else raw or None


def _number(value: Any, vr: str, is_little: bool) -> float | None:
    if isinstance(value, bytes):
        packed = {"FL": "f", "FD": "d"}.get(vr)
        if packed is not None and len(value) == struct.calcsize(packed):
            return float(struct.unpack(("<" if is_little else ">") + packed, value)[0])
        value = value.decode("latin-1")
    elif isinstance(value, list | tuple) or hasattr(value, "append"):
        value = value[0] if len(value) else None
    try:
        return float(str(value).split("\\")[0].strip(" \0"))
    except ValueError:
        return None


def _said(place: _Place, value: float | None) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    if place.maker == "GE" and value >= _GE_OFFSET:
        value -= _GE_OFFSET
    if not 0 <= value <= _HIGHEST_B:
        return {}
    where = f"{place.maker} ({place.group:04X},xx{place.offset:02X})"
    return {BEYOND: (f"{value:.10g}", where)}
