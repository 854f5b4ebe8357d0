"""The UIDs under which a Segmentation of ours is written."""

from __future__ import annotations

from dataclasses import dataclass

from server.dicom.uids import new_uid


@dataclass(frozen=True)
class NewUids:
    """Under which UIDs a Segmentation is written: the same ones again when a job is repeated."""

    SOPInstanceUID: str
    SeriesInstanceUID: str

    @classmethod
    def unused(cls) -> NewUids:
        """Ones that nothing has yet."""
        return cls(new_uid(), new_uid())
