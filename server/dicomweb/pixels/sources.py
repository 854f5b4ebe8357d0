"""Where an instance's frames come from: the shelf where they were prepared, else the archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydicom.uid import ParametricMapStorage

from server.archive import ArchiveUnavailable
from server.dicom.decoding import DECODABLE, SyntaxUnknown
from server.dicom.frame_shape import FrameShape
from server.dicom.transfer_syntaxes import EXPLICIT_LITTLE, UNCOMPRESSED
from server.dicomweb.media.ranges import Segment, of_bytes, of_file
from server.dicomweb.pixels.archived import ArchivedFrames, open_archived
from server.dicomweb.pixels.framing import (
    Frames,
    Place,
    broken,
    decoded_or_broken,
    encoded_or_told,
    native_segment,
    unreadable,
)
from server.dicomweb.pixels.transcoding import native_shape
from server.dicomweb.views.scope import Pass, outside
from server.prepared.manifest import NO_REMARKS, REMARKS, PreparedInstance
from server.prepared.shelf import LONGEST_HEAD_BYTES, bare


def open_frames(pass_: Pass, place: Place) -> Frames:
    """The frames of an instance. Raises StudyOutsideGrant when there is no such instance."""
    manifest = pass_.current(place.study, place.series)
    prepared = manifest.by_uid.get(place.instance) if manifest is not None else None
    if prepared is not None and prepared.frame_syntax and _is_known(prepared):
        return PreparedFrames(pass_, place, prepared)
    return open_archived(pass_.archive, place, bare=pass_.view.pseudonymised)


def _is_known(prepared: PreparedInstance) -> bool:
    """Whether preparation says of every frame if it can be read.

    Frames in a transfer syntax that nobody here decodes are not broken: as stored they can be given.
    """
    stored = prepared.TransferSyntaxUID
    is_decodable = stored in UNCOMPRESSED or stored in DECODABLE
    # Without a stored transfer syntax the file is not what was received, and none of it is given.
    is_known = is_decodable or not stored or all(prepared.frame_bytes)
    return bool(prepared.frame_bytes) and is_known


class PreparedFrames:
    """Frames on the shelf. What was given up there meanwhile comes from the archive."""

    is_proven = True

    def __init__(self, pass_: Pass, place: Place, instance: PreparedInstance) -> None:
        self._pass = pass_
        self._place = place
        self._instance = instance
        self._archived: ArchivedFrames | None = None
        self.orthanc_id = instance.orthanc_id
        self.count = len(instance.frame_bytes)
        syntax = instance.TransferSyntaxUID
        self.stored = EXPLICIT_LITTLE if syntax in UNCOMPRESSED else syntax
        self.have = tuple(dict.fromkeys((instance.frame_syntax, self.stored)))
        self.shape: FrameShape | None = native_shape(syntax, _shape_of(instance))

    def path(self, number: int) -> Path:
        """The file of a frame as this caller may see it: a whole multipart body.

        Raises StudyOutsideGrant for a frame that may hold more than its picture.
        """
        place = self._place
        path = self._pass.shelf.frame(place.study, place.series, place.instance, number)
        if not self._pass.view.pseudonymised:
            return path
        return _shown(path, self._instance, number)

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
        try:
            return decoded_or_broken(
                frame, self._instance.frame_syntax, shape or _shape_of(self._instance)
            )
        except SyntaxUnknown as error:
            raise unreadable() from error

    def close(self) -> None:
        if self._archived is not None:
            self._archived.close()

    def check(self, number: int) -> None:
        if not self._instance.frame_bytes[number - 1]:
            raise broken(self._instance.problem)

    def check_all(self) -> None:
        if not all(self._instance.frame_bytes):
            raise broken(self._instance.problem)

    def _from_archive(self) -> ArchivedFrames:
        if self._archived is None:
            self._archived = open_archived(
                self._pass.archive, self._place, bare=self._pass.view.pseudonymised
            )
        return self._archived


def _shape_of(instance: PreparedInstance) -> FrameShape:
    """What is remembered does not say floating point; only Parametric Maps are, when they have 32 or 64
    bits (PS3.3 C.8.32.2)."""
    is_map = instance.SOPClassUID == ParametricMapStorage
    return replace(
        FrameShape.read(instance), is_float=is_map and instance.BitsAllocated in (32, 64)
    )


def shown_path(path: Path, instance: PreparedInstance, number: int) -> Path | None:
    """The file of a prepared frame without remarks; None when it cannot be had so."""
    remarks = instance.remarks_in(number)
    if remarks == NO_REMARKS:
        return path
    return bare(path) if remarks == REMARKS else None


def _shown(path: Path, instance: PreparedInstance, number: int) -> Path:
    found = shown_path(path, instance, number)
    if found is None:
        raise outside()
    return found


def _head_length(path: Path) -> int:
    """Where the frame begins in its file; 0 when there is no such file."""
    try:
        with path.open("rb") as file:
            begun = file.read(LONGEST_HEAD_BYTES)
    except OSError:
        return 0
    return begun.find(b"\r\n\r\n") + 4
