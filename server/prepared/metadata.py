"""A series' metadata as they are kept: the archive's DICOM JSON (PS3.18 annex F), put in order.

The archive writes absolute addresses of itself, says nothing of the syntaxes frames can be had in, and
orders instances as it likes. Here numbers become numbers, names objects, addresses relative to the
series' own (so that its metadata is right as it lies there, under whatever address it is asked for:
RFC 3986 5.2); what has no value says so by having none.
"""

from __future__ import annotations

import codecs
import gzip
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

JsonDataset = dict[str, Any]

PIXELS = frozenset({"7FE00001", "7FE00002", "7FE00008", "7FE00009", "7FE00010"})
_AVAILABLE_TRANSFER_SYNTAX_UID = "00083002"
_SOP_INSTANCE_UID = "00080018"
_LONG_NUMBERS = frozenset({"OD", "OF", "OL", "OV"})
_WHOLE = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_DECIMAL = frozenset({"DS", "FD", "FL"})
_LONGEST_DATASET = 64 * 1024 * 1024  # characters: more is not metadata any more


class MetadataUnreadable(ValueError):
    """The archive's answer is not an array of data sets."""


def read_array(pieces: Iterable[bytes]) -> Iterator[JsonDataset]:
    """The data sets of a JSON array that comes in pieces, one at a time.

    Raises MetadataUnreadable.
    """
    decoder, text = json.JSONDecoder(), ""
    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    begun, least = False, 0
    for piece in pieces:
        text += utf8.decode(piece)
        if not begun:
            text = text.lstrip()
            if text[:1] not in ("[", ""):
                raise MetadataUnreadable("The archive's metadata are not a list.")
            begun, text = text[:1] == "[", text[1:]
        # An unfinished data set is tried again only once the text has doubled: else this is quadratic.
        while len(text) > least:
            text = text.lstrip(" \t\r\n,")
            try:
                found, end = decoder.raw_decode(text)
            except ValueError:
                least = 2 * len(text)
                break
            yield found
            text, least = text[end:], 0
        if len(text) > _LONGEST_DATASET:
            raise MetadataUnreadable("One instance's metadata are larger than they can be.")
    yield from _rest(decoder, text)


def _rest(decoder: json.JSONDecoder, text: str) -> Iterator[JsonDataset]:
    text = text.lstrip(" \t\r\n,")
    while text[:1] != "]":
        try:
            found, end = decoder.raw_decode(text)
        except ValueError as reason:
            raise MetadataUnreadable("The archive's metadata end early.") from reason
        yield found
        text = text[end:].lstrip(" \t\r\n,")


def in_order(dataset: JsonDataset) -> JsonDataset:
    """One data set as it is kept: without pixels and group 2, sorted by tag.

    Of long numbers the archive tells the first only; they are pointed to instead.
    """
    return _in_order(dataset, bulk_address(dataset))


def bulk_address(dataset: JsonDataset) -> str:
    """Below which the values of this instance's attributes lie, relative to its series."""
    return f"instances/{text_of(dataset, _SOP_INSTANCE_UID)}/bulk/"


def _in_order(dataset: JsonDataset, address: str) -> JsonDataset:
    return {
        tag: _element(element, address + tag.lower())
        for tag, element in sorted(dataset.items())
        if tag not in PIXELS and not tag.startswith("0002") and isinstance(element, dict)
    }


def _element(element: dict[str, Any], own_address: str) -> dict[str, Any]:
    vr = str(element.get("vr", "UN"))
    kept: dict[str, Any] = {"vr": vr}
    address = element.get("BulkDataURI")
    if isinstance(address, str):
        relative = address.find("instances/")
        return {**kept, "BulkDataURI": address[relative:]} if relative >= 0 else kept
    if element.get("InlineBinary"):
        return {**kept, "InlineBinary": element["InlineBinary"]}
    values = element.get("Value")
    if not isinstance(values, list):
        return kept
    if vr == "SQ":
        items = [
            _in_order(item, f"{own_address}/{number}/") if isinstance(item, dict) else {}
            for number, item in enumerate(values, 1)
        ]
        return {**kept, "Value": items} if items else kept
    if vr in _LONG_NUMBERS:
        return {**kept, "BulkDataURI": own_address} if values else kept
    plain = [_value(vr, value) for value in values]
    return {**kept, "Value": plain} if any(one is not None for one in plain) else kept


def _value(vr: str, value: Any) -> Any:
    if value in ("", None) or value == {}:
        return None
    if isinstance(value, str):
        value = value.rstrip(" \0")  # padding (PS3.5 6.2), which Orthanc leaves in some files
        if vr == "PN":
            return {"Alphabetic": value}
        if vr in _WHOLE or vr in _DECIMAL:
            return _number(vr, value)
    return value


def _number(vr: str, text: str) -> Any:
    """The number a text stands for; the text itself when it stands for none (PS3.18 F.2.3.1)."""
    try:
        if vr in _WHOLE:
            return int(text)
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def text_of(dataset: JsonDataset, tag: str) -> str:
    """The first value as text, "" when there is none."""
    values = dataset.get(tag, {}).get("Value") or [""]
    return str(values[0]) if values[0] is not None else ""


def numbers_of(dataset: JsonDataset, tag: str) -> list[float]:
    """The values as numbers, empty when one of them is none."""
    values = dataset.get(tag, {}).get("Value") or []
    return [float(value) for value in values] if all(map(_is_number, values)) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def place(dataset: JsonDataset) -> tuple[float, float, str]:
    """Where an instance stands in its series: by InstanceNumber, by position in mm, by UID."""
    number = numbers_of(dataset, "00200013")
    return (number[0] if number else math.inf, _along_normal(dataset), text_of(dataset, "00080018"))


def _along_normal(dataset: JsonDataset) -> float:
    """ImagePositionPatient along the slice normal in mm (PS3.3 C.7.6.2.1.1); 0 without one."""
    position = numbers_of(dataset, "00200032")
    orientation = numbers_of(dataset, "00200037")
    if len(position) != 3 or len(orientation) != 6:
        return 0.0
    (a, b, c), (d, e, f) = orientation[:3], orientation[3:]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    return sum(one * other for one, other in zip(position, normal, strict=True))


def opened_with(datasets: Sequence[JsonDataset]) -> str:
    """The SOPInstanceUID of the slice with which OHIF opens a stack; "" for an empty series.

    The middle one: counted against the slice normal (of axial slices: from the head) where all are
    parallel and no two in one place, else in the order given, which is that of `place`.
    """
    slices = list(datasets)
    orientations = {tuple(numbers_of(one, "00200037")) for one in slices}
    places = {_along_normal(one) for one in slices if numbers_of(one, "00200032")}
    if len(orientations) == 1 and len(places) == len(slices):
        slices.sort(key=_along_normal, reverse=True)
    return text_of(slices[len(slices) // 2], "00080018") if slices else ""


def with_syntaxes(dataset: JsonDataset, syntaxes: Sequence[str]) -> JsonDataset:
    """The data set saying in which transfer syntaxes it can be had (PS3.3 C.12.1)."""
    if not syntaxes:
        return dataset
    element = {"vr": "UI", "Value": list(dict.fromkeys(syntaxes))}
    return dict(sorted({**dataset, _AVAILABLE_TRANSFER_SYNTAX_UID: element}.items()))


def without_bulk(dataset: JsonDataset) -> JsonDataset:
    """The data set without binary values, here or elsewhere."""
    return {
        tag: element
        for tag, element in dataset.items()
        if "BulkDataURI" not in element and "InlineBinary" not in element
    }


def has_bulk(written: bytes) -> bool:
    """Whether a written data set points to bulk data anywhere in it."""
    return b'"BulkDataURI"' in written


def written(dataset: JsonDataset) -> bytes:
    """As JSON, without a superfluous character."""
    return json.dumps(dataset, ensure_ascii=False, separators=(",", ":")).encode()


def write_array(file: BinaryIO, datasets: Iterable[bytes]) -> None:
    """A gzipped JSON array, the same bytes for the same content."""
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:
        packed.write(b"[")
        for index, dataset in enumerate(datasets):
            packed.write(b",\n" if index else b"\n")
            packed.write(dataset)
        packed.write(b"\n]\n")
