"""One instance while its frames are encoded, and the line of the manifest that it becomes."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from server.archive import Instance
from server.dicom.transfer_syntaxes import HTJ2K_RPCL
from server.prepared.codec import Layout, kept_syntax
from server.prepared.manifest import NO_REMARKS, PreparedInstance
from server.prepared.stored import StoredInstance


@dataclass(frozen=True)
class KeptFrame:
    """What became of one frame. `size` is its bytes on the shelf, 0 where it could not be read."""

    size: int
    resolutions: tuple[int, ...] = ()
    remarks: int = NO_REMARKS
    reason: str = ""
    not_held: bool = False


@dataclass
class BegunInstance:
    """An instance whose frames are being encoded, in order; `reason` says why no more could be found."""

    instance: Instance
    stored: StoredInstance
    layout: Layout
    htj2k: bool
    frames: list[Future[KeptFrame]] = field(default_factory=list)
    reason: str = ""


def listed(instance: Instance, SOPClassUID: str, TransferSyntaxUID: str) -> PreparedInstance:
    """An instance of which no frame is kept."""
    return PreparedInstance(
        SOPInstanceUID=instance.SOPInstanceUID,
        SOPClassUID=SOPClassUID,
        orthanc_id=instance.orthanc_id,
        TransferSyntaxUID=TransferSyntaxUID,
        file_uuid=instance.file_uuid,
    )


def entry(begun: BegunInstance, frames: Iterable[KeptFrame]) -> PreparedInstance:
    """The instance with what was kept of its frames; frames it promises and lacks are unreadable."""
    layout, kept = begun.layout, list(frames)
    ended = begun.reason or "It ends early: not all of its frames are there."
    kept += [KeptFrame(0, reason=ended)] * (layout.NumberOfFrames - len(kept))
    ladder = tuple(one.resolutions for one in kept)
    remarks = tuple(one.remarks for one in kept)
    return replace(
        listed(begun.instance, begun.stored.SOPClassUID, layout.TransferSyntaxUID),
        NumberOfFrames=layout.NumberOfFrames,
        Rows=layout.Rows,
        Columns=layout.Columns,
        SamplesPerPixel=layout.SamplesPerPixel,
        BitsAllocated=layout.BitsAllocated,
        BitsStored=layout.BitsStored,
        PixelRepresentation=layout.PixelRepresentation,
        PhotometricInterpretation=layout.PhotometricInterpretation,
        PlanarConfiguration=layout.PlanarConfiguration,
        frame_syntax=HTJ2K_RPCL if begun.htj2k else kept_syntax(layout),
        frame_bytes=tuple(one.size for one in kept),
        resolution_bytes=ladder if any(ladder) else (),
        remarks=remarks if any(remarks) else (),
        problem=next((one.reason for one in kept if one.reason), ""),
    )
