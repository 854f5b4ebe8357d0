"""Files that are kept: addressed by the SHA-256 of their content, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from server.foundation.errors import NotFound

_SHA256 = re.compile(r"[0-9a-f]{64}")
_HALF = "tmp"
_ASIDE = "aside"


class FileMissing(NotFound):
    """The content that a record speaks of is not on disk."""


class FileStore:
    """A folder of immutable contents. The same content is kept once.

    What no record speaks of is first set aside, in a folder of the store, and still read from there: a
    record that turns up after all (it was being committed, a backup was restored) finds its content.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        """Keep `content` and give its SHA-256 (64 lower-case hexadecimal digits)."""
        sha256 = hashlib.sha256(content).hexdigest()
        target = self._target(sha256)
        if target.exists():
            return sha256
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=_HALF, delete=False) as half:
            half.write(content)
            half.flush()
            os.fsync(half.fileno())
        Path(half.name).replace(target)
        return sha256

    def clear_half_written(self, before: datetime) -> int:
        """Delete what nobody finished writing and nobody wrote on since that moment: whoever did was
        killed. How many."""
        half = [one for one in self.folder.glob(f"??/{_HALF}*") if _changed_at(one) < before]
        for one in half:
            one.unlink(missing_ok=True)
        return len(half)

    def kept(self, before: datetime) -> list[str]:
        """The SHA-256 of every content that was written before that moment and is not set aside."""
        return _names(self.folder.glob("??/*"), before)

    def aside(self, before: datetime) -> list[str]:
        """The SHA-256 of every content that was set aside before that moment."""
        return _names((self.folder / _ASIDE).glob("*"), before)

    def set_aside(self, sha256: str, now: datetime) -> None:
        """Put a content where it waits to be deleted. Repeatable."""
        target, aside = self._target(sha256), self._aside(sha256)
        aside.parent.mkdir(exist_ok=True, mode=0o700)
        try:
            # Before it is moved, so that it never lies there with its old age.
            os.utime(target, (now.timestamp(),) * 2)
            target.replace(aside)
        except FileNotFoundError:
            return

    def bring_back(self, sha256: str) -> None:
        """Put a content that was set aside where it was. Repeatable."""
        target = self._target(sha256)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._aside(sha256).replace(target)
        except FileNotFoundError:
            return

    def delete_aside(self, sha256: str) -> None:
        """Delete a content that was set aside, for good. Repeatable."""
        self._aside(sha256).unlink(missing_ok=True)

    def open(self, sha256: str) -> BinaryIO:
        """The content as an open binary file; raises FileMissing."""
        return self.path(sha256).open("rb")

    def path(self, sha256: str) -> Path:
        """Where the content lies; raises FileMissing."""
        target = self._target(sha256)
        # The first place twice: it may be brought back between the two looks.
        for place in (target, self._aside(sha256), target):
            if place.is_file():
                return place
        raise FileMissing("This file is not in the store.", remedy="Restore it from a backup.")

    def altered(self) -> Iterator[str]:
        """The SHA-256 of every content that is not the one its name says; reads all of them."""
        for place in (*self.folder.glob("??/*"), *(self.folder / _ASIDE).glob("*")):
            if not _SHA256.fullmatch(place.name):
                continue
            try:
                with place.open("rb") as content:
                    found = hashlib.file_digest(content, "sha256").hexdigest()
            except FileNotFoundError:
                continue  # It was set aside, or deleted, since it was listed.
            if found != place.name:
                yield place.name

    def _target(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise FileMissing("This is not the name of a kept file.")
        return self.folder / sha256[:2] / sha256

    def _aside(self, sha256: str) -> Path:
        return self.folder / _ASIDE / self._target(sha256).name


def _names(paths: Iterable[Path], before: datetime) -> list[str]:
    named = (one for one in paths if _SHA256.fullmatch(one.name))
    return sorted(one.name for one in named if _changed_at(one) < before)


def _changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
