"""Where an instance's frames come from: the shelf where they were prepared, else the archive."""

from __future__ import annotations

from pathlib import Path

from server.archive import ArchiveUnavailable
from server.dicomweb.accept import EXPLICIT_LITTLE
from server.dicomweb.archived import ArchivedFrames, open_archived
from server.dicomweb.framing import (
    PLAIN,
    Frames,
    Place,
    broken,
    decoded_or_broken,
    encoded_or_told,
    native_segment,
)
from server.dicomweb.pixels import FrameShape
from server.dicomweb.ranges import Segment, of_bytes, of_file
from server.dicomweb.scope import Pass
from server.dicomweb.transcoding import DECODABLE, native_shape
from server.prepared.manifest import PreparedInstance
from server.prepared.shelf import LONGEST_HEAD_BYTES


def open_frames(pass_: Pass, place: Place) -> Frames:
    """The frames of an instance. Raises StudyOutsideGrant when there is no such instance."""
    manifest = pass_.current(place.study, place.series)
    prepared = manifest.by_uid.get(place.instance) if manifest is not None else None
    if prepared is not None and prepared.frame_syntax and _is_known(prepared):
        return PreparedFrames(pass_, place, prepared)
    return open_archived(pass_.archive, place)


def _is_known(prepared: PreparedInstance) -> bool:
    """Whether preparation says of every frame if it can be read.

    Frames in a transfer syntax that nobody here decodes are not broken: as stored they can be given.
    """
    stored = prepared.TransferSyntaxUID
    is_decodable = stored in PLAIN or stored in DECODABLE
    return bool(prepared.frame_bytes) and (is_decodable or all(prepared.frame_bytes))


class PreparedFrames:
    """Frames on the shelf. What was given up there meanwhile comes from the archive."""

    def __init__(self, pass_: Pass, place: Place, instance: PreparedInstance) -> None:
        self._pass = pass_
        self._place = place
        self._instance = instance
        self._archived: ArchivedFrames | None = None
        self.orthanc_id = instance.orthanc_id
        self.count = len(instance.frame_bytes)
        syntax = instance.TransferSyntaxUID
        self.stored = EXPLICIT_LITTLE if syntax in PLAIN else syntax
        self.have = tuple(dict.fromkeys((instance.frame_syntax, self.stored)))
        self.shape: FrameShape | None = native_shape(syntax, FrameShape.read(instance))

    def path(self, number: int) -> Path:
        """The file of a frame: a whole multipart body."""
        place = self._place
        return self._pass.shelf.frame(place.study, place.series, place.instance, number)

    def ready(self, number: int, syntax: str) -> Segment:
        self.check(number)
        if syntax == self._instance.frame_syntax:
            length = self._instance.frame_bytes[number - 1]
            start = _head_length(self.path(number))
            if start:
                return of_file(self.path(number), start, length)
        if syntax == EXPLICIT_LITTLE:
            return native_segment(self, number)
        if syntax == self.stored:
            try:
                return self._from_archive().ready(number, syntax)
            except ArchiveUnavailable:
                if syntax == self._instance.frame_syntax:
                    raise
        return of_bytes(encoded_or_told(self.native(number), syntax, self.shape))

    def native(self, number: int) -> bytes:
        self.check(number)
        start = _head_length(self.path(number))
        if not start:
            return self._from_archive().native(number)
        data = self.path(number).read_bytes()
        frame = data[start : start + self._instance.frame_bytes[number - 1]]
        shape = self.shape if self._instance.frame_syntax != self.stored else None
        return decoded_or_broken(
            frame, self._instance.frame_syntax, shape or FrameShape.read(self._instance)
        )

    def close(self) -> None:
        if self._archived is not None:
            self._archived.close()

    def check(self, number: int) -> None:
        if not self._instance.frame_bytes[number - 1]:
            raise broken(self._instance.problem)

    def _from_archive(self) -> ArchivedFrames:
        if self._archived is None:
            self._archived = open_archived(self._pass.archive, self._place)
        return self._archived


def _head_length(path: Path) -> int:
    """Where the frame begins in its file; 0 when there is no such file."""
    try:
        with path.open("rb") as file:
            begun = file.read(LONGEST_HEAD_BYTES)
    except OSError:
        return 0
    return begun.find(b"\r\n\r\n") + 4
