"""DICOM files as they leave: as stored, or in another transfer syntax, without ever being whole in
memory.

A file is written anew from its header and its frames, one after the other, on disk when it is
large. What cannot be understood so (no readable header, deflated) is left to Orthanc.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydicom import Dataset, dcmread, dcmwrite
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from server.archive import Archive, ArchiveFailed, NotInArchive, Stream
from server.dicom.byte_order import turned_little
from server.dicom.frame_shape import FrameShape
from server.dicom.transfer_syntaxes import (
    BIG_ENDIAN,
    EXPLICIT_LITTLE,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    RLE,
    UNCOMPRESSED,
)
from server.dicomweb.media.accept import NATIVE
from server.dicomweb.media.copies import copied
from server.dicomweb.media.multipart import PIECE_BYTES
from server.dicomweb.pixels.archived import ArchivedFrames, read_layout
from server.dicomweb.pixels.framing import FrameBroken, FrameUnreadable, Place
from server.dicomweb.pixels.layout import PixelLayout, stored_syntax
from server.dicomweb.pixels.transcoding import CannotEncode, encoded, may_become
from server.dicomweb.views.scope import Pass
from server.foundation.errors import NotAcceptable

LARGEST_WITHOUT_PIXELS_BYTES = 256 * 1024 * 1024
LONGEST_VALUE_BYTES = 0xFFFFFFFE  # PS3.5 7.1.1
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"  # PS3.5 A.4
_OFFSET_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
_UNWRITABLE = (
    InvalidDicomError,
    AttributeError,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
)


class SyntaxNotAvailable(NotAcceptable):
    """This instance cannot be given in the transfer syntax asked for."""


@dataclass(frozen=True)
class OpenFile:
    """A DICOM file that is being read; `length` in bytes, or None while nobody knows it."""

    length: int | None
    chunks: Callable[[], Iterator[bytes]]
    close: Callable[[], None]


def open_file(pass_: Pass, place: Place, orthanc_id: str, syntax: str | None) -> OpenFile | None:
    """An instance as this caller may see it; None when it is withheld.

    `syntax` is a UID, `*` (as stored), or None: Explicit VR Little Endian where it can be made, else
    as stored, for the file itself says what it is. Raises NotInArchive, and SyntaxNotAvailable when
    a UID cannot be had.
    """
    file = _in_syntax(pass_.archive, place, orthanc_id, syntax)
    if not pass_.view.pseudonymised:
        return file
    try:
        copy = copied(file.chunks())
    finally:
        file.close()
    shown = None
    try:
        shown = pass_.view.file(copy)
    finally:
        if shown is None:
            copy.close()
    if shown is None:
        return None

    def close() -> None:
        shown.file.close()
        copy.close()

    return OpenFile(shown.length, shown.chunks, close)


def _in_syntax(archive: Archive, place: Place, orthanc_id: str, syntax: str | None) -> OpenFile:
    stream = archive.open_file(orthanc_id)
    if syntax == "*":
        return _as_stored(b"", stream)
    head, layout = read_layout(stream)
    wanted = syntax or EXPLICIT_LITTLE
    if (layout.TransferSyntaxUID or stored_syntax(head)) == wanted:
        return _as_stored(head, stream)
    try:
        return _rewritten(archive, place, orthanc_id, head, stream, layout, wanted)
    except (CannotEncode, FrameBroken, FrameUnreadable, *_UNWRITABLE) as error:
        stream.close()
        return _other_way(archive, orthanc_id, syntax, layout.TransferSyntaxUID, error)
    except BaseException:
        stream.close()
        raise


def _as_stored(head: bytes, stream: Stream) -> OpenFile:
    def chunks() -> Iterator[bytes]:
        yield head
        yield from stream.chunks()

    return OpenFile(stream.content_length, chunks, stream.close)


def _other_way(
    archive: Archive, orthanc_id: str, syntax: str | None, stored: str, why: Exception
) -> OpenFile:
    """What Orthanc makes of it; as stored for whoever named no transfer syntax.

    Orthanc is asked only where no codec of pixels is at work: values that are not what their header
    says, which ours refuse, end the whole process in those of DCMTK.
    """
    wanted = syntax or EXPLICIT_LITTLE
    if not isinstance(why, FrameBroken) and {stored, wanted} <= UNCOMPRESSED:
        with contextlib.suppress(ArchiveFailed, NotInArchive):
            return _as_stored(b"", archive.open_transcoded(orthanc_id, wanted))
    if syntax is None:
        return _as_stored(b"", archive.open_file(orthanc_id))
    raise SyntaxNotAvailable(
        "This instance cannot be given in the transfer syntax asked for.",
        remedy="Ask for it as it is stored, with transfer-syntax=*.",
    ) from why


def _rewritten(
    archive: Archive,
    place: Place,
    orthanc_id: str,
    head: bytes,
    stream: Stream,
    layout: PixelLayout,
    wanted: str,
) -> OpenFile:
    stored = layout.TransferSyntaxUID
    understood = stored in NATIVE or stored == BIG_ENDIAN or UID(stored).is_encapsulated
    if not understood or not stored or wanted == JPEG_BASELINE:
        raise CannotEncode("A file of this kind cannot be written anew here.")
    if layout.frames == 0:
        return _without_pixels(head, stream, wanted)
    frames = ArchivedFrames(archive, place, orthanc_id, layout)
    shape = frames.shape
    if shape is None or shape.is_float or not may_become(wanted, shape):
        raise CannotEncode("Frames of this kind cannot be given in this transfer syntax.")
    begun = _header(head, wanted, shape)
    if wanted == EXPLICIT_LITTLE and stored in NATIVE and layout.value_bytes is not None:
        return _copied(begun, head, stream, layout)
    stream.close()
    if wanted != EXPLICIT_LITTLE:
        return _on_disk(_encapsulated(begun, frames, wanted, shape))
    length = shape.frame_bytes * frames.count
    if shape.BitsAllocated % 8 or length > LONGEST_VALUE_BYTES:
        raise CannotEncode("The pixels do not fit into one native value.")
    return _on_disk(_native(begun + _native_head(shape, length), frames, length))


def _on_disk(chunks: Iterator[bytes]) -> OpenFile:
    """Everything is made before the first byte leaves: one broken frame must not break off a whole
    study, and the length is known.
    """
    file = copied(chunks)
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    return OpenFile(length, lambda: iter(lambda: file.read(PIECE_BYTES), b""), file.close)


def _without_pixels(head: bytes, stream: Stream, wanted: str) -> OpenFile:
    """A report or a document: small enough to be held. Only its encoding changes."""
    if wanted != EXPLICIT_LITTLE:
        raise CannotEncode("Without pixels there is nothing to compress.")
    if (stream.content_length or 0) > LARGEST_WITHOUT_PIXELS_BYTES:
        raise CannotEncode("This file is too large to be written anew.")
    data = head + b"".join(stream.chunks())
    written = _written(_read(data), wanted)
    stream.close()
    return OpenFile(len(written), lambda: iter((written,)), lambda: None)


def _read(data: bytes) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return turned_little(dcmread(io.BytesIO(data), stop_before_pixels=True))


def _written(dataset: Dataset, syntax: str) -> bytes:
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcmwrite(file, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return file.getvalue()


def _header(head: bytes, wanted: str, shape: FrameShape) -> bytes:
    """Everything before the pixels, as it reads in the other transfer syntax."""
    dataset = _read(head)
    for keyword in _OFFSET_TABLES:
        if keyword in dataset:
            del dataset[keyword]
    if shape.SamplesPerPixel == 3:
        colour = shape.PhotometricInterpretation
        if wanted != EXPLICIT_LITTLE:
            dataset.PlanarConfiguration = 1 if wanted == RLE else 0
            if colour == "RGB" and (wanted == JPEG_2000_LOSSLESS or _is_htj2k(wanted)):
                colour = "YBR_RCT"  # PS3.5 8.2.4: the reversible transformation of Part 1
        dataset.PhotometricInterpretation = colour
    return _written(dataset, wanted)


def _is_htj2k(syntax: str) -> bool:
    return syntax.startswith("1.2.840.10008.1.2.4.20")


def _native_head(shape: FrameShape, length: int) -> bytes:
    vr = b"OW" if shape.BitsAllocated > 8 else b"OB"  # PS3.5 A.2
    return b"\xe0\x7f\x10\x00" + vr + b"\0\0" + struct.pack("<I", length + length % 2)


def _copied(begun: bytes, head: bytes, stream: Stream, layout: PixelLayout) -> OpenFile:
    """Native pixels are the same bytes in Implicit and Explicit VR: only what is before changes."""
    shape, length = layout.shape, layout.value_bytes
    total = stream.content_length
    if shape is None or length is None or (total or 0) < layout.value_offset + length:
        raise CannotEncode("The file ends before its pixels do.")
    start = begun + _native_head(shape, length)

    def chunks() -> Iterator[bytes]:
        yield start
        held = head[layout.value_offset : layout.value_offset + length]
        yield held
        yield from stream.chunks(length - len(held))
        yield b"\0" * (length % 2)

    return OpenFile(len(start) + length + length % 2, chunks, stream.close)


def _native(start: bytes, frames: ArchivedFrames, length: int) -> Iterator[bytes]:
    yield start
    for number in range(1, frames.count + 1):
        yield frames.native(number)
    yield b"\0" * (length % 2)


def _encapsulated(
    begun: bytes, frames: ArchivedFrames, syntax: str, shape: FrameShape
) -> Iterator[bytes]:
    """Fragments of one frame each behind an empty offset table (PS3.5 A.4)."""
    yield begun + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + _ITEM + b"\0\0\0\0"
    for number in range(1, frames.count + 1):
        frame = encoded(frames.native(number), syntax, shape)
        padded = frame + b"\0" * (len(frame) % 2)
        yield _ITEM + struct.pack("<I", len(padded))
        yield padded
    yield _END
