"""What was prepared of one series: the list that is written last and read first. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, Self

VERSION = 3  # of the form of everything on the shelf; another version is prepared anew


# What a frame that is kept as it was stored holds beside its picture (server/dicom/remarks.py).
NO_REMARKS, REMARKS, UNKNOWN = 0, 1, 2


class ManifestUnreadable(ValueError):
    """A manifest of another version, or not one at all."""


@dataclass(frozen=True)
class PreparedInstance:
    """One instance and its frames.

    `TransferSyntaxUID` is how the instance is stored, `frame_syntax` how its prepared frames are
    encoded. `frame_bytes` holds the length of each frame in bytes, 0 for one that cannot be read.
    `resolution_bytes` holds per frame how many of its first bytes make a picture of each
    resolution, the smallest first (5 halvings, so that 512 x 512 begins with 16 x 16); empty where
    frames have only one. `remarks` holds per frame NO_REMARKS, REMARKS (then the frame has another
    file without them) or UNKNOWN; empty when there are none. `problem` says in a sentence why
    frames are missing, "" when none are. `file_uuid` names the archive's file that they were made of.
    """

    SOPInstanceUID: str
    SOPClassUID: str
    orthanc_id: str
    TransferSyntaxUID: str
    NumberOfFrames: int = 0
    Rows: int = 0
    Columns: int = 0
    SamplesPerPixel: int = 1
    BitsAllocated: int = 16
    BitsStored: int = 16
    PixelRepresentation: int = 0
    PhotometricInterpretation: str = "MONOCHROME2"
    PlanarConfiguration: int = 0
    frame_syntax: str = ""
    frame_bytes: tuple[int, ...] = ()
    resolution_bytes: tuple[tuple[int, ...], ...] = ()
    problem: str = ""
    remarks: tuple[int, ...] = ()
    file_uuid: str = ""

    def is_of(self, orthanc_id: str, file_uuid: str) -> bool:
        """Whether it was made of this very file: what was deleted and sent again may hold other pixels."""
        return bool(file_uuid) and (self.orthanc_id, self.file_uuid) == (orthanc_id, file_uuid)

    def remarks_in(self, number: int) -> int:
        """What frame `number` (from 1) holds beside its picture."""
        return self.remarks[number - 1] if 0 < number <= len(self.remarks) else NO_REMARKS

    @property
    def unreadable_frames(self) -> tuple[int, ...]:
        """The numbers (from 1) of the frames that cannot be given."""
        return tuple(number for number, size in enumerate(self.frame_bytes, 1) if not size)

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self:
        """From JSON."""
        known = {one.name for one in fields(cls)}
        values = {name: value for name, value in said.items() if name in known}
        values["frame_bytes"] = tuple(values.get("frame_bytes", ()))
        values["resolution_bytes"] = tuple(map(tuple, values.get("resolution_bytes", ())))
        values["remarks"] = tuple(values.get("remarks", ()))
        return cls(**values)


@dataclass(frozen=True)
class Manifest:
    """A whole series as it was when it was prepared.

    `orthanc_id`, `instance_count` and `last_update` are the archive's, to find out whether the
    series has changed since. `attributes` is the first instance in the DICOM JSON Model without
    bulk data. `has_bulk` says whether the prepared metadata holds a BulkDataURI. `opened_with` is the
    SOPInstanceUID of the slice that a viewer shows first, "" where that was not noted.
    """

    StudyInstanceUID: str
    SeriesInstanceUID: str
    orthanc_id: str
    instance_count: int
    last_update: str
    attributes: dict[str, Any]
    has_bulk: bool = False
    instances: tuple[PreparedInstance, ...] = ()
    opened_with: str = ""
    version: int = field(default=VERSION)

    @cached_property
    def by_uid(self) -> dict[str, PreparedInstance]:
        """The instances by SOPInstanceUID."""
        return {instance.SOPInstanceUID: instance for instance in self.instances}

    def written(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def read(cls, said: Any) -> Self:
        """From JSON. Raises ManifestUnreadable."""
        if not isinstance(said, dict) or said.get("version") != VERSION:
            raise ManifestUnreadable("This is not a manifest of the present version.")
        try:
            instances = tuple(PreparedInstance.read(one) for one in said["instances"])
            return cls(**{**said, "instances": instances})
        except (TypeError, KeyError, AttributeError) as error:
            raise ManifestUnreadable("This manifest cannot be read.") from error
