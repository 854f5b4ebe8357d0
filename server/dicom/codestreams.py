"""What the headers of compressed frames say: size, depth, and where each resolution ends. Pure."""

from __future__ import annotations

import struct

Picture = tuple[int, int, int, int]  # rows, columns, components, bits per component

_SOC, _SOT, _SIZ, _COD, _EOC = 0xFF4F, 0xFF90, 0xFF51, 0xFF52, 0xFFD9  # ISO/IEC 15444-1 table A.2
_RPCL = 2  # ISO/IEC 15444-1 table A.16
# Start-of-frame markers: ISO/IEC 10918-1 table B.1 (but DHT, JPG, DAC), and JPEG-LS's own (14495-1).
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}


def wavelet_picture(stream: bytes) -> Picture:
    """Size and depth in the SIZ marker of a JPEG 2000 codestream. Raises ValueError."""
    start = _codestream(stream)
    try:
        marker, right, bottom, left, top = struct.unpack_from(">H4xIIII", stream, start + 2)
        (components,) = struct.unpack_from(">H", stream, start + 40)
        depth = stream[start + 42]
    except (struct.error, IndexError) as reason:
        raise ValueError("its header is cut off") from reason
    if marker != _SIZ:
        raise ValueError("its header is not one of JPEG 2000")
    return bottom - top, right - left, components, (depth & 0x7F) + 1


def jpeg_picture(stream: bytes) -> Picture:
    """Size and depth in the frame header of a JPEG or JPEG-LS stream. Raises ValueError."""
    at = 2
    if stream[:2] != b"\xff\xd8":
        raise ValueError("it does not begin as a JPEG stream")
    while at + 9 < len(stream):
        if stream[at] != 0xFF:
            break
        marker = stream[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", stream, at + 2)
        if marker in _START_OF_FRAME:
            depth, rows, columns, components = struct.unpack_from(">BHHB", stream, at + 4)
            return rows, columns, components, depth
        at += 2 + length
    raise ValueError("it has no frame header")


def jpeg_whole(stream: bytes) -> bool:
    """Whether a JPEG stream ends with its end marker; padding after it is allowed."""
    return b"\xff\xd9" in stream[-64:]


def tile_parts_whole(stream: bytes) -> bool:
    """Whether every tile-part of a JPEG 2000 codestream is there to its end."""
    try:
        parts = _tile_parts(stream)
    except ValueError:
        return False
    return bool(parts) and parts[-1][1] <= len(stream)


def resolution_bytes(stream: bytes) -> tuple[int, ...]:
    """How many first bytes hold each resolution, smallest first, the last one the whole stream.

    Empty unless the codestream has one tile, goes by resolution (RPCL) and has one tile-part for
    each resolution: only then does a resolution end where a tile-part ends.
    """
    try:
        parts = _tile_parts(stream)
        progression, decompositions = _coding_style(stream)
    except ValueError:
        return ()
    one_tile = {tile for tile, _ in parts} == {0}
    if progression != _RPCL or not one_tile or len(parts) != decompositions + 1:
        return ()
    return (*(end for _, end in parts[:-1]), len(stream))


def _codestream(stream: bytes) -> int:
    """Where the codestream begins: at once, or inside a JP2 file's box."""
    if stream[:2] == b"\xff\x4f":
        return 0
    at = stream.find(b"jp2c\xff\x4f\xff\x51", 0, 4096)
    if at < 0:
        raise ValueError("it does not begin as a JPEG 2000 stream")
    return at + 4


def _segments(stream: bytes) -> list[tuple[int, int]]:
    """The marker segments of the main header: (marker, position)."""
    at, found = _codestream(stream) + 2, []
    while at + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, at)
        found.append((marker, at))
        if marker == _SOT:
            return found
        at += 2 + length
    raise ValueError("it has no tile")


def _coding_style(stream: bytes) -> tuple[int, int]:
    """(progression order, number of decompositions) of the main header."""
    for marker, at in _segments(stream):
        if marker == _COD:
            return stream[at + 5], stream[at + 9]
    raise ValueError("it has no coding style")


def _tile_parts(stream: bytes) -> list[tuple[int, int]]:
    """Of each tile-part its tile and where it ends. Raises ValueError."""
    at, found = _segments(stream)[-1][1], []
    while at + 12 <= len(stream):
        marker, tile, length = struct.unpack_from(">H2xHI", stream, at)
        if marker == _EOC:
            break
        if marker != _SOT or 0 < length < 14:
            raise ValueError("its tile-parts do not follow each other")
        at = at + length if length else len(stream)  # 0: up to the end of the codestream
        found.append((tile, at))
    return found
