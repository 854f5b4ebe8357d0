"""The bytes of uploads on disk: written piece by piece, taken up where they broke off.

One file per upload, named by its id and by nothing that a sender chose. How much has come is the size
of that file, also after a crash. What was answered for is on the disk before it is answered.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path

from server.foundation.errors import BadRequest, Conflict, Damaged, NoRoom, NotFound, TooLarge

WRITTEN_OUT_BYTES = 8 * 1024 * 1024
CHECKSUMS = ("md5", "sha1", "sha256")  # of tus 1.0; sha1 is the one that every server has to know
_ID = re.compile(r"[0-9a-f]{32}")
_TURN = ".turn"
_SCRATCH = ".scratch"
LISTING = ".listed-"


class UploadNotFound(NotFound):
    """There is no such upload, or its time is over."""


class OffsetMismatch(Conflict):
    """The piece does not begin where the file ends."""


class TakenOver(Conflict):
    """Another request goes on with this upload."""


class LongerThanSaid(TooLarge):
    """More came than was announced."""


class ChecksumUnknown(BadRequest):
    """The checksum is of a kind that is not computed here, or is none."""


class ChecksumMismatch(Damaged):
    """The piece was damaged on its way. It was thrown away."""


class DiskFull(NoRoom):
    """Uploads would use room that is kept free."""


@dataclass(frozen=True)
class Checksum:
    """What a piece should have: the name of the algorithm, and the digest."""

    algorithm: str
    digest: bytes


def checksum_of(text: str) -> Checksum:
    """A checksum as tus 1.0 words it: `sha1 ` and the digest in base64. Raises ChecksumUnknown."""
    algorithm, _, encoded = text.strip().partition(" ")
    try:
        digest = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm not in CHECKSUMS or not digest:
        raise ChecksumUnknown(
            "This checksum is not understood.", remedy=f"Use one of {', '.join(CHECKSUMS)}."
        )
    return Checksum(algorithm, digest)


class UploadFolder:
    """The folder of uploads. `reserve_bytes` of its disk stay free whatever comes."""

    def __init__(self, folder: Path, reserve_bytes: int = 0) -> None:
        self.folder = folder
        self.reserve_bytes = reserve_bytes

    def begin(self, upload_id: str) -> None:
        """Make the empty file of an upload, safe on disk."""
        self._make(upload_id)
        self._sync_folder()

    def put(
        self, upload_id: str, pieces: Iterator[bytes], total: int, checksum: Checksum | None = None
    ) -> int:
        """Make the file and write what comes, safe on disk; as `begin` and `append` in one."""
        self._make(upload_id)
        reached = self.append(upload_id, pieces, offset=0, total=total, checksum=checksum)
        self._sync_folder()
        return reached

    def _make(self, upload_id: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._named(upload_id).open("xb").close()

    def path(self, upload_id: str) -> Path:
        """Where the bytes lie; raises UploadNotFound."""
        path = self._named(upload_id)
        if not path.is_file():
            raise UploadNotFound(
                "This upload is not here any more.", remedy="Choose the file again to send it anew."
            )
        return path

    def offset(self, upload_id: str) -> int:
        """How many bytes have come; raises UploadNotFound."""
        return self.path(upload_id).stat().st_size

    def append(
        self,
        upload_id: str,
        pieces: Iterator[bytes],
        *,
        offset: int,
        total: int,
        checksum: Checksum | None = None,
    ) -> int:
        """Write `pieces` behind what is here and give how many bytes there are then, safe on disk.

        `pieces` may end early: what came before stays, and nobody can hold a part against its
        checksum. A later request takes the upload over from one that still waits for its line.
        Raises OffsetMismatch, LongerThanSaid, ChecksumMismatch, TakenOver, DiskFull, UploadNotFound.
        """
        path = self.path(upload_id)
        if path.stat().st_size != offset:
            raise OffsetMismatch(
                "This piece does not begin where the last one ended.",
                remedy="Ask how much has come and go on from there.",
            )
        turn = self._take_turn(upload_id)
        begun = offset
        digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        at = offset
        with path.open("r+b", buffering=0) as file, _disk_full_is_said():
            file.seek(offset)
            try:
                for piece in pieces:
                    if at + len(piece) > total:
                        raise LongerThanSaid("More was sent than was announced.")
                    self._check_turn(upload_id, turn)
                    _write_whole(file, piece)
                    at += len(piece)
                    if at - begun >= WRITTEN_OUT_BYTES:
                        # The disk begins now, so that little is left to wait for at the end.
                        os.posix_fadvise(file.fileno(), begun, at - begun, os.POSIX_FADV_DONTNEED)
                        begun = at
                    if digest is not None:
                        digest.update(piece)
            finally:
                os.fsync(file.fileno())
            if digest is not None and checksum and digest.digest() != checksum.digest:
                self._check_turn(upload_id, turn)
                file.truncate(offset)
                os.fsync(file.fileno())
                raise ChecksumMismatch(
                    "This piece was damaged on its way.", remedy="Send it once more."
                )
        return at

    def remove(self, upload_id: str) -> None:
        """Forget the bytes of an upload. Repeatable."""
        for name in ("", _TURN):
            self._named(upload_id, name).unlink(missing_ok=True)
        shutil.rmtree(self._named(upload_id, _SCRATCH), ignore_errors=True)

    def scratch(self, upload_id: str) -> Path:
        """An empty folder for what is unpacked of an upload while it is looked through."""
        folder = self._named(upload_id, _SCRATCH)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder

    def keep_listing(self, upload_id: str, place: int, text: str) -> None:
        """Keep beside an upload what the table of contents at `place` of it lists; it stays after the
        upload's own bytes are gone. Repeatable."""
        half = self._named(upload_id, f"{LISTING}half")
        half.write_text(text, encoding="utf-8")
        half.replace(self._named(upload_id, f"{LISTING}{place}"))

    def listings(self, upload_id: str) -> list[tuple[int, str]]:
        """What is kept of an upload's tables of contents, each with its place."""
        found = self.folder.glob(f"{self._named(upload_id).name}{LISTING}*")
        return [
            (int(path.name.rpartition("-")[2]), path.read_text(encoding="utf-8"))
            for path in sorted(found)
            if not path.name.endswith("half")
        ]

    def forget_listing(self, upload_id: str, place: int) -> None:
        """The table of contents at `place` of an upload is of no more use."""
        self._named(upload_id, f"{LISTING}{place}").unlink(missing_ok=True)

    def listed_ids(self) -> set[str]:
        """The ids of all uploads of which a table of contents is kept."""
        return {path.name[:32] for path in self.folder.glob(f"*{LISTING}*")}

    def held(self) -> set[str]:
        """The ids of all uploads of which bytes are here."""
        if not self.folder.is_dir():
            return set()
        return {one.name[:32] for one in self.folder.iterdir() if _ID.fullmatch(one.name[:32])}

    def check_room(self, wanted_bytes: int) -> None:
        """Raise DiskFull when that many bytes would use the reserve."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if shutil.disk_usage(self.folder).free - wanted_bytes < self.reserve_bytes:
            raise DiskFull(
                "The server's disk has no room for this file.",
                remedy="Nothing is lost. Tell the coordinator, and send it later.",
            )

    def _named(self, upload_id: str, suffix: str = "") -> Path:
        if not _ID.fullmatch(upload_id):
            raise UploadNotFound("There is no such upload.", remedy="Reload the page.")
        return self.folder / f"{upload_id}{suffix}"

    def _take_turn(self, upload_id: str) -> str:
        turn = secrets.token_hex(8)
        half = self._named(upload_id, f"{_TURN}-{turn}")
        half.write_text(turn)
        half.replace(self._named(upload_id, _TURN))
        return turn

    def _check_turn(self, upload_id: str, turn: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self._named(upload_id, _TURN).read_text() == turn:
                return
        raise TakenOver("Another request goes on with this upload.")

    def _sync_folder(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_whole(file: RawIOBase, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        left = left[file.write(left) or 0 :]


@contextlib.contextmanager
def _disk_full_is_said() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(
            "The server's disk is full. What came before is kept.",
            remedy="Tell the coordinator, and go on later.",
        ) from problem
