"""Going through an archive that a stranger sent, one file at a time, and stopping where it turns bad.

Nothing is ever written under a name that stands in the archive. What an entry says of itself is held
against limits before a byte is unpacked, and against what really comes out while it is.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from server.intake.uploads.kinds import DICOM, HEAD_BYTES, TAIL_BYTES, ZIP, Kind, NotTaken, kind_of
from server.intake.uploads.names import legible

# A disc of a long follow-up has some 20,000 instances; the table of contents of 200,000 short names
# has about 20 MB and takes some 100 MB once read.
MOST_ENTRIES: Final = 200_000
MOST_CONTENTS_BYTES: Final = 40_000_000
# Deflate cannot do better than 1 : 1032; a blank segmentation comes near it. So the ratio counts only
# where it would fill the disk.
RATIO_COUNTS_FROM_BYTES: Final = 200_000_000
MOST_RATIO: Final = 200
PIECE_BYTES: Final = 1 << 20
DEPTH: Final = 2  # an archive, and archives in it
_ENCRYPTED: Final = 0x1  # general purpose flags, APPNOTE 4.4.4
_UTF8: Final = 0x800  # "language encoding flag", APPNOTE 4.4.4
# Without the names: signature, flags, lengths of name, extra field and comment.
_ENTRY: Final = struct.Struct("<4s4xH18x3H12x")  # in the table of contents, APPNOTE 4.3.12
_ENTRY_SIGNATURE: Final = b"PK\x01\x02"
_ENTRY_FLAGS_AT: Final = 8
_HEADER: Final = struct.Struct("<4s2xH18xH2x")  # before each entry, APPNOTE 4.3.7
_HEADER_SIGNATURE: Final = b"PK\x03\x04"
_HEADER_FLAGS_AT: Final = 6
_FLAGS: Final = struct.Struct("<H")
_END: Final = struct.Struct("<4s4H2LH")  # end of central directory, APPNOTE 4.3.16
_END64: Final = struct.Struct("<4sQ2H2L4Q")  # APPNOTE 4.3.14
_LOCATOR64: Final = struct.Struct("<4sLQL")  # APPNOTE 4.3.15


_UNREADABLE: Final = (
    zipfile.BadZipFile,
    ValueError,
    OSError,
    struct.error,
    NotImplementedError,
    MemoryError,
)


@dataclass(frozen=True)
class Limits:
    """How many bytes one file may have, and all of an upload together, unpacked."""

    file_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Found:
    """One file of an upload. `path` is where its bytes lie until the next one is asked for; None when
    it was turned away before that, `kind` then saying why. `size_bytes` is 0 then."""

    place: int
    name: str
    kind: Kind
    path: Path | None = None
    size_bytes: int = 0


def walk(
    path: Path, name: str, scratch: Path, limits: Limits, position: int = 0
) -> Iterator[Found]:
    """Everything in an upload, in an order that is always the same: the file itself, or, when it is a
    zip file, each file in it, zip files in it included.

    The first `position` files are not given again. Raises nothing but OSError for a full disk.
    """
    yield from _Walk(scratch, limits, position).of(path, name, 1)


class _Walk:
    def __init__(self, scratch: Path, limits: Limits, position: int) -> None:
        self._scratch = scratch
        self._limits = limits
        self._position = position
        self._place = 0
        self._unpacked = 0

    def of(self, path: Path, name: str, depth: int) -> Iterator[Found]:
        size = path.stat().st_size
        kind = sniff(path, name)
        if kind != ZIP:
            yield from self._give(name, kind, path, size)
        elif depth > DEPTH:
            reason = "A zip file in a zip file in a zip file is not unpacked. Send it by itself."
            yield from self._give(name, NotTaken(reason))
        else:
            yield from self._entries(path, name, depth)

    def _give(
        self, name: str, kind: Kind, path: Path | None = None, size: int = 0
    ) -> Iterator[Found]:
        place, self._place = self._place, self._place + 1
        if place >= self._position:
            yield Found(place, name, kind, path, size)

    def _entries(self, path: Path, name: str, depth: int) -> Iterator[Found]:
        unusable = why_unusable(path)
        if unusable:
            yield from self._give(name, NotTaken(unusable))
            return
        prefix = f"{name}/" if depth > 1 else ""
        with contextlib.ExitStack() as stack:
            try:
                archive = stack.enter_context(opened(path))
            except _UNREADABLE as bad:
                yield from self._give(name, NotTaken(f"The zip file cannot be read: {_said(bad)}."))
                return
            entries = archive.infolist()
            if len(entries) > MOST_ENTRIES:
                reason = f"It holds more than {MOST_ENTRIES} files. Send each study by itself."
                yield from self._give(name, NotTaken(reason))
                return
            files = [entry for entry in entries if not entry.is_dir()]
            refusal = "" if files else "The zip file is empty."
            refusal = refusal or why_a_bomb(files, path.stat().st_size)
            if refusal:
                yield from self._give(name, NotTaken(refusal))
                return
            for entry in files:
                yield from self._entry(archive, entry, prefix + readable_name(entry), depth)

    def _entry(
        self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, depth: int
    ) -> Iterator[Found]:
        refusal = why_refused(entry, self._limits.file_bytes)
        if not refusal and self._unpacked + entry.file_size > self._limits.total_bytes:
            refusal = "Unpacked, this is more than the case may hold. Nothing more of it is taken."
        if refusal:
            yield from self._give(name, NotTaken(refusal))
            return
        self._unpacked += entry.file_size
        # Nothing of an entry that was dealt with is unpacked again, unless others may lie in it.
        if self._place < self._position and not _may_be_zip(archive, entry):
            self._place += 1
            return
        target = self._scratch / f"{depth}"
        try:
            problem = unpack(archive, entry, target)
            if problem:
                yield from self._give(name, NotTaken(problem))
            else:
                yield from self.of(target, name, depth + 1)
        finally:
            target.unlink(missing_ok=True)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive at `path`.

    A name that is marked as UTF-8 and is not makes Python's reader give up the whole archive. Such a mark
    is overlooked, so that only the name suffers. Raises what zipfile raises for everything else.
    """
    try:
        archive = zipfile.ZipFile(path)
    except UnicodeDecodeError:
        with _NamesMended(path) as reader, zipfile.ZipFile(reader) as archive:
            reader.is_in_contents = False
            yield archive
    else:
        with archive:
            yield archive


class _NamesMended(io.FileIO):
    """An archive's file, in which no name is marked as UTF-8 that is not: not in the table of contents, and
    not in the header before an entry, which Python's reader asks for by its size."""

    is_in_contents = True

    def read(self, size: int | None = -1, /) -> bytes:
        at = self.tell()
        read = super().read(-1 if size is None else size) or b""
        if self.is_in_contents and read.startswith(_ENTRY_SIGNATURE):
            return _mended_contents(read)
        if len(read) == _HEADER.size and read.startswith(_HEADER_SIGNATURE):
            return self._mended_header(read, at + _HEADER.size)
        return read

    def _mended_header(self, header: bytes, name_at: int) -> bytes:
        _, flags, name_bytes = _HEADER.unpack(header)
        name = os.pread(self.fileno(), name_bytes, name_at)
        told = bytearray(header)
        _FLAGS.pack_into(told, _HEADER_FLAGS_AT, _mended_flags(flags, name))
        return bytes(told)


def _mended_contents(contents: bytes) -> bytes:
    told = bytearray(contents)
    at = 0
    while contents.startswith(_ENTRY_SIGNATURE, at) and at + _ENTRY.size <= len(contents):
        _, flags, name_bytes, extra_bytes, comment_bytes = _ENTRY.unpack_from(contents, at)
        name_at = at + _ENTRY.size
        name = contents[name_at : name_at + name_bytes]
        _FLAGS.pack_into(told, at + _ENTRY_FLAGS_AT, _mended_flags(flags, name))
        at = name_at + name_bytes + extra_bytes + comment_bytes
    return bytes(told)


def _mended_flags(flags: int, name: bytes) -> int:
    try:
        name.decode()
    except UnicodeDecodeError:
        return flags & ~_UTF8
    return flags


def readable_name(entry: zipfile.ZipInfo) -> str:
    """The name as people wrote it; where the archive does not say that it is UTF-8, as it makes sense."""
    if entry.flag_bits & _UTF8:
        return entry.filename
    try:
        # The original one: a backslash may be the second byte of a letter.
        return legible(entry.orig_filename.split("\0")[0].encode("cp437"))
    except UnicodeError:
        return entry.filename


def sniff(path: Path, name: str) -> Kind:
    """What the file at `path` is, by its first and last bytes."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return kind_of(head, file.read(TAIL_BYTES), name)


def why_unusable(path: Path) -> str:
    """Why a zip file is not even opened, in a sentence; "" when it may be.

    Reading a table of contents takes memory for every entry, so its size is looked at before.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - (65_535 + _END.size + _LOCATOR64.size)))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _END.size:
            return "The zip file is cut off: its table of contents is missing. Send it again."
        contents = _END.unpack_from(tail, at)[5]
        # Where Python's zipfile looks for the larger form: right before its locator.
        before = size - len(tail) + at - _LOCATOR64.size - _END64.size
        if before >= 0:
            file.seek(before)
            larger = file.read(_END64.size + 4)
            if larger[-4:] == b"PK\x06\x07" and larger[:4] == b"PK\x06\x06":
                contents = _END64.unpack(larger[:-4])[8]
    if contents > MOST_CONTENTS_BYTES:
        return "The zip file's table of contents is larger than that of any study."
    return ""


def why_a_bomb(files: list[zipfile.ZipInfo], size_bytes: int) -> str:
    """Why an archive as a whole is made to fill a disk, in a sentence; "" when it is not.

    Entries that share their bytes are how a small archive unpacks to petabytes (D. Fifield, A better
    zip bomb, WOOT 2019); no program that makes archives does that.
    """
    end = 0
    for entry in sorted(files, key=lambda one: one.header_offset):
        if entry.header_offset < end:
            return "Its files lie upon each other: this is not taken for an archive of records."
        end = entry.header_offset + _HEADER.size + entry.compress_size
    total = sum(entry.file_size for entry in files)
    if total > RATIO_COUNTS_FROM_BYTES and total > MOST_RATIO * size_bytes:
        return "It unpacks to far more than it is: this is not taken for an archive of records."
    return ""


def why_refused(entry: zipfile.ZipInfo, most_bytes: int) -> str:
    """Why an entry is not unpacked, by what it says of itself; "" when it may be."""
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "It is a link or a device, not a file."
    parts = entry.orig_filename.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or parts[0].endswith(":"):
        return "Its name leads out of the archive."
    if entry.flag_bits & _ENCRYPTED:
        return (
            "It is encrypted. Make the zip file without a password: the line is encrypted already."
        )
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "It is compressed in a way that is not taken. Make an ordinary zip file."
    if entry.file_size > most_bytes:
        return f"Unpacked it is larger than {most_bytes // 1_000_000} MB."
    bomb = entry.file_size > RATIO_COUNTS_FROM_BYTES
    if bomb and entry.file_size > MOST_RATIO * max(entry.compress_size, 1):
        return "It unpacks to far more than it is: this is not taken for a record."
    return ""


def unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> str:
    """Write an entry to `target` and prove it by its checksum; why not in a sentence, "" when done.

    Never more is written than the entry says that it holds.
    """
    try:
        with archive.open(entry) as source, target.open("wb") as sink:
            while piece := source.read(PIECE_BYTES):
                sink.write(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError) as bad:
        if "CRC" in str(bad):
            return "It is damaged: its checksum is another than the archive says. Send it again."
        return f"It is damaged and cannot be unpacked: {_said(bad)}."
    except (RuntimeError, NotImplementedError, ValueError, struct.error) as bad:
        return f"It cannot be unpacked: {_said(bad)}."
    if target.stat().st_size != entry.file_size:
        return "It is damaged: it holds less than the archive says. Send it again."
    return ""


def _may_be_zip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(entry) as source:
            head = source.read(HEAD_BYTES)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError):
        return False
    return head[:2] == b"PK" and kind_of(head, head, entry.filename) in (ZIP, DICOM)


def _said(problem: Exception) -> str:
    text = str(problem).strip().splitlines()
    return (text[0] if text else type(problem).__name__).rstrip(".")[:120]
