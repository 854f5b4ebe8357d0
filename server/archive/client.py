"""The archive: what Margin reads of Orthanc, with types; what it has Orthanc do is in `orders`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote, urlencode

from server.archive.errors import not_in_archive
from server.archive.ids import orthanc_id
from server.archive.line import all_of, good, value_of
from server.archive.orders import Orders
from server.archive.values import (
    Changes,
    Instance,
    InstanceOrigin,
    Series,
    Statistics,
    Study,
    System,
)
from server.archive.wire import Stream
from server.foundation.settings import Settings

PATIENT_IDS_KEPT_S = 60.0
PATIENT_IDS_KEPT = 4096
DICOMWEB = "/dicom-web"
# Characters that the plugin (1.7) understands only when they stand in a query as they are: what is
# percent-encoded it compares as it comes.
PLAIN = "*?^,:/@=!$'()\\"

_LONG_AGO = datetime.min.replace(tzinfo=UTC)

NotServed = Callable[[str], Collection[str]]


class Archive(Orders):
    """One Orthanc. Safe to share between threads; `close()` at the end.

    `timeout_s` bounds each question about values; bytes in bulk have a time limit of their own.
    `not_served` is asked about a StudyInstanceUID that is kept under several PatientIDs, and names the
    studies (by Orthanc identifier) which nobody has judged to be what they say: they are no
    candidates. Every method raises ArchiveUnavailable when Orthanc does not answer, and ArchiveFailed
    when it answers that it cannot.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        timeout_s: float = 10.0,
        not_served: NotServed = lambda _: frozenset(),
    ) -> None:
        super().__init__(url, user, password, timeout_s)
        self._patient_ids: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._not_served = not_served

    @classmethod
    def of(cls, settings: Settings, not_served: NotServed = lambda _: frozenset()) -> Self:
        """The archive that the settings name."""
        return cls(
            settings.orthanc_url,
            settings.orthanc_user,
            settings.orthanc_password,
            settings.orthanc_timeout_s,
            not_served,
        )

    # What Orthanc says about itself

    def system(self) -> System:
        """Name and version of the Orthanc that answers."""
        return self._read(self._orthanc.get_system, "system", System.read)

    def statistics(self) -> Statistics:
        """How many patients, studies, series and instances it holds, in how many bytes."""
        return self._read(self._orthanc.get_statistics, "statistics", Statistics.read)

    def changes(self, since: int, limit: int = 100) -> Changes:
        """The page of at most `limit` changes after number `since`, oldest first."""
        params = {"since": since, "limit": limit}
        return self._read(lambda: self._orthanc.get_changes(params), "change", Changes.read)

    def last_change(self) -> int:
        """The number of the newest change; 0 when there is none yet."""
        page = self._read(lambda: self._orthanc.get_changes({"last": ""}), "change", Changes.read)
        return page.last

    # Studies, series, instances

    def studies(self, since: int = 0, limit: int = 1000) -> tuple[Study, ...]:
        """A page of all studies, for a sweep: `since` counts studies, not changes."""
        params = {"expand": "", "since": since, "limit": limit}
        return self._read(
            lambda: self._orthanc.get_studies(params),
            "study",
            lambda said: all_of(Study.read, said),
        )

    def study(self, study_id: str) -> Study:
        """The study with this Orthanc identifier. Raises NotInArchive."""
        return self._read(lambda: self._orthanc.get_studies_id(study_id), "study", Study.read)

    def find_studies(self, StudyInstanceUID: str) -> tuple[Study, ...]:
        """All studies with this UID: none, one, or one per PatientID under which it was sent."""
        if not StudyInstanceUID.replace(".", "").isdigit():
            return ()
        wanted = {
            "Level": "Study",
            "Query": {"StudyInstanceUID": StudyInstanceUID},
            "Expand": True,
        }
        found = self._read(
            lambda: self._orthanc.post_tools_find(wanted),
            "study",
            lambda said: all_of(Study.read, said),
        )
        return tuple(study for study in found if study.StudyInstanceUID == StudyInstanceUID)

    def find_study(self, StudyInstanceUID: str) -> Study:
        """The study with this UID, of several the last added to. Raises NotInArchive."""
        found = self.find_studies(StudyInstanceUID)
        if not found:
            raise not_in_archive("study")
        return max(found, key=lambda study: study.last_update or _LONG_AGO)

    def study_series(self, study_id: str) -> tuple[Series, ...]:
        """The series of a study, by Orthanc identifier. Raises NotInArchive."""
        return self._read(
            lambda: self._orthanc.get_studies_id_series(study_id),
            "study",
            lambda said: all_of(Series.read, said),
        )

    def study_instances(self, study_id: str) -> tuple[Instance, ...]:
        """All instances of a study, by Orthanc identifier. Raises NotInArchive."""
        return self._read(
            lambda: self._orthanc.get_studies_id_instances(study_id),
            "study",
            lambda said: all_of(Instance.read, said),
        )

    def study_instance_count(self, study_id: str) -> int:
        """How many instances a study has, by Orthanc identifier. Raises NotInArchive."""
        return self._read(
            lambda: self._orthanc.get_studies_id_statistics(study_id),
            "study",
            lambda said: int(said["CountInstances"]),
        )

    def series(self, series_id: str) -> Series:
        """The series with this Orthanc identifier. Raises NotInArchive."""
        return self._read(lambda: self._orthanc.get_series_id(series_id), "series", Series.read)

    def series_instances(self, series_id: str) -> tuple[Instance, ...]:
        """The instances of a series in the order of its slices as far as Orthanc knows it."""
        found = self._read(
            lambda: self._orthanc.get_series_id_instances(series_id),
            "series",
            lambda said: all_of(Instance.read, said),
        )
        return tuple(sorted(found, key=lambda instance: instance.index_in_series or 0))

    def instance(self, instance_id: str) -> Instance:
        """The instance with this Orthanc identifier. Raises NotInArchive."""
        return self._read(
            lambda: self._orthanc.get_instances_id(instance_id), "instance", Instance.read
        )

    def instance_origin(self, instance_id: str) -> InstanceOrigin:
        """Who sent an instance, from where, when, and the MD5 of its file. Raises NotInArchive."""
        said = self._read(
            lambda: self._orthanc.get_instances_id_metadata(instance_id, {"expand": ""}),
            "instance",
            dict,
        )
        return InstanceOrigin.read(said, self.instance_md5(instance_id))

    def instance_tags(self, instance_id: str) -> dict[str, Any]:
        """The attributes by keyword (Orthanc's simplified JSON: text, None, lists of sequences)."""
        return self._read(
            lambda: self._orthanc.get_instances_id_simplified_tags(instance_id), "instance", dict
        )

    def instance_file(self, instance_id: str) -> bytes:
        """The whole DICOM file as it was received. Raises NotInArchive."""
        with self.open_file(instance_id) as stream:
            return stream.read()

    def patient_ids(self, StudyInstanceUID: str) -> tuple[str, ...]:
        """The PatientIDs under which a study is kept, remembered for a minute once known."""
        now = time.monotonic()
        known = self._patient_ids.get(StudyInstanceUID)
        if known is not None and now < known[0]:
            return known[1]
        found = tuple(study.PatientID for study in self.find_studies(StudyInstanceUID))
        if found:
            if len(self._patient_ids) >= PATIENT_IDS_KEPT:
                self._patient_ids.clear()
            self._patient_ids[StudyInstanceUID] = (now + PATIENT_IDS_KEPT_S, found)
        return found

    def candidates(
        self,
        StudyInstanceUID: str,
        SeriesInstanceUID: str | None = None,
        SOPInstanceUID: str | None = None,
    ) -> tuple[str, ...]:
        """The Orthanc identifiers a resource would have: it exists only where its parents are
        these.

        Empty when there is no such study; more than one when it is kept under several PatientIDs
        and more than one of these is served.
        """
        patients = self.patient_ids(StudyInstanceUID)
        if len(patients) > 1:
            hidden = self._not_served(StudyInstanceUID)
            patients = tuple(
                one for one in patients if orthanc_id(one, StudyInstanceUID) not in hidden
            )
        return tuple(
            orthanc_id(PatientID, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID)
            for PatientID in patients
        )

    # Bytes

    def open_file(self, instance_id: str) -> Stream:
        """The DICOM file as it was received, to be read in pieces. Raises NotInArchive."""
        return self._open(f"/instances/{quote(instance_id, safe='')}/file", "instance")

    def open_frame(self, instance_id: str, index: int) -> Stream:
        """One frame (`index` from 0) as it is stored, without its Pixel Data wrapping.

        Raises NotInArchive, or ArchiveFailed when Orthanc cannot cut that frame out.
        """
        path = f"/instances/{quote(instance_id, safe='')}/frames/{index}/raw"
        return self._open(path, "instance")

    def open_transcoded(self, instance_id: str, TransferSyntaxUID: str) -> Stream:
        """The DICOM file in another transfer syntax, all its UIDs as they are; nothing is stored.

        Raises NotInArchive, or ArchiveFailed when this Orthanc cannot decode or encode it.
        """
        order = {
            "Transcode": TransferSyntaxUID,
            "Keep": ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"],
            "Force": True,
        }
        path = f"/instances/{quote(instance_id, safe='')}/modify"
        headers = {"Content-Type": "application/json"}
        return good(self._wire.post(path, json.dumps(order).encode(), headers), "instance")

    def open_dicomweb(
        self, path: str, *, accept: str, params: Mapping[str, str] | None = None
    ) -> Stream:
        """An answer of Orthanc's DICOMweb plugin, `path` relative to its root and well-formed.

        Raises NotInArchive, or ArchiveFailed when the plugin refuses or fails.
        """
        query = f"?{urlencode(params, safe=PLAIN, quote_via=quote)}" if params else ""
        return self._open(f"{DICOMWEB}{path}{query}", "resource", {"Accept": accept})

    def dicomweb_json(self, path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        """A whole answer of the DICOMweb plugin in the DICOM JSON Model. For searches, not
        metadata.
        """
        with self.open_dicomweb(path, accept="application/dicom+json", params=params) as stream:
            body = stream.read()
        return value_of(lambda: list(json.loads(body)))
