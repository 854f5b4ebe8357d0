"""The archive: the only speaker to Orthanc."""

from server.archive.client import PLAIN, Archive
from server.archive.errors import (
    ArchiveFailed,
    ArchiveUnavailable,
    NotInArchive,
    RefusedByArchive,
    not_in_archive,
)
from server.archive.ids import orthanc_id
from server.archive.values import (
    Change,
    Changes,
    Instance,
    InstanceOrigin,
    Modality,
    OnDisk,
    Series,
    Statistics,
    Stored,
    Study,
    System,
)
from server.archive.wire import Stream

__all__ = [
    "PLAIN",
    "Archive",
    "ArchiveFailed",
    "ArchiveUnavailable",
    "Change",
    "Changes",
    "Instance",
    "InstanceOrigin",
    "Modality",
    "NotInArchive",
    "OnDisk",
    "RefusedByArchive",
    "Series",
    "Statistics",
    "Stored",
    "Stream",
    "Study",
    "System",
    "not_in_archive",
    "orthanc_id",
]
