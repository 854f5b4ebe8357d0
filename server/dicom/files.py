"""Telling a DICOM Part 10 file from anything else, before anybody relies on it.

Only the header is looked at; pixels are neither read nor decoded. A refusal is a value that names
the file and the reason, so that a whole folder can be gone through and every refused file be
listed.
"""

from __future__ import annotations

import os
import re
import struct
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from pydicom import dcmread
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import data_element_generator, read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from server.dicom.uids import is_uid

PREAMBLE_BYTES: Final = 128  # PS3.10 7.1
_PREFIX: Final = b"DICM"  # PS3.10 7.1
_DATASET_FROM: Final = PREAMBLE_BYTES + len(_PREFIX)
MEDIA_DIRECTORY: Final = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage, PS3.4 Annex B.5
# No group 0002 that any writer makes comes near this; a larger one is an attempt to fill memory.
_MOST_META_BYTES: Final = 1 << 20
_UNDEFINED_LENGTH: Final = 0xFFFFFFFF  # PS3.5 7.1.1
_SKIPPED_FROM_BYTES: Final = 4096  # larger values are passed over instead of read
_PIXEL_DATA: Final = 0x7FE00010
_UNREADABLE: Final = (
    "It is cut off or damaged, or not in the transfer syntax that it names. Export it anew."
)


# How a dataset begins whose file has neither preamble nor DICM (PS3.5 7.1, little endian): in group 0002 or
# 0008 a group length, character set or image type. Files of before 1993 do, and some exports.
_BARE: Final = re.compile(
    rb"[\x02\x08]\x00[\x00\x01\x05\x08]\x00(UL\x04\x00|OB\x00\x00|CS|.{2}\x00\x00)", re.DOTALL
)


@dataclass(frozen=True)
class RefusedFile:
    """A file that was not taken: its name as the sender knows it, and why, in a sentence."""

    name: str
    reason: str


@dataclass(frozen=True)
class FileHead:
    """What the File Meta Information (PS3.10 7.1) says, and where the dataset begins.

    `dataset_offset` and `size_bytes` are counted from the start of the file.
    """

    name: str
    SOPClassUID: str
    SOPInstanceUID: str
    TransferSyntaxUID: str
    dataset_offset: int
    size_bytes: int

    @property
    def is_media_directory(self) -> bool:
        """A DICOMDIR: the table of contents of a disc, not an instance that can be stored."""
        return self.SOPClassUID == MEDIA_DIRECTORY


@dataclass(frozen=True)
class Accepted:
    """A Part 10 file that can be stored: its head, and its dataset without pixel data."""

    head: FileHead
    header: Dataset


def read_head(source: Path | bytes | BinaryIO, name: str = "") -> FileHead | RefusedFile:
    """Reads the File Meta Information alone, which costs a fraction of reading the dataset.

    `name` is what a refusal calls the file; the path's own name when it is left out. An open file
    is read from its beginning.
    """
    name = name or (str(source) if isinstance(source, Path) else "unnamed file")
    try:
        if isinstance(source, bytes):
            return _head(BytesIO(source), len(source), name)
        if not isinstance(source, Path):
            size = source.seek(0, os.SEEK_END)
            source.seek(0)
            return _head(source, size, name)
        with source.open("rb") as stream:
            return _head(stream, os.fstat(stream.fileno()).st_size, name)
    except OSError as problem:
        return RefusedFile(name, f"It cannot be read: {problem.strerror or problem}.")


def read_part10(source: Path | bytes, name: str = "") -> Accepted | RefusedFile:
    """Checks that this is a DICOM file that can be stored, and reads its dataset up to the pixels.

    Refused: no DICM prefix, empty or cut-off, no or unusable File Meta Information, a DICOMDIR, a
    dataset without SOPClassUID, SOPInstanceUID, StudyInstanceUID or SeriesInstanceUID, or one whose
    UIDs disagree with the File Meta Information.
    """
    head = read_head(source, name)
    if isinstance(head, RefusedFile):
        return head
    if head.is_media_directory:
        return RefusedFile(head.name, "It is a DICOMDIR (a table of contents), not an instance.")
    try:
        opened = BytesIO(source) if isinstance(source, bytes) else source
        header = dcmread(opened, stop_before_pixels=True)
        # Values are decoded on first use; doing it here is what makes the refusal happen here.
        found = {keyword: str(header.get(keyword, "")) for keyword in _IDENTIFIERS}
    except Exception as problem:
        return RefusedFile(head.name, f"Its dataset cannot be read: {_first_line(problem)}.")
    for keyword, value in found.items():
        if not is_uid(value):
            fault = "no UID" if value else "missing"
            return RefusedFile(head.name, f"Its {keyword} is {fault}.")
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if found[keyword] != getattr(head, keyword):
            return RefusedFile(
                head.name,
                f"Its {keyword} is {found[keyword]} in the dataset but "
                f"{getattr(head, keyword)} in the File Meta Information.",
            )
    return Accepted(head, header)


def why_unreadable(path: Path, head: FileHead) -> str:
    """Say in a sentence that the dataset ends in the middle of an element or is not in its transfer syntax;
    empty when a receiver can follow it to its end.

    A receiver that cannot waits for more (DCMTK neither answers nor hangs up), so whoever sends asks here
    first. Only the heads of the elements are read; of what is deflated, the beginning. What is merely odd
    (a character set that nobody knows, sequences too deep to follow) is left to the receiver's judgement.
    """
    syntax = UID(head.TransferSyntaxUID)
    if not syntax.is_transfer_syntax:
        return ""
    with path.open("rb") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream.seek(head.dataset_offset)
        try:
            return "" if _is_whole(stream, syntax, head.size_bytes) else _UNREADABLE
        except (EOFError, struct.error, zlib.error):
            return _UNREADABLE
        except (ArithmeticError, LookupError, NotImplementedError, RuntimeError, ValueError):
            return ""


def _is_whole(stream: BinaryIO, syntax: UID, size_bytes: int) -> bool:
    """Whether a dataset's elements can be followed to the end of its file. Raises what pydicom and zlib
    raise."""
    if syntax.is_deflated:
        zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream.read(_SKIPPED_FROM_BYTES), 1)
        return True
    elements = data_element_generator(
        stream, syntax.is_implicit_VR, syntax.is_little_endian, defer_size=_SKIPPED_FROM_BYTES
    )
    return all(_can_follow(one, syntax, size_bytes) for one in elements) and (
        stream.tell() == size_bytes
    )


def _can_follow(element: DataElement | RawDataElement, syntax: UID, size_bytes: int) -> bool:
    """Whether the element's value lies within the file and is encoded as the transfer syntax says."""
    if not isinstance(element, RawDataElement):
        return True
    if element.VR is None and not syntax.is_implicit_VR:
        return False
    if element.length == _UNDEFINED_LENGTH:
        return True
    is_native = element.tag == _PIXEL_DATA and element.length > 0
    # PS3.5 A.4: encapsulated pixels have no length of their own.
    wrong_pixels = is_native and syntax.is_encapsulated
    return not wrong_pixels and element.value_tell + element.length <= size_bytes


def lost_its_beginning(head: bytes) -> bool:
    """Whether a file without DICM begins as a dataset does: its first bytes (8 and more) tell."""
    return _BARE.match(head) is not None


def clear_preamble(file: BinaryIO) -> None:
    """Write 128 zero bytes before DICM; `file` is a Part 10 file, open for writing, at its beginning.

    The preamble is free for any use, so a file can be a program and an image at once
    (CVE-2019-11687).
    """
    file.write(bytes(PREAMBLE_BYTES))


_IDENTIFIERS: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


def _beyond_meta(tag: BaseTag, _vr: str | None, length: int) -> bool:
    if tag.group == 2 and length > _MOST_META_BYTES and length != 0xFFFFFFFF:
        raise ValueError(f"an element of {length} bytes in the File Meta Information")
    return tag.group != 2


def _head(stream: BinaryIO, size_bytes: int, name: str) -> FileHead | RefusedFile:
    if size_bytes == 0:
        return RefusedFile(name, "It is empty.")
    start = stream.read(_DATASET_FROM)
    if start[PREAMBLE_BYTES:] != _PREFIX:
        return RefusedFile(
            name, "It is not a DICOM file: there is no DICM after the first 128 bytes."
        )
    try:
        meta = read_dataset(stream, False, True, stop_when=_beyond_meta)
        head = FileHead(
            name,
            str(meta.get("MediaStorageSOPClassUID", "")),
            str(meta.get("MediaStorageSOPInstanceUID", "")),
            str(meta.get("TransferSyntaxUID", "")),
            stream.tell(),
            size_bytes,
        )
    except Exception as problem:
        return RefusedFile(
            name, f"Its File Meta Information cannot be read: {_first_line(problem)}."
        )
    for keyword in ("SOPClassUID", "SOPInstanceUID", "TransferSyntaxUID"):
        value = getattr(head, keyword)
        if not is_uid(value):
            what = "is missing from" if not value else "is no UID in"
            return RefusedFile(name, f"{keyword} {what} its File Meta Information.")
    if head.dataset_offset >= size_bytes:
        return RefusedFile(name, "It ends after the File Meta Information: it holds no dataset.")
    return head


def _first_line(problem: Exception) -> str:
    text = str(problem).strip().splitlines()
    return (text[0] if text else type(problem).__name__).rstrip(".")[:200]
