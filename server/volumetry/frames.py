"""Reading a DICOM Segmentation (PS3.3 A.51): its segments, its frames, and what it was drawn on.

Binary segmentations (one bit per pixel, packed), fractional ones (a pixel counts from half of the
maximum on) and label maps are read. Frames may come in any order, may be left out where they would
be empty, and segments may overlap.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels.utils import iter_pixels

from server.dicom.files import RefusedFile, read_head
from server.dicom.geometry import Vector
from server.volumetry.frame_grid import (
    FrameGrid,
    SegmentationUnreadable,
    grid_of,
    group_of,
    lengths,
)
from server.volumetry.roles import Segment

_STORAGE: Final = {
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation Storage, PS3.4 Table B.5-1
    "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation Storage
}
_KINDS: Final = {"BINARY", "FRACTIONAL", "LABELMAP"}  # (0062,0001), PS3.3 C.8.20.2.3
_MOST_VOXELS: Final = 3_000_000_000


class SeriesNotNamed(SegmentationUnreadable):
    """It is not clear which series a Segmentation was drawn on."""


@dataclass(frozen=True)
class Frame:
    """Where one frame belongs: SegmentNumber (None in a label map, whose pixels name it),
    position of its first voxel in mm, and the images it was drawn on. `index` counts frames from
    0.
    """

    index: int
    segment: int | None
    position_mm: Vector
    source_uids: tuple[str, ...]


@dataclass(frozen=True)
class Segmentation:
    """A DICOM Segmentation, its pixels still packed. `series` are the SeriesInstanceUIDs of the
    images that it says it was drawn on; it may name none. `turned` says whether rows, and columns,
    are given in the reverse of the order in which they are stored."""

    SOPInstanceUID: str
    SeriesInstanceUID: str
    FrameOfReferenceUID: str
    label: str
    kind: str
    segments: tuple[Segment, ...]
    frames: tuple[Frame, ...]
    grid: FrameGrid
    series: frozenset[str]
    dataset: Dataset
    turned: tuple[bool, bool] = (False, False)

    @property
    def is_occupancy(self) -> bool:
        """Whether a pixel says how much of it the segment fills (PS3.3 C.8.20.2.3)."""
        kind = str(self.dataset.get("SegmentationFractionalType", ""))
        return self.kind == "FRACTIONAL" and kind == "OCCUPANCY"

    @property
    def full(self) -> float:
        """The pixel value of a voxel that a segment fills."""
        if self.kind != "FRACTIONAL":
            return 1.0
        return float(self.dataset.get("MaximumFractionalValue", 255))

    def masks(self) -> Iterator[tuple[Frame, int, NDArray[np.bool_]]]:
        """Each frame with the SegmentNumber it speaks of and its mask, bool of shape (rows,
        columns).
        """
        for frame, number, pixels in self.values():
            yield frame, number, self.mask(number, pixels)

    def mask(self, number: int, pixels: NDArray[np.number[Any]]) -> NDArray[np.bool_]:
        """Which of a frame's stored values, shape (rows, columns), belong to the segment `number`: of a
        fraction, half of it or more."""
        if self.kind == "LABELMAP":
            return np.asarray(pixels == number)
        return np.asarray(pixels >= (0.5 * self.full if self.kind == "FRACTIONAL" else 1.0))

    def values(
        self, order: Sequence[int] | None = None
    ) -> Iterator[tuple[Frame, int, NDArray[np.number[Any]]]]:
        """Frames (those at `order`, or all of them) with the SegmentNumber and the stored values,
        shape (rows, columns); of a label map once for each of its segments."""
        chosen = self.frames if order is None else [self.frames[index] for index in order]
        upward, leftward = (-1 if reverse else 1 for reverse in self.turned)
        for frame, as_stored in zip(chosen, _pixels(self, chosen), strict=True):
            pixels = as_stored[::upward, ::leftward]
            if frame.segment is not None:
                yield frame, frame.segment, pixels
                continue
            for segment in self.segments:
                yield frame, segment.number, pixels


@dataclass(frozen=True)
class SegmentationSource:
    """What a Segmentation says of itself and of the images it was drawn on.

    `SOPInstanceUID` and `SeriesDescription` are the Segmentation's own (the ContentLabel where it
    has no description); `StudyInstanceUID`, `SeriesInstanceUID` and `instances` are those of the
    images. Where it names no series that is empty, and `instances` are what its frames refer to.
    """

    SOPInstanceUID: str
    SeriesDescription: str
    StudyInstanceUID: str
    SeriesInstanceUID: str
    instances: tuple[str, ...]


def source_of(seg: bytes) -> SegmentationSource:
    """What a Segmentation was drawn on. Where it names several series, the one its frames refer to.

    Raises SegmentationUnreadable.
    """
    dataset = _dataset(seg)
    study, listed = _referenced(dataset)
    # Looking through the frames of a large one takes as long as reading it.
    told = len(listed) == 1 and all(listed.values())
    frames = () if told else _frames(dataset)
    drawn_on = {uid for frame in frames for uid in frame.source_uids}
    chosen = max(listed, key=lambda uid: len(drawn_on.intersection(listed[uid])), default="")
    return SegmentationSource(
        SOPInstanceUID=str(dataset.get("SOPInstanceUID", "")),
        SeriesDescription=_label(dataset),
        StudyInstanceUID=study,
        SeriesInstanceUID=chosen,
        instances=listed.get(chosen) or tuple(sorted(drawn_on)),
    )


def series_among(source: SegmentationSource, there: Mapping[str, Collection[str]]) -> str:
    """The SeriesInstanceUID of what a Segmentation was drawn on, also where it does not say.

    `there` are the SOPInstanceUIDs of the images to choose from by their SeriesInstanceUID. The series
    it names; else the one with an image that it refers to; else the only one, and whether it lies on
    its grid remains to be checked. Raises SeriesNotNamed.
    """
    if source.SeriesInstanceUID:
        return source.SeriesInstanceUID
    images = set(source.instances)
    fitting = [uid for uid, instances in there.items() if images.intersection(instances)]
    fitting = fitting or list(there)
    if len(fitting) != 1:
        raise SeriesNotNamed(
            "The segmentation does not name the series it was drawn on (ReferencedSeriesSequence), "
            f"and there are {len(fitting)} to choose from.",
            remedy="Export it again from a program that keeps the references to the images, or give "
            "it with that series alone.",
        )
    return fitting[0]


def _referenced(dataset: Dataset) -> tuple[str, dict[str, tuple[str, ...]]]:
    """The study of the images drawn on, and their SOPInstanceUIDs by SeriesInstanceUID."""
    study = str(dataset.get("StudyInstanceUID", ""))
    series = list(dataset.get("ReferencedSeriesSequence") or ())
    if not series:
        elsewhere = list(dataset.get("StudiesContainingOtherReferencedInstancesSequence") or ())
        if elsewhere:
            study = str(elsewhere[0].get("StudyInstanceUID", study))
            series = list(elsewhere[0].get("ReferencedSeriesSequence") or ())
    return study, {
        str(item.get("SeriesInstanceUID", "")): tuple(
            str(image.get("ReferencedSOPInstanceUID", ""))
            for image in item.get("ReferencedInstanceSequence") or ()
        )
        for item in series
    }


def read(seg: bytes) -> Segmentation:
    """Reads everything but the pixels. Raises SegmentationUnreadable."""
    dataset = _dataset(seg)
    segments = tuple(_segment(item) for item in dataset.get("SegmentSequence") or ())
    if dataset.SegmentationType == "LABELMAP":
        # A label map may describe what none of its segments is (PS3.3 C.8.20.2); that is no region.
        segments = tuple(one for one in segments if not one.is_background)
    if not segments:
        raise SegmentationUnreadable("The segmentation holds no segments (no SegmentSequence).")
    frames = tuple(_frames(dataset))
    _refuse_undefined(segments, frames)
    return Segmentation(
        SOPInstanceUID=str(dataset.SOPInstanceUID),
        SeriesInstanceUID=str(dataset.get("SeriesInstanceUID", "")),
        FrameOfReferenceUID=str(dataset.get("FrameOfReferenceUID", "")),
        label=_label(dataset),
        kind=str(dataset.get("SegmentationType", "")),
        segments=segments,
        frames=frames,
        grid=grid_of(dataset),
        series=frozenset(_referenced(dataset)[1]) - {""},
        dataset=dataset,
    )


def _refuse_undefined(segments: tuple[Segment, ...], frames: tuple[Frame, ...]) -> None:
    """Refuse frames of a segment that is not listed: the names can then belong to other segments.

    OHIF 3.13 leaves an empty segment out of SegmentSequence and counts the rest anew, while the
    frames keep the numbers under which they were drawn.
    """
    listed = {segment.number for segment in segments}
    undefined = sorted({f.segment for f in frames if f.segment is not None} - listed)
    if undefined:
        raise SegmentationUnreadable(
            "Its frames show segment "
            + ", ".join(map(str, undefined))
            + ", which it does not list, "
            "so it is not certain which name belongs to which region.",
            remedy="Delete the empty segments in the viewer and store the segmentation again.",
        )


def _dataset(seg: bytes) -> Dataset:
    head = read_head(seg, "the segmentation")
    if isinstance(head, RefusedFile):
        raise SegmentationUnreadable(f"The segmentation was refused. {head.reason}")
    if head.SOPClassUID not in _STORAGE:
        raise SegmentationUnreadable(
            f"This is not a DICOM Segmentation: its SOPClassUID is {head.SOPClassUID}."
        )
    try:
        dataset = dcmread(BytesIO(seg))
    except Exception as problem:
        raise SegmentationUnreadable("The segmentation cannot be read: it is damaged.") from problem
    kind = str(dataset.get("SegmentationType", ""))
    if kind not in _KINDS:
        raise SegmentationUnreadable(f"SegmentationType is “{kind}”, not one of {sorted(_KINDS)}.")
    voxels = (
        int(dataset.get("Rows") or 0)
        * int(dataset.get("Columns") or 0)
        * int(dataset.get("NumberOfFrames") or 0)
    )
    if not 0 < voxels <= _MOST_VOXELS:
        raise SegmentationUnreadable(f"The segmentation claims to hold {voxels} voxels.")
    return dataset


def _segment(item: Dataset) -> Segment:
    kinds = item.get("SegmentedPropertyTypeCodeSequence") or [Dataset()]
    return Segment(
        number=int(item.get("SegmentNumber", 0)),
        label=str(item.get("SegmentLabel", "")).strip(),
        type_scheme=str(kinds[0].get("CodingSchemeDesignator", "")),
        type_code=str(kinds[0].get("CodeValue", "")),
    )


def _frames(dataset: Dataset) -> list[Frame]:
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    count = int(dataset.get("NumberOfFrames") or 0)
    if len(per_frame) != count:
        raise SegmentationUnreadable(
            f"The segmentation has {count} frames but describes {len(per_frame)} of them."
        )
    found = []
    for index, frame in enumerate(per_frame):
        position = lengths(
            group_of(dataset, frame, "PlanePositionSequence"), "ImagePositionPatient"
        )
        if len(position) != 3:
            raise SegmentationUnreadable(f"Frame {index + 1} does not say where it lies.")
        identified = group_of(dataset, frame, "SegmentIdentificationSequence")
        number = identified.get("ReferencedSegmentNumber")
        if number is None and dataset.SegmentationType != "LABELMAP":
            raise SegmentationUnreadable(f"Frame {index + 1} does not say which segment it shows.")
        derived = group_of(dataset, frame, "DerivationImageSequence")
        sources = derived.get("SourceImageSequence") or ()
        found.append(
            Frame(
                index,
                None if dataset.SegmentationType == "LABELMAP" else int(number),
                (position[0], position[1], position[2]),
                tuple(str(source.get("ReferencedSOPInstanceUID", "")) for source in sources),
            )
        )
    return found


def _pixels(
    segmentation: Segmentation, frames: Sequence[Frame]
) -> Iterator[NDArray[np.number[Any]]]:
    dataset = segmentation.dataset
    if dataset.BitsAllocated != 1 or dataset.file_meta.TransferSyntaxUID.is_compressed:
        yield from _decoded(dataset, [frame.index for frame in frames])
        return
    # One bit per pixel, least significant first, frames following each other without padding
    # (PS3.5 8.1.1 and Annex D): a frame may begin inside a byte.
    packed = np.frombuffer(dataset.PixelData, np.uint8)
    size = segmentation.grid.rows * segmentation.grid.columns
    if packed.size * 8 < size * len(segmentation.frames):
        raise SegmentationUnreadable("The segmentation holds fewer pixels than its frames need.")
    for frame in frames:
        first, last = frame.index * size, (frame.index + 1) * size
        bits = np.unpackbits(packed[first // 8 : (last + 7) // 8], bitorder="little")
        start = first % 8
        yield bits[start : start + size].reshape(segmentation.grid.rows, segmentation.grid.columns)


def _decoded(dataset: Dataset, indices: list[int]) -> Iterator[NDArray[np.number[Any]]]:
    try:
        yield from iter_pixels(dataset, indices=indices)
    except (AttributeError, RuntimeError, ValueError, NotImplementedError) as problem:
        raise SegmentationUnreadable(
            "The pixels of the segmentation cannot be read: "
            f"its transfer syntax is {dataset.file_meta.TransferSyntaxUID.name}.",
            remedy="Store it again uncompressed.",
        ) from problem


def _label(dataset: Dataset) -> str:
    return str(dataset.get("SeriesDescription") or dataset.get("ContentLabel") or "Segmentation")
