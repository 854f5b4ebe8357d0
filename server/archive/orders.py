"""What Margin has Orthanc do: keep an instance, know a hospital's line and call it, copy a file under
another study, delete a study that was refused, and tell more in its log."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from functools import partial
from io import BytesIO
from typing import BinaryIO
from urllib.parse import quote

import httpx

from server.archive.errors import (
    NO_REGULAR_FILE,
    ArchiveFailed,
    NotInArchive,
    RefusedByArchive,
    judge,
    unavailable,
)
from server.archive.line import Line, good, value_of
from server.archive.values import Modality, OnDisk, Stored
from server.dicom.files import RefusedFile, read_head

ECHO_TIMEOUT_S = 10
_PIECE_BYTES = 1024 * 1024
ATTRIBUTION = "1024"  # user-defined metadata of Orthanc: who stored an instance through us


class Orders(Line):
    """The part of the archive that gives orders. Every order may be given twice."""

    # What is kept

    def store_instance(
        self, file: bytes | BinaryIO, *, size_bytes: int | None = None, by: str = ""
    ) -> Stored:
        """Stores one DICOM file; sending it again changes nothing (`AlreadyStored`), except that it takes
        the place of what was received once when that was damaged on the disk.

        A `file` to be read from needs its `size_bytes`. `by` is noted beside the instance. Raises
        RefusedByArchive when Orthanc cannot read it.
        """
        headers = {"Content-Type": "application/dicom"}
        if not isinstance(file, bytes):
            headers["Content-Length"] = str(size_bytes)
        with self._wire.post("/instances", file, headers) as answer:
            body = answer.read()
            if answer.status == httpx.codes.BAD_REQUEST:
                raise RefusedByArchive(
                    "The archive cannot read this as a DICOM file.",
                    remedy="Send a complete DICOM Part 10 file.",
                )
            judge(answer.status, "instance")
        stored = value_of(lambda: Stored.read(json.loads(body)))
        if stored.status == "AlreadyStored" and self._makes_good(stored.orthanc_id, file):
            self._ask(lambda: self._orthanc.delete_instances_id(stored.orthanc_id), "instance")
            return self.store_instance(file, size_bytes=size_bytes, by=by)
        if by and stored.status == "Success":
            self.note_author(stored.orthanc_id, by)
        return stored

    def _makes_good(self, instance_id: str, file: bytes | BinaryIO) -> bool:
        """Whether this is what was received once, and what the disk gives is not; False too while that
        cannot be told. A stream stands at its beginning afterwards.

        Whoever wrote a file chose its File Meta Information: the dataset alone may be the one received,
        behind what the disk still has of the head.
        """
        try:
            kept = self.on_disk(instance_id)
        except ArchiveFailed:
            return False
        if kept is OnDisk.AS_RECEIVED:
            return False
        stream = BytesIO(file) if isinstance(file, bytes) else file
        noted = self.instance_md5(instance_id).strip()
        is_same = _md5(b"", stream, 0) == noted
        if not is_same and kept is OnDisk.OTHER_BYTES:
            stored, head = self._first_piece(instance_id), read_head(stream)
            its_head = read_head(stored)
            if not isinstance(head, RefusedFile) and not isinstance(its_head, RefusedFile):
                before = stored[: its_head.dataset_offset]
                is_same = _md5(before, stream, head.dataset_offset) == noted
        stream.seek(0)
        return is_same

    def _first_piece(self, instance_id: str) -> bytes:
        with self._open(f"/instances/{quote(instance_id, safe='')}/file", "instance") as stream:
            return stream.read(_PIECE_BYTES)

    def instance_md5(self, instance_id: str) -> str:
        """MD5 of the file as it was received, in hexadecimal. Raises NotInArchive."""
        return self._ask(
            lambda: self._orthanc.get_instances_id_attachments_name_md5(instance_id, "dicom"),
            "instance",
        ).text

    def on_disk(self, instance_id: str) -> OnDisk:
        """Whether the file on Orthanc's disk still has the MD5 noted when it was received.

        Raises NotInArchive, and ArchiveFailed when it cannot be read now, which says nothing of its bytes.
        A disk that is being started or mounted gives other bytes or none for a moment: whoever judges by
        this asks more than once.
        """
        verify = self._orthanc.post_instances_id_attachments_name_verify_md5
        try:
            self._ask(lambda: verify(instance_id, "dicom"), "instance")
        except ArchiveFailed as refusal:
            # Measured of Orthanc 1.10: of another MD5 it says 400 and nothing more.
            if refusal.status_of_archive == httpx.codes.BAD_REQUEST:
                return OnDisk.OTHER_BYTES
            if refusal.error_of_archive == NO_REGULAR_FILE:
                return OnDisk.GONE
            raise
        return OnDisk.AS_RECEIVED

    def note_author(self, instance_id: str, by: str) -> None:
        """Keeps beside an instance who stored it through Margin. The instance stays as it is."""
        url = f"{self._orthanc.url}/instances/{instance_id}/metadata/{ATTRIBUTION}"
        self._ask(lambda: self._orthanc.put(url, content=by.encode()), "instance")

    def author(self, instance_id: str) -> str:
        """Who stored an instance through Margin. Raises NotInArchive when nobody did."""
        return self._ask(
            lambda: self._orthanc.get_instances_id_metadata_name(instance_id, ATTRIBUTION),
            "note about who stored this instance",
        ).content.decode()

    # Who may speak DICOM with it

    def modalities(self) -> tuple[Modality, ...]:
        """Every system that may speak DICOM with Orthanc."""
        return self._read(
            lambda: self._orthanc.get_modalities({"expand": ""}),
            "modality",
            lambda said: tuple(Modality.read(name, one) for name, one in said.items()),
        )

    def modality(self, name: str) -> Modality:
        """The system registered under this symbolic name. Raises NotInArchive."""
        return self._read(
            lambda: self._orthanc.get_modalities_id_configuration(name),
            "modality",
            lambda said: Modality.read(name, said),
        )

    def put_modality(self, modality: Modality) -> None:
        """Registers a system or changes it, at once and without restart.

        It outlives a restart of Orthanc when `DicomModalitiesInDatabase` is true. Raises
        RefusedByArchive.
        """
        self._ask(
            lambda: self._orthanc.put_modalities_id(modality.name, modality.written()),
            "modality",
            refusable=True,
        )

    def delete_modality(self, name: str) -> None:
        """Takes a system off the list; one that is not on it is not an error."""
        with contextlib.suppress(NotInArchive):
            self._ask(lambda: self._orthanc.delete_modalities_id(name), "modality")

    def echo(self, name: str) -> float | None:
        """C-ECHO from Orthanc to the modality of this name; seconds, or None when it fails.

        Raises NotInArchive for a name that is not registered, ArchiveUnavailable when Orthanc is away.
        """
        self._ask(lambda: self._orthanc.get_modalities_id_configuration(name), "modality")
        started = time.monotonic()
        try:
            answer = self._orthanc.post(
                f"{self._orthanc.url}/modalities/{quote(name, safe='')}/echo",
                json={"Timeout": ECHO_TIMEOUT_S},
                timeout=ECHO_TIMEOUT_S * 2,
            )
        except httpx.HTTPError as error:
            raise unavailable(repr(error)) from error
        return time.monotonic() - started if answer.status_code == httpx.codes.OK else None

    # Studies taken apart, and refused

    def under_study(self, instance_id: str, StudyInstanceUID: str) -> bytes:
        """The DICOM file with another StudyInstanceUID and everything else, pixels and other UIDs, as
        it is; nothing is stored. Raises NotInArchive."""
        order = {
            "Replace": {"StudyInstanceUID": StudyInstanceUID},
            "Keep": ["SeriesInstanceUID", "SOPInstanceUID"],
            "Force": True,
        }
        path = f"/instances/{quote(instance_id, safe='')}/modify"
        headers = {"Content-Type": "application/json"}
        posted = self._wire.post(path, json.dumps(order).encode(), headers)
        with good(posted, "instance") as stream:
            return stream.read()

    def delete_study(self, study_id: str) -> None:
        """Removes a study, by Orthanc identifier; one that is not there is not an error."""
        with contextlib.suppress(NotInArchive):
            self._ask(lambda: self._orthanc.delete_studies_id(study_id), "study")

    # Its log

    def tell_of_associations(self) -> None:
        """Has Orthanc write into its log who opens an association, and how it ends.

        Without it a sender that falls silent or sends garbage leaves no trace. It is forgotten when
        Orthanc ends, so it is ordered again and again.
        """
        url = f"{self._orthanc.url}/tools/log-level-dicom"
        if self._ask(lambda: self._orthanc.get(url), "log level").text.strip() != "verbose":
            self._ask(lambda: self._orthanc.put(url, content=b"verbose"), "log level")


def _md5(before: bytes, stream: BinaryIO, offset: int) -> str:
    """MD5 of these bytes and of what the stream holds from `offset` on, in hexadecimal."""
    found = hashlib.md5(before, usedforsecurity=False)
    stream.seek(offset)
    for piece in iter(partial(stream.read, _PIECE_BYTES), b""):
        found.update(piece)
    return found.hexdigest()
