"""Free text in compressed frames, and how it is taken out. Pure.

JPEG (ISO/IEC 10918-1), JPEG-LS (14495-1), JPEG 2000 and HTJ2K (15444-1, -15) have room for comments
and for data of applications, where cameras, workstations and libraries write what they like. What is
not needed to draw the picture is overwritten with zeros: every length and every offset stays, so
offset tables, tile-part lengths, byte ranges and the picture itself are what they were.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from server.dicom.transfer_syntaxes import RLE, UNCOMPRESSED

_EXACT: Final = UNCOMPRESSED | {RLE}  # samples and nothing else (PS3.5 8.1, annex G)
# PS3.6 table A-1: every JPEG process, also the retired ones, and JPEG-LS; the wavelets.
_JPEG: Final = re.compile(r"1\.2\.840\.10008\.1\.2\.4\.([56][0-9]|70|80|81)")
_WAVELET: Final = re.compile(r"1\.2\.840\.10008\.1\.2\.4\.(9[0-3]|20[1-3])")

# ISO/IEC 10918-1 table B.1
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_APPLICATION: Final = range(0xE0, 0xF0)
_RESERVED: Final = frozenset({*range(0x02, 0xC0), *range(0xF0, 0xFE)}) - {
    0xF7,
    0xF8,
}  # JPEG-LS's own
# What a decoder needs of application data, by its beginning: how many bytes of it.
_NEEDED: Final = {
    (0xE0, b"JFIF\0"): 14,  # ISO/IEC 10918-5 10.1; behind it a thumbnail
    (0xEE, b"Adobe"): 12,  # ISO/IEC 10918-6 6.5.3: the colour transformation
    (0xE8, b"mrfx"): 5,  # the colour transformation of a widespread JPEG-LS encoder
}
_NEXT: Final = re.compile(rb"\xff+[\x01-\xfe]")
# Behind a scan's data: any marker but a restart. In JPEG-LS a byte below 0x80 may follow 0xFF.
_AFTER_SCAN: Final = re.compile(rb"\xff+[\x80-\xcf\xd8-\xfe]")

# ISO/IEC 15444-1 table A.2, and those of parts 2 and 15 that change how a picture is decoded.
_SOC, _SOT, _SOD, _WAVELET_EOC = 0xFF4F, 0xFF90, 0xFF93, 0xFFD9
_REGISTRATION_BYTES: Final = 2  # Rcom, which says whether the comment is text (A.9.2)
_DRAWING: Final = frozenset(
    {*range(0xFF50, 0xFF64), *range(0xFF70, 0xFF7A)}  # SIZ, COD, QCD, PLT, TLM, PPM, CAP, MCT ...
)
# The boxes of a JP2 file (15444-1 annex I) that hold no text, and those that hold others.
_SIGNATURE: Final = b"\0\0\0\x0cjP  \r\n\x87\n"
_BOXES_KEPT: Final = frozenset({b"jP  ", b"ftyp", b"ihdr", b"bpcc", b"pclr", b"cmap", b"cdef"})
_ENUMERATED_COLOUR: Final = 1


class StreamNotUnderstood(ValueError):
    """A compressed frame of which it cannot be said what every part of it is."""


def without_remarks(frame: bytes, syntax: str) -> bytes:
    """The frame with everything overwritten that is not its picture; of the same length.

    `frame` itself when there is nothing to overwrite. Raises StreamNotUnderstood, also for transfer
    syntaxes that are not known here.
    """
    if syntax in _EXACT:
        return frame
    held = bytearray(frame)
    try:
        if _JPEG.fullmatch(syntax):
            _clear_jpeg(held)
        elif _WAVELET.fullmatch(syntax):
            _clear_wavelet(held)
        else:
            raise StreamNotUnderstood("Streams of this kind are not known here.")
    except (IndexError, struct.error) as error:
        raise StreamNotUnderstood("It ends within one of its parts.") from error
    return frame if held == frame else bytes(held)


def _clear(held: bytearray, start: int, stop: int) -> None:
    if start < stop:
        held[start:stop] = bytes(stop - start)


def _clear_tail(held: bytearray, at: int) -> None:
    if len(held) - at > 1:  # one byte is padding, whatever its value (PS3.5 A.4)
        _clear(held, at, len(held))


def _clear_jpeg(held: bytearray) -> None:
    if held[:2] != bytes((0xFF, _SOI)):
        raise StreamNotUnderstood("It does not begin as a JPEG stream.")
    at = 2
    while True:
        at = _next_marker(held, at)
        marker = held[at + 1]
        if marker == _EOI:
            _clear_tail(held, at + 2)
            return
        if marker in _ALONE:
            at += 2
            continue
        stop = _segment_end(held, at)
        if marker == _COM or marker in _APPLICATION or marker in _RESERVED:
            _clear(held, at + 4 + _needed_bytes(marker, held[at + 4 : stop]), stop)
        at = stop
        if marker == _SOS:
            behind = _AFTER_SCAN.search(held, stop)
            if behind is None:
                raise StreamNotUnderstood("It has no end.")
            at = behind.start()


def _next_marker(held: bytearray, at: int) -> int:
    """Where the next marker's last 0xFF stands; decoders pass over what is before it."""
    behind = _NEXT.search(held, at)
    if behind is None:
        raise StreamNotUnderstood("It has no end.")
    _clear(held, at, behind.start())
    return behind.end() - 2


def _segment_end(held: bytearray, at: int) -> int:
    (length,) = struct.unpack_from(">H", held, at + 2)
    stop = at + 2 + int(length)
    if length < 2 or stop > len(held):
        raise StreamNotUnderstood("It ends within one of its parts.")
    return stop


def _needed_bytes(marker: int, content: bytearray) -> int:
    for (known, beginning), size in _NEEDED.items():
        if marker == known and content.startswith(beginning):
            return min(size, len(content))
    return 0


def _clear_wavelet(held: bytearray) -> None:
    at = _clear_boxes(held) if held.startswith(_SIGNATURE) else 0
    (begun,) = struct.unpack_from(">H", held, at)
    if begun != _SOC:
        raise StreamNotUnderstood("It does not begin as a JPEG 2000 codestream.")
    at = _clear_header(held, at + 2, _SOT)
    while at + 12 <= len(held):
        marker, length = struct.unpack_from(">H4xI", held, at)
        if marker == _WAVELET_EOC:
            break
        if marker != _SOT:
            raise StreamNotUnderstood("Its tile-parts do not follow each other.")
        # 0: up to the end of the codestream, whose marker no tile-part's data can hold (A.4.2, C.5).
        stop = at + length if length else held.rfind(b"\xff\xd9")
        data = _clear_header(held, at + 12, _SOD)
        if stop < data:
            raise StreamNotUnderstood("Its tile-parts do not follow each other.")
        at = stop
    _clear_tail(held, at + 2)


def _clear_header(held: bytearray, at: int, last: int) -> int:
    """Clears the segments of a header up to its last marker; gives where that stands."""
    while True:
        (marker,) = struct.unpack_from(">H", held, at)
        if marker == last:
            return at
        if marker < 0xFF30:
            raise StreamNotUnderstood("Its header is not made of marker segments.")
        if 0xFF30 <= marker < 0xFF40:  # reserved, without a length (A.1)
            at += 2
            continue
        stop = _segment_end(held, at)
        if marker not in _DRAWING:
            _clear(held, at + 4 + _REGISTRATION_BYTES, stop)
        at = stop


def _clear_boxes(held: bytearray) -> int:
    """Clears the boxes before the codestream of a JP2 file; gives where the codestream begins."""
    at, stop = 0, len(held)
    while at + 8 <= stop:
        length, kind = struct.unpack_from(">I4s", held, at)
        end = at + length if length else stop
        if kind == b"jp2c":
            return at + (16 if length == 1 else 8)
        if length == 1 or end < at + 8 or end > stop:
            break
        if kind == b"colr":
            _clear(held, at + 11 if held[at + 8] != _ENUMERATED_COLOUR else end, end)
        elif kind not in _BOXES_KEPT and kind != b"jp2h":
            _clear(held, at + 8, end)
        at = at + 8 if kind == b"jp2h" else end  # its content is boxes
    raise StreamNotUnderstood("It has no codestream.")
