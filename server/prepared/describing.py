"""What an instance says of itself, whole: the archive's metadata, and from the file what they leave out.

Orthanc's DICOMweb plugin (1.7) passes over whole numbers of 64 bits (SV, UV, OV), numbers without a value,
and some pointers to attributes (AT). Of a dataset in JIS X 0201, where a yen sign stands for the backslash,
it takes several values for one, and loses those that are numbers. Both ways to metadata go through here,
that which prepares and that which answers before anything is prepared, so that they say the same.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement, RawDataElement

from server.archive import Archive, NotInArchive, Stream
from server.dicom.removed_words import vr_of
from server.prepared.metadata import JsonDataset, bulk_address, in_order, read_array, text_of

HEAD_BYTES = 256 * 1024
LONGEST_HEAD_BYTES = 4 * 1024 * 1024
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
# Thousands of items that repeat each other: reading them takes longer than everything else.
_FUNCTIONAL_GROUPS = frozenset({0x52009229, 0x52009230})
_FIRST_PIXELS = 0x7FE00000
_DEEPEST = 32
_JIS_X_0201 = frozenset({"ISO_IR 13", "ISO 2022 IR 13"})
_HERE = "instances/"  # stands for an address until it is known
_WIDE = frozenset({"SV", "UV"})
_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
# What a program in JavaScript can still tell apart (ECMA-262 21.1.2.6); PS3.18 F.2.3.1 allows text.
_LARGEST_EXACT = 2**53 - 1


def described(archive: Archive, stream: Stream) -> Iterator[JsonDataset]:
    """The datasets of an answer of `.../metadata`, one after the other, in order and whole.

    The first instance of a series is compared with its file; only where something was left out the
    others' files are read too. Raises MetadataUnreadable, ArchiveUnavailable.
    """
    is_left_out: dict[str, bool] = {}
    for told in read_array(stream.chunks()):
        dataset = in_order(told)
        series = text_of(dataset, _SERIES)
        if not is_left_out.get(series, True):
            yield dataset
            continue
        whole = completed(archive, dataset)
        is_left_out.setdefault(series, whole is not dataset)
        yield whole


def completed(archive: Archive, dataset: JsonDataset) -> JsonDataset:
    """The dataset with what its file says beyond it; itself when that is nothing, or cannot be read."""
    header = _header(archive, dataset)
    if header is None:
        return dataset
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if _has_yen_signs(header):
                return _read_by_us(header)
            return _with_missing(dataset, header, bulk_address(dataset), 0)
        except Exception:  # bytes that pydicom reads as what they are not fail in many ways
            return dataset


def _header(archive: Archive, dataset: JsonDataset) -> Dataset | None:
    """The file's dataset up to its pixels, None when its first 4 MB do not hold it."""
    uids = (text_of(dataset, tag) for tag in (_STUDY, _SERIES, _INSTANCE))
    for orthanc_id in archive.candidates(*uids):
        try:
            with archive.open_file(orthanc_id) as stream:
                return _read(stream)
        except NotInArchive:
            continue
    return None


def _read(stream: Stream) -> Dataset | None:
    head, size = b"", HEAD_BYTES
    while size <= LONGEST_HEAD_BYTES:
        head += stream.read(size - len(head))
        is_whole = len(head) < size
        file = io.BytesIO(head)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                header = dcmread(file, stop_before_pixels=True)
        except Exception:  # the head ends within a value, or no file of DICOM does begin so
            header = None
        if header is not None and (is_whole or file.tell() < len(head)):
            return header
        if is_whole:
            return None
        size *= 4
    return None


def _has_yen_signs(header: Dataset) -> bool:
    """Whether values are separated by what Orthanc reads as a yen sign (PS3.5 6.1.2.5.3)."""
    names = header.get("SpecificCharacterSet") or ""
    first = names if isinstance(names, str) else names[0]
    return first in _JIS_X_0201


def _read_by_us(header: Dataset) -> JsonDataset:
    dataset: JsonDataset = header.to_json_dict(
        bulk_data_threshold=1, bulk_data_element_handler=lambda _: _HERE, suppress_invalid_tags=True
    )
    dataset["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}  # JSON is UTF-8
    return _pointing(in_order(dataset), bulk_address(dataset))


def _pointing(dataset: JsonDataset, address: str) -> JsonDataset:
    """The dataset with the addresses of its long values filled in."""
    found = {}
    for key, element in dataset.items():
        own = f"{address}{key.lower()}"
        if element.get("BulkDataURI") == _HERE:
            element = {**element, "BulkDataURI": own}
        elif element["vr"] == "SQ" and "Value" in element:
            items = enumerate(element["Value"], 1)
            element = {"vr": "SQ", "Value": [_pointing(it, f"{own}/{n}/") for n, it in items]}
        found[key] = element
    return found


def _with_missing(dataset: JsonDataset, header: Dataset, address: str, depth: int) -> JsonDataset:
    found: JsonDataset = {}
    for element in list(header.values()):
        tag = int(element.tag)
        if tag & 0xFFFF == 0 or tag >> 16 <= 2 or tag >= _FIRST_PIXELS:
            continue
        key = f"{tag:08X}"
        told = dataset.get(key)
        made = (
            _missing(header, element, address + key.lower())
            if told is None
            else _items(told, header, element, f"{address}{key.lower()}/", depth + 1)
        )
        if made is not None:
            found[key] = made
    return dict(sorted({**dataset, **found}.items())) if found else dataset


def _items(
    told: dict[str, Any],
    header: Dataset,
    element: DataElement | RawDataElement,
    address: str,
    depth: int,
) -> dict[str, Any] | None:
    """A sequence in whose items something is missing, with that; None where nothing is."""
    items = told.get("Value")
    is_looked_into = told.get("vr") == "SQ" and int(element.tag) not in _FUNCTIONAL_GROUPS
    if not is_looked_into or not isinstance(items, list) or depth > _DEEPEST:
        return None
    read = header[element.tag].value
    if len(read) != len(items):
        return None
    whole = [
        _with_missing(item, beside, f"{address}{number}/", depth)
        for number, (item, beside) in enumerate(zip(items, read, strict=True), 1)
    ]
    is_same = all(one is other for one, other in zip_longest(whole, items))
    return None if is_same else {**told, "Value": whole}


def _missing(
    header: Dataset, element: DataElement | RawDataElement, address: str
) -> dict[str, Any] | None:
    """What the archive did not tell: an element without a value, a pointer, numbers, or the rest."""
    vr = vr_of(element).partition(" or ")[0]
    if not element.value:
        return {"vr": vr}
    if vr in _LONG:
        return {"vr": vr, "BulkDataURI": address}
    if vr not in _WIDE:
        key = f"{int(element.tag):08X}"
        alone = Dataset({element.tag: header[element.tag]})
        return in_order(alone.to_json_dict(suppress_invalid_tags=True)).get(key)
    value = header[element.tag].value
    numbers = [int(one) for one in (value if isinstance(value, list) else [value])]
    return {"vr": vr, "Value": [n if abs(n) <= _LARGEST_EXACT else str(n) for n in numbers]}
