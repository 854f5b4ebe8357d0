"""The archive: everything Margin asks of Orthanc, with types.

Values go through pyorthanc, bytes in bulk through `server.archive.wire`. Every call has a time
limit; only calls that may be repeated without effect are repeated.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote, urlencode

import httpx
import pyorthanc
import tenacity

from server.archive.errors import (
    NotInArchive,
    RefusedByArchive,
    judge,
    not_in_archive,
    unavailable,
)
from server.archive.ids import orthanc_id
from server.archive.orders import Orders
from server.archive.values import (
    Changes,
    Instance,
    InstanceOrigin,
    Modality,
    Series,
    Statistics,
    Stored,
    Study,
    System,
)
from server.archive.wire import KEEP_ALIVE_S, Stream, Wire

READ_TIMEOUT_S = 120.0  # a study's metadata is computed before its first byte: seconds to a minute
PATIENT_IDS_KEPT_S = 60.0
PATIENT_IDS_KEPT = 4096
ATTRIBUTION = "1024"  # user-defined metadata of Orthanc: who stored an instance through us
DICOMWEB = "/dicom-web"
# Characters that the plugin (1.7) understands only when they stand in a query as they are: what is
# percent-encoded it compares as it comes.
PLAIN = "*?^,:/@=!$'()\\"

T = TypeVar("T")

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_BROKEN_LINE = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
_repeatedly = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(_BROKEN_LINE),
    stop=tenacity.stop_after_attempt(3),
    wait=tenacity.wait_exponential(multiplier=0.05, max=0.4),
    reraise=True,
)


NotServed = Callable[[str], Collection[str]]


class Archive(Orders):
    """One Orthanc, spoken to over HTTP. Safe to share between threads; `close()` at the end.

    `timeout_s` bounds each question about values; reading bytes in bulk allows `READ_TIMEOUT_S`
    between two pieces. `not_served` is asked about a StudyInstanceUID that is kept under several
    PatientIDs, and names the studies (by Orthanc identifier) which nobody has judged to be what they
    say: they are no candidates. Every method raises ArchiveUnavailable when Orthanc does not answer, and
    ArchiveFailed when it answers that it cannot.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        timeout_s: float = 10.0,
        not_served: NotServed = lambda _: frozenset(),
    ) -> None:
        url = url.rstrip("/")
        self._orthanc = pyorthanc.Orthanc(
            url,
            user or None,
            password or None,
            return_raw_response=True,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 3.0)),
            limits=httpx.Limits(max_keepalive_connections=32, keepalive_expiry=KEEP_ALIVE_S),
            trust_env=False,
            headers={"Accept-Encoding": "identity"},
        )
        self._wire = Wire(url, user, password, timeout_s=max(timeout_s, READ_TIMEOUT_S))
        self._patient_ids: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._not_served = not_served

    def close(self) -> None:
        """Ends all connections."""
        self._orthanc.close()
        self._wire.close()

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
            lambda: self._orthanc.get_studies(params), "study", lambda said: _all(Study.read, said)
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
            lambda said: _all(Study.read, said),
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
            lambda said: _all(Series.read, said),
        )

    def study_instances(self, study_id: str) -> tuple[Instance, ...]:
        """All instances of a study, by Orthanc identifier. Raises NotInArchive."""
        return self._read(
            lambda: self._orthanc.get_studies_id_instances(study_id),
            "study",
            lambda said: _all(Instance.read, said),
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
            lambda said: _all(Instance.read, said),
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

    def instance_md5(self, instance_id: str) -> str:
        """MD5 of the file as it was received, in hexadecimal. Raises NotInArchive."""
        return self._ask(
            lambda: self._orthanc.get_instances_id_attachments_name_md5(instance_id, "dicom"),
            "instance",
        ).text

    def instance_tags(self, instance_id: str) -> dict[str, Any]:
        """The attributes by keyword (Orthanc's simplified JSON: text, None, lists of sequences)."""
        return self._read(
            lambda: self._orthanc.get_instances_id_simplified_tags(instance_id), "instance", dict
        )

    def instance_file(self, instance_id: str) -> bytes:
        """The whole DICOM file as it was received. Raises NotInArchive."""
        with self.open_file(instance_id) as stream:
            return stream.read()

    def study_exists(self, StudyInstanceUID: str) -> bool:
        """Whether any study with this UID is kept."""
        return bool(self.patient_ids(StudyInstanceUID))

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
        return _good(self._wire.post(path, json.dumps(order).encode(), headers), "instance")

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
        return _value(lambda: list(json.loads(body)))

    # What Margin changes in Orthanc

    def store_instance(
        self, file: bytes | BinaryIO, *, size_bytes: int | None = None, by: str = ""
    ) -> Stored:
        """Stores one DICOM file; sending it again changes nothing (`AlreadyStored`).

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
        stored = _value(lambda: Stored.read(json.loads(body)))
        if by and stored.status == "Success":
            self.note_author(stored.orthanc_id, by)
        return stored

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

    # How it is asked

    def _sent(self, stream: Stream, what: str) -> Stream:
        return _good(stream, what)

    def _open(self, path: str, what: str, headers: Mapping[str, str] | None = None) -> Stream:
        return _good(self._wire.get(path, headers), what)

    def _read(self, call: Callable[[], Any], what: str, read: Callable[[Any], T]) -> T:
        answer = self._ask(call, what)
        return _value(lambda: read(answer.json()))

    def _ask(
        self, call: Callable[[], Any], what: str, *, refusable: bool = False
    ) -> httpx.Response:
        """Asks once or, when the line broke, up to three times: every call made here may repeat."""
        try:
            answer: httpx.Response = _repeatedly(call)
        except httpx.HTTPError as error:
            raise unavailable(repr(error)) from error
        if refusable and answer.status_code == httpx.codes.BAD_REQUEST:
            raise RefusedByArchive(
                f"The archive does not take this {what}: something is missing in it."
            )
        judge(answer.status_code, what)
        return answer


def _good(stream: Stream, what: str) -> Stream:
    """The stream if it bears what was asked for; else its error, and the line is free again."""
    if stream.status != httpx.codes.OK:
        stream.read()
        stream.close()
        judge(stream.status, what)
    return stream


def _value(read: Callable[[], T]) -> T:
    """Reads an answer; one that is not what Orthanc says counts as no answer."""
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise unavailable(f"nonsense from Orthanc: {error!r}") from error


def _all(read: Callable[[Any], T], said: Any) -> tuple[T, ...]:
    return tuple(read(one) for one in said)
