"""What Orthanc says, as frozen values. Names of DICOM attributes are spelled as their keywords."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal


def moment(text: str | None) -> datetime | None:
    """Orthanc's `20261121T005154` (UTC) as an aware datetime; None when absent or unreadable."""
    try:
        return datetime.strptime(text or "", "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


@dataclass(frozen=True)
class System:
    """Who answers: Orthanc's version (`1.10.1`), name and AE title."""

    version: str
    name: str
    dicom_aet: str
    dicom_port: int

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> System:
        return cls(
            version=str(said["Version"]),
            name=str(said.get("Name", "")),
            dicom_aet=str(said.get("DicomAet", "")),
            dicom_port=int(said.get("DicomPort", 0)),
        )


@dataclass(frozen=True)
class Statistics:
    """How much is kept. `disk_bytes` is what the files occupy, without the index."""

    patients: int
    studies: int
    series: int
    instances: int
    disk_bytes: int

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Statistics:
        return cls(
            patients=int(said["CountPatients"]),
            studies=int(said["CountStudies"]),
            series=int(said["CountSeries"]),
            instances=int(said["CountInstances"]),
            disk_bytes=int(said["TotalDiskSize"]),
        )


@dataclass(frozen=True)
class Change:
    """One line of the change feed.

    `change_type` is Orthanc's word (`NewInstance`, `StableStudy` ...), `resource_type` one of
    `Patient`, `Study`, `Series`, `Instance`.
    """

    seq: int
    change_type: str
    resource_type: str
    orthanc_id: str
    at: datetime | None

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Change:
        return cls(
            seq=int(said["Seq"]),
            change_type=str(said["ChangeType"]),
            resource_type=str(said["ResourceType"]),
            orthanc_id=str(said["ID"]),
            at=moment(said.get("Date")),
        )


@dataclass(frozen=True)
class Changes:
    """One page of the change feed: ask again from `last` while `done` is False."""

    changes: tuple[Change, ...]
    last: int
    done: bool

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Changes:
        return cls(
            changes=tuple(Change.read(change) for change in said["Changes"]),
            last=int(said["Last"]),
            done=bool(said["Done"]),
        )


@dataclass(frozen=True)
class Study:
    """A study, with the attributes of its patient. Absent attributes are empty text."""

    orthanc_id: str
    StudyInstanceUID: str
    PatientID: str
    PatientName: str
    PatientBirthDate: str
    PatientSex: str
    StudyDate: str
    StudyID: str
    StudyDescription: str
    AccessionNumber: str
    last_update: datetime | None

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Study:
        tags = {**said.get("PatientMainDicomTags", {}), **said["MainDicomTags"]}
        return cls(
            orthanc_id=str(said["ID"]),
            **{name: str(tags.get(name, "")) for name in _STUDY_ATTRIBUTES},
            last_update=moment(said.get("LastUpdate")),
        )


_STUDY_ATTRIBUTES = (
    "StudyInstanceUID",
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyID",
    "StudyDescription",
    "AccessionNumber",
)


@dataclass(frozen=True)
class Series:
    """A series. Absent attributes are empty text; `SeriesNumber` is text as in DICOM's IS."""

    orthanc_id: str
    study_id: str
    SeriesInstanceUID: str
    Modality: str
    SeriesNumber: str
    SeriesDescription: str
    instance_ids: tuple[str, ...]
    last_update: datetime | None

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Series:
        tags = said["MainDicomTags"]
        return cls(
            orthanc_id=str(said["ID"]),
            study_id=str(said["ParentStudy"]),
            **{name: str(tags.get(name, "")) for name in _SERIES_ATTRIBUTES},
            instance_ids=tuple(said.get("Instances", ())),
            last_update=moment(said.get("LastUpdate")),
        )


_SERIES_ATTRIBUTES = (
    "SeriesInstanceUID",
    "Modality",
    "SeriesNumber",
    "SeriesDescription",
)


@dataclass(frozen=True)
class Instance:
    """An instance. `index_in_series` counts from 1 and is None when Orthanc knows no order.

    `file_uuid` is Orthanc's name of its file: an instance that was deleted and sent again has another.
    """

    orthanc_id: str
    series_id: str
    SOPInstanceUID: str
    index_in_series: int | None
    file_size_bytes: int
    file_uuid: str

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Instance:
        tags = said["MainDicomTags"]
        index = said.get("IndexInSeries")
        return cls(
            orthanc_id=str(said["ID"]),
            series_id=str(said["ParentSeries"]),
            SOPInstanceUID=str(tags.get("SOPInstanceUID", "")),
            index_in_series=None if index is None else int(index),
            file_size_bytes=int(said["FileSize"]),
            file_uuid=str(said.get("FileUuid", "")),
        )


@dataclass(frozen=True)
class InstanceOrigin:
    """How an instance came: Orthanc's metadata about it.

    `origin` is Orthanc's word (`DicomProtocol`, `RestApi`, `Plugins` ...). `RemoteAET` is the
    calling AE title and empty unless the instance came by C-STORE. `md5` is of the file as stored,
    in hexadecimal.
    """

    origin: str
    RemoteAET: str
    RemoteIP: str
    CalledAET: str
    ReceptionDate: datetime | None
    TransferSyntaxUID: str
    SOPClassUID: str
    md5: str

    @classmethod
    def read(cls, said: Mapping[str, Any], md5: str) -> InstanceOrigin:
        return cls(
            origin=str(said.get("Origin", "")),
            RemoteAET=str(said.get("RemoteAET", "")),
            RemoteIP=str(said.get("RemoteIP", "")),
            CalledAET=str(said.get("CalledAET", "")),
            ReceptionDate=moment(said.get("ReceptionDate")),
            TransferSyntaxUID=str(said.get("TransferSyntax", "")),
            SOPClassUID=str(said.get("SopClassUid", "")),
            md5=md5,
        )


class OnDisk(Enum):
    """What has become of the file of an instance since it was received."""

    AS_RECEIVED = "as received"
    OTHER_BYTES = "other bytes"
    GONE = "gone"


@dataclass(frozen=True)
class Stored:
    """What became of an instance that was sent: `AlreadyStored` leaves the earlier one as it is."""

    orthanc_id: str
    status: Literal["Success", "AlreadyStored"]
    study_id: str
    series_id: str

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Stored:
        return cls(
            orthanc_id=str(said["ID"]),
            status="Success" if said["Status"] == "Success" else "AlreadyStored",
            study_id=str(said.get("ParentStudy", "")),
            series_id=str(said.get("ParentSeries", "")),
        )


@dataclass(frozen=True)
class Modality:
    """A system that may speak DICOM with Orthanc, under a symbolic name of ours.

    Orthanc accepts a C-STORE only from a registered calling AE title with `may_store`; it compares
    `host` with the caller's address only when `DicomCheckModalityHost` is true. With `may_commit` it
    answers storage commitment (PS3.4 Annex J): it reports to `host` and `port`.
    """

    name: str
    ae_title: str
    host: str
    port: int
    may_store: bool = True
    may_echo: bool = True
    may_find: bool = False
    may_get: bool = False
    may_move: bool = False
    may_commit: bool = False
    use_tls: bool = False

    @classmethod
    def read(cls, name: str, said: Mapping[str, Any]) -> Modality:
        return cls(
            name=name,
            ae_title=str(said["AET"]),
            host=str(said["Host"]),
            port=int(said["Port"]),
            may_store=bool(said.get("AllowStore", True)),
            may_echo=bool(said.get("AllowEcho", True)),
            may_find=bool(said.get("AllowFind", True)),
            may_get=bool(said.get("AllowGet", True)),
            may_move=bool(said.get("AllowMove", True)),
            may_commit=bool(said.get("AllowNAction", True) and said.get("AllowEventReport", True)),
            use_tls=bool(said.get("UseDicomTls", False)),
        )

    def written(self) -> dict[str, Any]:
        """The body of `PUT /modalities/<name>`. What is not asked for is forbidden."""
        return {
            "AET": self.ae_title,
            "Host": self.host,
            "Port": self.port,
            "Manufacturer": "Generic",
            "AllowStore": self.may_store,
            "AllowEcho": self.may_echo,
            "AllowFind": self.may_find,
            "AllowFindWorklist": False,
            "AllowGet": self.may_get,
            "AllowMove": self.may_move,
            "AllowNAction": self.may_commit,
            "AllowEventReport": self.may_commit,
            "UseDicomTls": self.use_tls,
        }
