"""Files that are kept: addressed by the SHA-256 of their content, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from server.foundation.errors import NotFound

_SHA256 = re.compile(r"[0-9a-f]{64}")
_HALF = "tmp"


class FileMissing(NotFound):
    """The content that a record speaks of is not on disk."""


class FileStore:
    """A folder of immutable contents. The same content is kept once."""

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

    def open(self, sha256: str) -> BinaryIO:
        """The content as an open binary file; raises FileMissing."""
        return self.path(sha256).open("rb")

    def path(self, sha256: str) -> Path:
        """Where the content lies; raises FileMissing."""
        target = self._target(sha256)
        if not target.is_file():
            raise FileMissing("This file is not in the store.", remedy="Restore it from a backup.")
        return target

    def _target(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise FileMissing("This is not the name of a kept file.")
        return self.folder / sha256[:2] / sha256


def _changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
