"""Frames as Orthanc holds them.

Nearly all instances hold one uncompressed frame. Orthanc sends such a file in less than a
millisecond, and where the pixels lie stands in its first bytes, so it is passed on from there.
Frames of a multi-frame object Orthanc cuts out itself: it keeps the object parsed, so a frame costs
1 ms, while reading the file up to it costs the whole file each time.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice

import numpy as np

from server.archive import Archive, ArchiveFailed, ArchiveUnavailable, NotInArchive, Stream
from server.dicom.decoding import DECODABLE, SyntaxUnknown, is_doubtful
from server.dicom.frame_shape import FrameShape
from server.dicom.remarks import StreamNotUnderstood, without_remarks
from server.dicom.transfer_syntaxes import BIG_ENDIAN, DEFLATED, EXPLICIT_LITTLE, UNCOMPRESSED
from server.dicomweb.media.accept import MULTIPART, NATIVE, OCTETS
from server.dicomweb.media.copies import copied
from server.dicomweb.media.multipart import unwrap
from server.dicomweb.media.ranges import Segment, of_bytes, of_made, of_stream
from server.dicomweb.pixels.framing import (
    Place,
    broken,
    decoded_or_broken,
    native_segment,
    unreadable,
)
from server.dicomweb.pixels.layout import (
    HEAD_BYTES,
    LONGEST_HEADER_BYTES,
    PixelLayout,
    find_pixels,
    stored_syntax,
)
from server.dicomweb.pixels.transcoding import native_shape
from server.dicomweb.views.scope import outside
from server.prepared.stored import MOST_FRAMES, read_stored

READ_ON_BYTES = 256 * 1024  # so much behind the pixels is cheaper to read than a new connection
LAYOUTS_KEPT = 1024
LAYOUT_BELIEVED_FOR_S = 60.0
UNKNOWN_COUNT = 10**6


class ArchivedFrames:
    """Frames as Orthanc gives them. `stream` is the file behind the bytes of `head`, while it is
    open: only where that file is one frame and little else. `bare`: frames as they are stored come
    without the remarks that compressed ones may hold.
    """

    def __init__(
        self,
        archive: Archive,
        place: Place,
        orthanc_id: str,
        layout: PixelLayout,
        head: bytes = b"",
        stream: Stream | None = None,
        *,
        bare: bool = False,
    ) -> None:
        self._archive = archive
        self._place = place
        self._layout = layout
        self._head = head
        self._stream = stream
        self._unread = stream
        self._bare = bare
        self._whole: _WholeFile | None = None
        self.orthanc_id = orthanc_id
        self.count = layout.frames
        syntax = layout.TransferSyntaxUID
        self.stored = EXPLICIT_LITTLE if syntax in UNCOMPRESSED else syntax
        self.have = (self.stored,)
        self.is_proven = self.stored == EXPLICIT_LITTLE
        shape = layout.shape
        self.shape = native_shape(syntax, shape) if shape is not None else None

    def ready(self, number: int, syntax: str) -> Segment:
        self.check(number)
        length = self._layout.frame_bytes
        if self._layout.TransferSyntaxUID not in NATIVE:
            if syntax == EXPLICIT_LITTLE:
                return native_segment(self, number)
            return of_bytes(self._as_stored(number))
        if length is None:
            return of_bytes(self.native(number))
        if self._unread is None:
            return of_made(length, lambda: self._cut_out(number))
        stream, self._unread = self._unread, None
        start, total = self._layout.value_offset, stream.content_length
        if total is not None and total < start + length:
            stream.close()
            raise broken("the file ends before its pixels do")
        begun = self._head[start : start + length]
        return _closing(of_stream(begun, stream, length), stream)

    def native(self, number: int) -> bytes:
        self.check(number)
        layout, shape = self._layout, self._layout.shape
        syntax = layout.TransferSyntaxUID
        if syntax and syntax not in UNCOMPRESSED and syntax not in DECODABLE:
            raise unreadable()  # Orthanc would give it as it is and call it uncompressed
        if shape is None or syntax == DEFLATED or not syntax:
            return self._by_orthanc(number)
        if syntax == BIG_ENDIAN or (layout.frame_bytes is None and syntax in NATIVE):
            return self._plain(number, shape)
        frame = self._cut_out(number)
        if syntax in NATIVE:
            return frame
        try:
            return decoded_or_broken(frame, syntax, shape)
        except SyntaxUnknown as error:
            raise unreadable() from error

    def close(self) -> None:
        self._close_stream()
        if self._whole is not None:
            self._whole.close()

    def _close_stream(self) -> None:
        self._unread = None
        if self._stream is not None:
            self._stream.close()

    def _as_stored(self, number: int) -> bytes:
        """A compressed frame, as this caller may see it. Raises FrameBroken and StudyOutsideGrant.

        It is decoded only where there is doubt: that costs more than giving it.
        """
        frame = self._cut_out(number)
        syntax, shape = self._layout.TransferSyntaxUID, self._layout.shape
        if shape is not None and shape.BitsAllocated % 8 == 0 and is_doubtful(frame, syntax):
            with contextlib.suppress(SyntaxUnknown):
                decoded_or_broken(frame, syntax, shape)
        if not self._bare:
            return frame
        try:
            return without_remarks(frame, syntax)
        except StreamNotUnderstood as error:
            raise outside() from error

    def _cut_out(self, number: int) -> bytes:
        """A frame as it is stored."""
        length = self._layout.frame_bytes
        if length is not None and self.count == 1:
            return self._read(0, length)
        self._close_stream()
        try:
            with self._archive.open_frame(self.orthanc_id, number - 1) as stream:
                frame = stream.read()
        except (ArchiveFailed, NotInArchive) as error:
            if length is None:
                return self._gathered(number, error)
            frame = b""
        if length is not None and len(frame) != length:
            return self._read((number - 1) * length, length)
        if not frame:
            raise broken("the frame is empty")
        return frame

    def _gathered(self, number: int, why: Exception) -> bytes:
        """A compressed frame that Orthanc does not cut out: one of several fragments, where no table
        says with which of them a frame begins (PS3.5 A.4)."""
        if self._whole is None:
            try:
                self._whole = _WholeFile(self._archive, self.orthanc_id)
            except NotInArchive:
                raise outside() from why
        frame = self._whole.frame(number)
        if not frame:
            raise broken("Orthanc cannot cut it out, and its fragments do not tell it") from why
        return frame

    def check(self, number: int) -> None:
        if self.count > MOST_FRAMES:  # Orthanc would take memory for each before it looks for one
            raise broken("it says to have more frames than anything has")
        shape = self._layout.shape
        if self.stored == EXPLICIT_LITTLE and shape is not None and not shape.frame_bits:
            raise broken("its rows and columns make no picture")
        if not self._layout.holds(number):
            raise broken("the value of Pixel Data is too short")

    def check_all(self) -> None:
        self.check(self.count)

    def _read(self, start: int, length: int) -> bytes:
        """Bytes of the value of Pixel Data, read out of the file."""
        self._close_stream()
        offset = self._layout.value_offset + start
        with self._archive.open_file(self.orthanc_id) as stream:
            total = stream.content_length
            if total is not None and total < offset + length:
                raise broken("the file ends before its pixels do")
            stream.skip(offset)
            data = b"".join(stream.chunks(length))
            stream.read(READ_ON_BYTES)
        return data

    def _plain(self, number: int, shape: FrameShape) -> bytes:
        """An uncompressed frame whose bytes are not simply those in the file: it begins within one
        (PS3.5 8.1.1), or they are swapped (PS3.5 7.3).
        """
        layout, word = self._layout, self._layout.word_bytes
        first = (number - 1) * shape.frame_bits
        last = first + shape.frame_bits
        start = first // 8 // word * word
        stop = min(-(-last // (8 * word)) * word, layout.value_bytes or 0)
        data = self._read(start, stop - start)
        if word > 1:
            data += bytes(-len(data) % word)
            data = np.frombuffer(data, f">u{word}").astype(f"<u{word}").tobytes()
        begin = first - start * 8
        if begin % 8 == 0 and shape.frame_bits % 8 == 0:
            return data[begin // 8 : begin // 8 + shape.frame_bytes]
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return np.packbits(bits[begin : begin + shape.frame_bits], bitorder="little").tobytes()

    def _by_orthanc(self, number: int) -> bytes:
        """A frame that Orthanc makes Explicit VR Little Endian."""
        self._close_stream()
        accept = f'{MULTIPART}; type="{OCTETS}"; transfer-syntax={EXPLICIT_LITTLE}'
        try:
            with self._archive.open_dicomweb(
                f"{self._place.path}/frames/{number}", accept=accept
            ) as stream:
                return b"".join(unwrap(stream).chunks())
        except (ArchiveFailed, NotInArchive) as error:
            raise unreadable() from error


class _WholeFile:
    """A file copied from the archive, for frames of which only the fragments before them tell where they
    begin. They are gone through once as long as they are asked for in order."""

    def __init__(self, archive: Archive, orthanc_id: str) -> None:
        """Raises NotInArchive and ArchiveUnavailable."""
        with archive.open_file(orthanc_id) as stream:
            self._file = copied(stream.chunks())
        self._frames: Iterator[bytes] = iter(())
        self._next = UNKNOWN_COUNT

    def frame(self, number: int) -> bytes:
        """Frame `number` (from 1) as it is stored; nothing where there is none to be found."""
        try:
            if number < self._next:
                self._file.seek(0)
                self._frames, self._next = read_stored(self._file).frames(), 1
            found = next(islice(self._frames, number - self._next, None), b"")
        except Exception:  # bytes that are not what they say fail in many ways
            self._next = UNKNOWN_COUNT
            return b""
        self._next = number + 1
        return found

    def close(self) -> None:
        self._file.close()


def _closing(segment: Segment, stream: Stream) -> Segment:
    """The same segment; what little follows it is read, so that the connection can be kept."""

    def chunks(start: int, stop: int) -> Iterator[bytes]:
        try:
            yield from segment.chunks(start, stop)
            if stop == segment.length:
                stream.read(READ_ON_BYTES)
        finally:
            stream.close()

    return Segment(segment.length, chunks)


class _Layouts:
    """Layouts of multi-frame objects, whose files are too long to be opened for each frame."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, PixelLayout]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, orthanc_id: str) -> PixelLayout | None:
        with self._lock:
            until, layout = self._kept.get(orthanc_id, (0.0, None))
        return layout if time.monotonic() < until else None

    def keep(self, orthanc_id: str, layout: PixelLayout) -> None:
        with self._lock:
            self._kept[orthanc_id] = (time.monotonic() + LAYOUT_BELIEVED_FOR_S, layout)
            self._kept.move_to_end(orthanc_id)
            while len(self._kept) > LAYOUTS_KEPT:
                self._kept.popitem(last=False)


_layouts = _Layouts()


def open_archived(archive: Archive, place: Place, *, bare: bool = False) -> ArchivedFrames:
    """The frames of an instance as the archive holds it; `bare` as in ArchivedFrames.

    Raises StudyOutsideGrant.
    """
    for orthanc_id in archive.candidates(place.study, place.series, place.instance):
        known = _layouts.get(orthanc_id)
        if known is not None:
            return ArchivedFrames(archive, place, orthanc_id, known, bare=bare)
        try:
            stream = archive.open_file(orthanc_id)
        except NotInArchive:
            continue
        head, layout = read_layout(stream)
        if layout.frames == 1:
            return ArchivedFrames(archive, place, orthanc_id, layout, head, stream, bare=bare)
        stream.close()
        _layouts.keep(orthanc_id, layout)
        return ArchivedFrames(archive, place, orthanc_id, layout, bare=bare)
    raise outside()


def read_layout(stream: Stream) -> tuple[bytes, PixelLayout]:
    """The file's first bytes, as many as it takes to know where its pixels lie."""
    head, size = b"", HEAD_BYTES
    try:
        while True:
            piece = stream.read(size - len(head))
            head += piece
            whole = len(head) < size
            layout = find_pixels(head, whole=whole)
            if layout is not None:
                return head, layout
            if whole or size >= LONGEST_HEADER_BYTES:
                # Not understood here: the number of frames is left to Orthanc.
                return head, PixelLayout(stored_syntax(head), UNKNOWN_COUNT, 0, None)
            size *= 4
    except ArchiveUnavailable:
        stream.close()
        raise
