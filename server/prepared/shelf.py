"""Where prepared series lie on disk, and how they are read.

    <h(study)[:2]>/<h(study)>/<h(series)>/manifest.json
                                          metadata.<view>.json.gz
                                          thumbnail.jpg
                                          frames/<h(instance)>.<number>
                                          frames/<h(instance)>.<number>.bare

`h` is the beginning of a UID's SHA-256, so that no identifier of a patient's study is a file name. A
frame's file is a whole multipart answer with one part: it is sent as it lies there; `.bare` is the
same without the remarks that a frame kept as it was stored may hold. Every file
appears at once and whole (written under another name, then renamed); a frame only after it was
proven equal to its source. So whatever is there may be served, also while the rest of its series is
still being prepared, and anything may be deleted at any time: it is made again.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import OrderedDict
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from server.prepared.manifest import Manifest, ManifestUnreadable

BOUNDARY = "margin-frame-5b0f9c2e7d6a4813"
PART_TYPE = "application/octet-stream"
FRAME_CONTENT_TYPE = f'multipart/related; type="{PART_TYPE}"; boundary={BOUNDARY}'
CLOSING = f"\r\n--{BOUNDARY}--\r\n".encode()
LONGEST_HEAD_BYTES = 512
PLAIN = "plain"

MANIFEST = "manifest.json"
THUMBNAIL = "thumbnail.jpg"
FRAMES = "frames"
UNFINISHED = "unfinished"

MANIFESTS_KEPT = 256
TOUCHED_AGAIN_AFTER_S = 600.0


@lru_cache(maxsize=4096)
def digest(uid: str) -> str:
    """The name of a UID on the shelf: 32 hexadecimal digits."""
    return sha256(uid.encode()).hexdigest()[:32]


def frame_head(transfer_syntax: str, length: int) -> bytes:
    """What stands before a frame's `length` bytes in its file."""
    return (
        f"--{BOUNDARY}\r\nContent-Type: {PART_TYPE}; transfer-syntax={transfer_syntax}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def frame_body(transfer_syntax: str, frame: bytes) -> bytes:
    """The whole content of a frame's file."""
    return frame_head(transfer_syntax, len(frame)) + frame + CLOSING


def bare(frame: Path) -> Path:
    """The file of the same frame without remarks, where it has some."""
    return frame.with_name(f"{frame.name}.bare")


class Shelf:
    """The prepared series below `root`. Safe to share between threads and processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._manifests: OrderedDict[Path, tuple[tuple[int, int], Manifest]] = OrderedDict()
        self._touched: dict[Path, float] = {}
        self._lock = threading.Lock()

    def study_folder(self, StudyInstanceUID: str) -> Path:
        """Where a study's series lie, or would lie."""
        name = digest(StudyInstanceUID)
        return self.root / name[:2] / name

    def folder(self, StudyInstanceUID: str, SeriesInstanceUID: str) -> Path:
        """Where a series lies, or would lie."""
        return self.study_folder(StudyInstanceUID) / digest(SeriesInstanceUID)

    def frame(
        self, StudyInstanceUID: str, SeriesInstanceUID: str, SOPInstanceUID: str, number: int
    ) -> Path:
        """The file of one frame (`number` from 1), whether it is there or not."""
        folder = self.folder(StudyInstanceUID, SeriesInstanceUID)
        return Path(f"{folder}/{FRAMES}/{digest(SOPInstanceUID)}.{number}")

    def metadata(self, StudyInstanceUID: str, SeriesInstanceUID: str, view_id: str = PLAIN) -> Path:
        """The series' metadata as one view shows it: gzip of a JSON array, in the series' order."""
        return self.folder(StudyInstanceUID, SeriesInstanceUID) / f"metadata.{view_id}.json.gz"

    def thumbnail(self, StudyInstanceUID: str, SeriesInstanceUID: str) -> Path:
        """The series' small picture, a JPEG."""
        return self.folder(StudyInstanceUID, SeriesInstanceUID) / THUMBNAIL

    def series(self, StudyInstanceUID: str, SeriesInstanceUID: str) -> Manifest | None:
        """The manifest of a series that is prepared to its end, else None."""
        return self._manifest(self.folder(StudyInstanceUID, SeriesInstanceUID))

    def is_outdated(self, StudyInstanceUID: str, SeriesInstanceUID: str) -> bool:
        """Whether another version of Margin prepared this series: its files may have another form."""
        folder = self.folder(StudyInstanceUID, SeriesInstanceUID)
        return self._manifest(folder) is None and (folder / MANIFEST).exists()

    def study(self, StudyInstanceUID: str) -> tuple[Manifest, ...]:
        """The manifests of all prepared series of a study."""
        try:
            folders = sorted(os.scandir(self.study_folder(StudyInstanceUID)), key=_name)
        except OSError:
            return ()
        found = (self._manifest(Path(entry.path)) for entry in folders)
        return tuple(manifest for manifest in found if manifest is not None)

    def touch(self, StudyInstanceUID: str, SeriesInstanceUID: str) -> None:
        """Note that a series is being used: the longest unused is the first to be given up."""
        folder = self.folder(StudyInstanceUID, SeriesInstanceUID)
        now = time.monotonic()
        with self._lock:
            if self._touched.get(folder, -TOUCHED_AGAIN_AFTER_S) + TOUCHED_AGAIN_AFTER_S > now:
                return
            if len(self._touched) >= MANIFESTS_KEPT:
                self._touched.clear()
            self._touched[folder] = now
        with contextlib.suppress(OSError):
            os.utime(folder)

    def _manifest(self, folder: Path) -> Manifest | None:
        path = folder / MANIFEST
        try:
            state = path.stat()
        except OSError:
            return None
        mark = (state.st_mtime_ns, state.st_ino)
        with self._lock:
            kept = self._manifests.get(folder)
            if kept is not None and kept[0] == mark:
                self._manifests.move_to_end(folder)
                return kept[1]
        try:
            manifest = Manifest.read(json.loads(path.read_bytes()))
        except (OSError, ValueError, ManifestUnreadable):
            return None
        with self._lock:
            self._manifests[folder] = (mark, manifest)
            while len(self._manifests) > MANIFESTS_KEPT:
                self._manifests.popitem(last=False)
        return manifest


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
