"""Keeping the shelf within its bounds: what was not looked at for longest is given up first.

When a series was last used is the time of its folder, which the server renews as it serves. Anything on
the shelf can be made again, so giving up costs time and nothing else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from server.prepared.journal import is_doubtful
from server.prepared.shelf import MANIFEST
from server.prepared.writing import DRAFT, LEAVING, make_folder, remove_folder

MB = 1024 * 1024
DOWN_TO = 0.9  # of the bound, so that not every series makes room anew
LEAST_FREE_BYTES = 1024 * MB
LEAST_FREE_SHARE = 0.05
MOST_KEPT_FREE_BYTES = 20 * 1024 * MB  # 5 % of a large disk would be more than anybody misses


@dataclass(frozen=True)
class Folder:
    """One series on the shelf; `used_at` in seconds since 1970."""

    path: Path
    bytes: int
    used_at: float


class Room:
    """How much the shelf at `root` holds, and may. Sizes once seen are remembered."""

    def __init__(self, root: Path, most_bytes: int) -> None:
        self.root = root
        self.most_bytes = most_bytes
        self._sizes: dict[Path, tuple[int, int]] = {}

    def make(self, needed: int, *, spare: Path | None = None) -> int:
        """Give up series until `needed` more bytes fit; gives how many were given up.

        `spare` is the folder that is being filled. Raises ShelfNotWritable when there is no shelf.
        """
        make_folder(self.root)
        folders = sorted(self.folders(), key=lambda one: one.used_at)
        held = sum(one.bytes for one in folders)
        excess = held + needed - self.most_bytes
        if excess > 0:
            excess = held + needed - int(DOWN_TO * self.most_bytes)
        usage = shutil.disk_usage(self.root)
        excess = max(excess, least_free(usage.total) + needed - usage.free)
        given_up = 0
        for one in folders:
            if excess <= 0:
                break
            if one.path == spare:
                continue
            remove_folder(one.path, self.root)
            self._sizes.pop(one.path, None)
            excess -= one.bytes
            given_up += 1
        return given_up

    def note(self, folder: Path) -> int:
        """What a folder that was just filled takes, in bytes."""
        self._sizes.pop(folder, None)
        return self._size(folder)

    def folders(self) -> Iterator[Folder]:
        """Every series on the shelf."""
        for study in _below(self.root, 2):
            for path in _below(study, 1):
                try:
                    used_at = path.stat().st_mtime
                except OSError:
                    continue
                yield Folder(path, self._size(path), used_at)

    def tidy(self) -> int:
        """After a start: remove what nobody can vouch for; gives how many series that were.

        These are series left unfinished when the machine went down, drafts, and folders on their
        way out. What was left by a process that died while the machine stayed up is gone on with.
        """
        removed = 0
        for path in self.root.glob(f"{LEAVING}*"):
            shutil.rmtree(path, ignore_errors=True)
        for one in list(self.folders()):
            if is_doubtful(one.path):
                remove_folder(one.path, self.root)
                removed += 1
            else:
                for draft in one.path.rglob(f"{DRAFT}*"):
                    draft.unlink(missing_ok=True)
        return removed

    def _size(self, folder: Path) -> int:
        """The bytes in a folder, counted again when its manifest is another or it has none."""
        try:
            mark = (folder / MANIFEST).stat().st_mtime_ns
        except OSError:
            mark = 0
        known = self._sizes.get(folder)
        if known is not None and mark and known[0] == mark:
            return known[1]
        size = sum(
            _bytes(Path(base) / name) for base, _, names in os.walk(folder) for name in names
        )
        self._sizes[folder] = (mark, size)
        return size


def least_free(disk_bytes: int) -> int:
    """How many bytes of a disk of this size are left free for everybody else."""
    return max(LEAST_FREE_BYTES, min(int(LEAST_FREE_SHARE * disk_bytes), MOST_KEPT_FREE_BYTES))


def _below(folder: Path, levels: int) -> Iterator[Path]:
    try:
        found = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return
    for path in found:
        if path.name.startswith("."):
            continue
        if levels == 1:
            yield path
        else:
            yield from _below(path, levels - 1)


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_blocks * 512
    except OSError:
        return 0
