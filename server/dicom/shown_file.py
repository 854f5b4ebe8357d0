"""A DICOM file (PS3.10) under pseudonyms: pydicom reads it, what may stay is written anew.

The pixels are passed on as they are, a piece at a time, without the remarks within compressed frames.
Preamble, file meta information, everything behind the pixels and the padding within them are not.
"""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Self, cast

from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from server.dicom.deidentification import NUMBERS_AS_TEXT, Deed, Values, decision
from server.dicom.files import PREAMBLE_BYTES, RefusedFile, read_head
from server.dicom.pseudonyms import Pseudonyms
from server.dicom.removed_words import RemovedWords, removed_from_file, vr_of
from server.dicom.shown_codes import age_at, is_removed_item, shown_code
from server.dicom.shown_pixels import FileNotUnderstood, PixelElements, shown_pixels
from server.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

# PS3.5 7.1.2: these have a length of four bytes.
_LONG_LENGTH: Final = frozenset(
    ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
)
_UNDEFINED: Final = 0xFFFFFFFF
_FIRST_PIXELS: Final = 0x7FE00008
_ITEM: Final = (0xFFFE, 0xE000)  # PS3.5 7.5
_PIECE_BYTES: Final = 256 * 1024
_IN_MEMORY_BYTES: Final = 1024 * 1024
_LONGEST_INFLATED_BYTES: Final = 4 * 1024**3  # no value of a dataset can be longer (PS3.5 7.1.1)
_DEEPEST: Final = 32
_BIRTH_DATE, _STUDY_DATE, _AGE = 0x00100030, 0x00080020, 0x00101010
_CODE_VALUE, _SCHEME, _MEANING, _VALUE_TYPE = 0x00080100, 0x00080102, 0x00080104, 0x0040A040
_CODE_VALUES: Final = (_CODE_VALUE, 0x00080119, 0x00080120)
_MANY_VALUES: Final = frozenset(  # PS3.5 6.4
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI")
)


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

    `file` holds the dataset's bytes up to `end` (inflated where they were deflated), `pixels_at` is
    where in it the pixels begin; it is `end` when there are none. To be used in a `with` statement,
    for what was inflated is a file of its own.
    """

    TransferSyntaxUID: UID
    encoding: Encoding
    dataset: Dataset
    file: BinaryIO
    pixels_at: int
    end: int

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.TransferSyntaxUID.is_deflated:
            self.file.close()


@dataclass(frozen=True)
class Shown:
    """A file as it may be seen: `head` and then these pieces of `file`, (start, stop) each.

    None instead of a start stands for `stop` zero bytes. Whoever has read it closes `file`.
    """

    head: bytes
    file: BinaryIO
    pieces: tuple[tuple[int | None, int], ...]

    @property
    def length(self) -> int:
        """In bytes."""
        return len(self.head) + sum(stop - (start or 0) for start, stop in self.pieces)

    def chunks(self) -> Iterator[bytes]:
        """The bytes, a bounded piece at a time."""
        yield self.head
        for start, stop in self.pieces:
            if start is None:
                yield bytes(stop)
                continue
            self.file.seek(start)
            for position in range(start, stop, _PIECE_BYTES):
                yield self.file.read(min(_PIECE_BYTES, stop - position))


def opened(file: BinaryIO) -> Opened:
    """Takes a file apart. Raises FileNotUnderstood.

    The file is kept open and is written into when it is shown: give it a copy.
    """
    head = read_head(file)
    if isinstance(head, RefusedFile):
        raise FileNotUnderstood(head.reason)
    syntax = UID(head.TransferSyntaxUID)
    if not syntax.is_transfer_syntax:
        raise FileNotUnderstood("Its transfer syntax is not known.")
    encoding = Encoding(syntax.is_implicit_VR, syntax.is_little_endian)
    try:
        file.seek(head.dataset_offset)
        body, end = (_inflated(file) if syntax.is_deflated else file), head.size_bytes
        if syntax.is_deflated:
            end = body.seek(0, os.SEEK_END)
            body.seek(0)
        dataset = read_dataset(body, encoding.implicit, encoding.little, stop_when=_at_pixels)
        _check_lengths(dataset)
    except Exception as problem:  # whatever pydicom stumbles over, such a file is not given out
        raise FileNotUnderstood("Its dataset cannot be read.") from problem
    return Opened(syntax, encoding, dataset, body, body.tell(), end)


def _inflated(file: BinaryIO) -> BinaryIO:
    """What is packed in the rest of a file. Raises zlib.error, and FileNotUnderstood for too much."""
    body = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - kept as long as the Opened
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    packed = file.read(_PIECE_BYTES)
    while packed and not unpacker.eof:
        body.write(unpacker.decompress(packed, _PIECE_BYTES))
        packed = unpacker.unconsumed_tail or file.read(_PIECE_BYTES)
        if body.tell() > _LONGEST_INFLATED_BYTES:
            raise FileNotUnderstood("It holds more than anybody would send packed so.")
    body.write(unpacker.flush())
    if not unpacker.eof:
        raise FileNotUnderstood("It ends early.")
    return cast(BinaryIO, body)


def _check_lengths(dataset: Dataset) -> None:
    """Raises FileNotUnderstood when the bytes end within a value, which pydicom lets pass."""
    for element in dataset.values():
        if not isinstance(element, RawDataElement) or element.length == _UNDEFINED:
            continue
        if len(element.value or b"") != element.length:
            raise FileNotUnderstood("It ends within a value.")


def _at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) >= _FIRST_PIXELS


def shown_file(file: Opened, pseudonyms: Pseudonyms, more: dict[int, tuple[str, Any]]) -> Shown:
    """The file as the holder of a pseudonymised grant sees it, in the same transfer syntax.

    `more` are attributes to add: tag -> (VR, text, number or list of items as such dictionaries).
    Remarks in compressed frames are overwritten in `file`, one frame after the other. Raises
    FileNotUnderstood.
    """
    try:
        walker = _Walker(file.encoding, pseudonyms, removed_from_file(file.dataset))
        elements = walker.shown(file.dataset, 0, _charset(file.dataset, "iso8859"))
        for tag, (vr, value) in {**_aged(file.dataset, elements), **more}.items():
            elements[tag] = walker.added(tag, vr, value)
        body = b"".join(elements[tag] for tag in sorted(elements))
        pixels = tuple(shown_pixels(file.file, file.pixels_at, _layout(file)))
        begun = b"".join((bytes(PREAMBLE_BYTES), b"DICM", _meta(file, pseudonyms)))
    except FileNotUnderstood:
        raise
    except Exception as problem:  # as in `opened`
        raise FileNotUnderstood("Its dataset cannot be read.") from problem
    if file.TransferSyntaxUID.is_deflated:
        return _deflated(begun, Shown(body, file.file, pixels))
    return Shown(begun + body, file.file, pixels)


def _deflated(begun: bytes, plain: Shown) -> Shown:
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - kept by the answer
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    for chunk in plain.chunks():
        file.write(packer.compress(chunk))
    file.write(packer.flush())
    size = file.tell()
    return Shown(begun, cast(BinaryIO, file), ((0, size), (None, size % 2)))


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

    def __init__(self, encoding: Encoding, pseudonyms: Pseudonyms, removed: RemovedWords) -> None:
        self._encoding = encoding
        self._pseudonyms = pseudonyms
        self._removed = removed

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
        tag, vr = int(element.tag), vr_of(element)
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
            kept = b"" if self._removed.stand_in(value) else value
            return written(tag, vr, kept, self._encoding)
        made = decided.rule(_values(vr, value, charset), self._pseudonyms) if value else []
        if vr in NUMBERS_AS_TEXT and self._removed.are_among(made):
            made = []
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


def _layout(file: Opened) -> PixelElements:
    dataset = file.dataset
    bits = int(dataset.get("Rows", 0)) * int(dataset.get("Columns", 0))
    frames = int(dataset.get("NumberOfFrames") or 1)
    bits *= int(dataset.get("SamplesPerPixel", 1)) * frames * int(dataset.get("BitsAllocated", 0))
    subsampled = dataset.get("PhotometricInterpretation") in ("YBR_FULL_422", "YBR_PARTIAL_422")
    return PixelElements(
        str(file.TransferSyntaxUID),
        file.encoding.order,
        file.encoding.implicit,
        frames,
        None if subsampled or not bits else -(-bits // 8),
        file.end,
    )
