"""A DICOM file (PS3.10) under pseudonyms: pydicom reads it, what may stay is written anew.

The pixels are passed on as they are, neither decoded nor copied more than once. Preamble, file meta
information, everything behind the pixels and the padding within them are not.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from server.dicom.confidentiality import PIXELS
from server.dicom.deidentification import Deed, Values, decision
from server.dicom.files import PREAMBLE_BYTES, RefusedFile, read_head
from server.dicom.pseudonyms import Pseudonyms
from server.dicom.shown_codes import age_at, is_removed_item, shown_code
from server.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

# PS3.5 7.1.2: these have a length of four bytes.
_LONG_LENGTH: Final = frozenset(
    ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
)
_UNDEFINED: Final = 0xFFFFFFFF
_FIRST_PIXELS: Final = 0x7FE00008
_ITEM, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)  # PS3.5 7.5
_DEEPEST: Final = 32
_BIRTH_DATE, _STUDY_DATE, _AGE = 0x00100030, 0x00080020, 0x00101010
_CODE_VALUE, _SCHEME, _MEANING, _VALUE_TYPE = 0x00080100, 0x00080102, 0x00080104, 0x0040A040
_CODE_VALUES: Final = (_CODE_VALUE, 0x00080119, 0x00080120)
_MANY_VALUES: Final = frozenset(  # PS3.5 6.4
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI")
)


class FileNotUnderstood(ValueError):
    """The bytes are not a DICOM file of which every part can be accounted for."""


@dataclass(frozen=True)
class Encoding:
    """How a dataset is written (PS3.5 Annex A)."""

    implicit: bool
    little: bool

    @property
    def order(self) -> str:
        """The byte order, as `struct` names it."""
        return "<" if self.little else ">"


@dataclass(frozen=True)
class Opened:
    """A file taken apart: its dataset without pixels, and the bytes from the pixels on.

    `body` is the dataset's bytes (inflated where they were deflated), `pixels_at` where in it the
    pixels begin; it is the length of `body` when there are none.
    """

    TransferSyntaxUID: UID
    encoding: Encoding
    dataset: Dataset
    body: bytes
    pixels_at: int


def opened(data: bytes) -> Opened:
    """Takes a file apart. Raises FileNotUnderstood."""
    head = read_head(data)
    if isinstance(head, RefusedFile):
        raise FileNotUnderstood(head.reason)
    syntax = UID(head.TransferSyntaxUID)
    if not syntax.is_transfer_syntax:
        raise FileNotUnderstood("Its transfer syntax is not known.")
    encoding = Encoding(syntax.is_implicit_VR, syntax.is_little_endian)
    try:
        rest = memoryview(data)[head.dataset_offset :]
        body = zlib.decompress(rest, -zlib.MAX_WBITS) if syntax.is_deflated else bytes(rest)
        stream = BytesIO(body)
        dataset = read_dataset(stream, encoding.implicit, encoding.little, stop_when=_at_pixels)
        _check_lengths(dataset)
    except Exception as problem:  # whatever pydicom stumbles over, such a file is not given out
        raise FileNotUnderstood("Its dataset cannot be read.") from problem
    return Opened(syntax, encoding, dataset, body, stream.tell())


def _check_lengths(dataset: Dataset) -> None:
    """Raises FileNotUnderstood when the bytes end within a value, which pydicom lets pass."""
    for element in dataset.values():
        if not isinstance(element, RawDataElement) or element.length == _UNDEFINED:
            continue
        if len(element.value or b"") != element.length:
            raise FileNotUnderstood("It ends within a value.")


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) >= _FIRST_PIXELS


def shown_file(file: Opened, pseudonyms: Pseudonyms, more: dict[int, tuple[str, Any]]) -> bytes:
    """The file as the holder of a pseudonymised grant sees it, in the same transfer syntax.

    `more` are attributes to add: tag -> (VR, text, number or list of items as such dictionaries).
    Raises FileNotUnderstood.
    """
    try:
        walker = _Walker(file.encoding, pseudonyms)
        elements = walker.shown(file.dataset, 0, _charset(file.dataset, "iso8859"))
        for tag, (vr, value) in {**_aged(file.dataset, elements), **more}.items():
            elements[tag] = walker.added(tag, vr, value)
        body = b"".join(elements[tag] for tag in sorted(elements))
        pixels = b"".join(_pixels(file))
        meta = _meta(file, pseudonyms)
    except FileNotUnderstood:
        raise
    except Exception as problem:  # as in `opened`
        raise FileNotUnderstood("Its dataset cannot be read.") from problem
    if file.TransferSyntaxUID.is_deflated:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body, pixels = packer.compress(body + pixels) + packer.flush(), b""
    return b"".join((bytes(PREAMBLE_BYTES), b"DICM", meta, body, pixels, b"\0" * (len(body) % 2)))


def _meta(file: Opened, pseudonyms: Pseudonyms) -> bytes:
    dataset, plain = file.dataset, Encoding(implicit=False, little=True)
    values = {
        0x00020002: pseudonyms.uid(str(dataset.get("SOPClassUID", ""))),
        0x00020003: pseudonyms.uid(str(dataset.get("SOPInstanceUID", ""))),
        0x00020010: str(file.TransferSyntaxUID),
        0x00020012: IMPLEMENTATION_CLASS_UID,
    }
    elements = [written(0x00020001, "OB", b"\0\1", plain)]
    elements += [written(tag, "UI", text.encode(), plain) for tag, text in values.items()]
    elements.append(written(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode(), plain))
    body = b"".join(elements)
    return written(0x00020000, "UL", struct.pack("<I", len(body)), plain) + body


def written(tag: int, vr: str, value: bytes, encoding: Encoding) -> bytes:
    """One element, its value padded to even length. Raises FileNotUnderstood for one too long."""
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    head = struct.pack(encoding.order + "HH", tag >> 16, tag & 0xFFFF)
    if encoding.implicit:
        return head + struct.pack(encoding.order + "I", len(value)) + value
    if vr in _LONG_LENGTH:
        return head + vr.encode() + struct.pack(encoding.order + "HI", 0, len(value)) + value
    if len(value) > 0xFFFF:
        raise FileNotUnderstood("A value is longer than its kind allows.")
    return head + vr.encode() + struct.pack(encoding.order + "H", len(value)) + value


class _Walker:
    """Goes through a dataset as pydicom read it and gives the bytes of what stays, by tag."""

    def __init__(self, encoding: Encoding, pseudonyms: Pseudonyms) -> None:
        self._encoding = encoding
        self._pseudonyms = pseudonyms

    def shown(self, dataset: Dataset, depth: int, charset: str) -> dict[int, bytes]:
        charset = _charset(dataset, charset)
        found: dict[int, bytes] = {}
        # A list: looking into a sequence makes pydicom convert what it finds beside it.
        for element in list(dataset.values()):
            made = self._element(dataset, element, depth, charset)
            if made is not None:
                found[int(element.tag)] = made
        if depth and any(tag in dataset for tag in _CODE_VALUES):
            triple = (_text(dataset, tag, charset) for tag in (_CODE_VALUE, _SCHEME, _MEANING))
            value, scheme, meaning = shown_code(*triple)
            for tag, vr, text in ((_CODE_VALUE, "SH", value), (_SCHEME, "SH", scheme)):
                found[tag] = self.added(tag, vr, text)
            found[_MEANING] = self.added(_MEANING, "LO", meaning)
        return found

    def added(self, tag: int, vr: str, value: Any) -> bytes:
        """An element of ours: text, or a list of items (tag -> (VR, value))."""
        if vr == "SQ":
            items = [{tag: self.added(tag, *pair) for tag, pair in item.items()} for item in value]
            return self._sequence(tag, items)
        return written(tag, vr, str(value).encode(), self._encoding)

    def _element(
        self, dataset: Dataset, element: DataElement | RawDataElement, depth: int, charset: str
    ) -> bytes | None:
        tag, vr = int(element.tag), _vr_of(element)
        decided = decision(tag, vr.partition(" or ")[0] if vr else "")
        deed = decided.deed
        if deed is Deed.DROP or (deed is Deed.KEEP_PIXELS and depth):
            return None
        if deed is Deed.EMPTY:
            return written(tag, vr, b"", self._encoding)
        if deed is Deed.DESCEND:
            return self._sequence(tag, list(self._items(dataset, tag, depth + 1, charset)))
        if not isinstance(element, RawDataElement):
            raise FileNotUnderstood("An attribute that is no sequence was read as one.")
        value = element.value or b""
        if decided.rule is None or decided.numeric:
            return written(tag, vr, value, self._encoding)
        made = decided.rule(_values(vr, value, charset), self._pseudonyms) if value else []
        return written(tag, vr, _joined(made), self._encoding)

    def _items(
        self, dataset: Dataset, tag: int, depth: int, charset: str
    ) -> Iterator[dict[int, bytes]]:
        if depth > _DEEPEST:
            return
        for item in dataset[tag].value or ():
            if not is_removed_item(_text(item, _VALUE_TYPE, charset)):
                yield self.shown(item, depth, charset)

    def _sequence(self, tag: int, items: list[dict[int, bytes]]) -> bytes:
        order = self._encoding.order
        bodies = [b"".join(item[tag] for tag in sorted(item)) for item in items]
        value = b"".join(struct.pack(order + "HHI", *_ITEM, len(body)) + body for body in bodies)
        return written(tag, "SQ", value, self._encoding)


def _vr_of(element: DataElement | RawDataElement) -> str:
    """The VR as the file says it, or of the dictionary where the file says none (or UN)."""
    if element.VR is None or element.VR == "UN":
        tag = int(element.tag)
        return dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"
    return str(element.VR)


def _values(vr: str, value: bytes, charset: str) -> Values:
    text = value.decode(charset, errors="replace")
    parts = text.split("\\") if vr in _MANY_VALUES else [text]
    return [part.strip(" \0") for part in parts]


def _joined(values: Values) -> bytes:
    """Values as text; of a person's name (as the DICOM JSON Model has it) its alphabetic form."""
    texts = (one["Alphabetic"] if isinstance(one, dict) else str(one) for one in values)
    return "\\".join(texts).encode()


def _charset(dataset: Dataset, inherited: str) -> str:
    """Python's name of the first character set; words in the others are not recognised."""
    element = dataset.get_item(0x00080005)
    if element is None or not isinstance(element.value, bytes):
        return inherited
    name = element.value.decode("ascii", errors="replace").split("\\")[0].strip(" \0")
    return python_encoding.get(name, "iso8859")


def _text(dataset: Dataset, tag: int, charset: str) -> str:
    element = dataset.get_item(tag)
    value = element.value if element is not None else None
    return (
        value.decode(charset, errors="replace").split("\\")[0].strip(" \0")
        if (isinstance(value, bytes))
        else ""
    )


def _aged(dataset: Dataset, elements: dict[int, bytes]) -> dict[int, tuple[str, Any]]:
    """PatientAge from the date of birth, which is not shown, where the file has only that."""
    age_bytes = elements.get(_AGE, b"")
    if _BIRTH_DATE not in dataset or len(age_bytes) > 8:
        return {}
    age = age_at(*(_text(dataset, tag, "ascii") for tag in (_BIRTH_DATE, _STUDY_DATE)))
    return {_AGE: ("AS", age)} if age else {}


def _pixels(file: Opened) -> Iterator[bytes | memoryview]:
    """The pixel elements as they are; whatever else stands behind them is left out."""
    body, at, order = memoryview(file.body), file.pixels_at, file.encoding.order
    while at + 8 <= len(body):
        group, number = struct.unpack_from(order + "HH", body, at)
        tag = group << 16 | number
        start = at + (8 if file.encoding.implicit else 12)
        if tag not in PIXELS or start > len(body):
            return
        (length,) = struct.unpack_from(order + "I", body, start - 4)
        end = _end_of_fragments(body, start, order) if length == _UNDEFINED else start + length
        if end > len(body):
            raise FileNotUnderstood("Its pixels end early.")
        used = end if length == _UNDEFINED else min(end, start + _frames_bytes(file, length))
        yield body[at:used]
        yield bytes(end - used)
        at = end


def _frames_bytes(file: Opened, length: int) -> int:
    """How many bytes the frames take of native pixels; behind them is padding. An odd last byte is
    left together with its word, for in big endian the padding stands before it."""
    dataset = file.dataset
    bits = int(dataset.get("Rows", 0)) * int(dataset.get("Columns", 0))
    bits *= int(dataset.get("SamplesPerPixel", 1)) * int(dataset.get("NumberOfFrames") or 1)
    subsampled = dataset.get("PhotometricInterpretation") in ("YBR_FULL_422", "YBR_PARTIAL_422")
    used = -(-bits * int(dataset.get("BitsAllocated", 0)) // 8)
    return length if subsampled or not used else used + used % 2


def _end_of_fragments(body: memoryview, at: int, order: str) -> int:
    while at + 8 <= len(body):
        group, number, length = struct.unpack_from(order + "HHI", body, at)
        at += 8
        if (group, number) == _SEQUENCE_END:
            return at
        if (group, number) != _ITEM or length == _UNDEFINED:
            break
        at += length
    raise FileNotUnderstood("Its pixels end early.")
