"""Enhanced images hold many frames; where each lies stands in functional groups (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pydicom.dataset import Dataset

from server.foundation.errors import Invalid

# The group and the attribute in it: PS3.3 C.7.6.16.2.3, C.7.6.16.2.4 and C.7.6.16.2.1.
_PLACED_BY: Final = (
    ("PlanePositionSequence", "ImagePositionPatient"),
    ("PlaneOrientationSequence", "ImageOrientationPatient"),
    ("PixelMeasuresSequence", "PixelSpacing"),
)
_OF_ALL_FRAMES: Final = ("SOPInstanceUID", "FrameOfReferenceUID", "Rows", "Columns")


class ImagesInOne(Invalid):
    """The images of a series are frames of one object, which is not drawn on here."""


def is_enhanced(header: Dataset) -> bool:
    """Whether each frame says for itself where it lies."""
    return "PerFrameFunctionalGroupsSequence" in header and "ImagePositionPatient" not in header


def single_frames(header: Dataset) -> Iterator[Dataset]:
    """What places an image: the header as it is, or one for each frame of an enhanced one. What a frame
    does not say for itself it has from the shared groups; what neither says is left out."""
    if not is_enhanced(header):
        yield header
        return
    shared = header.get("SharedFunctionalGroupsSequence") or [Dataset()]
    for groups in header.PerFrameFunctionalGroupsSequence or ():
        frame = Dataset()
        for keyword in _OF_ALL_FRAMES:
            if keyword in header:
                frame[keyword] = header[keyword]
        for group, keyword in _PLACED_BY:
            items = groups.get(group) or shared[0].get(group) or ()
            if items and keyword in items[0]:
                frame[keyword] = items[0][keyword]
        yield frame


def refuse_enhanced(headers: Iterable[Dataset]) -> None:
    """Raises ImagesInOne when one of the images is enhanced."""
    for header in headers:
        if is_enhanced(header):
            raise ImagesInOne(
                "The images of this series are the frames of one enhanced image; Margin measures what "
                "was drawn on those and does not draw on them itself.",
                remedy="Ask for the series as single images, or draw it in another program and send "
                "its segmentation.",
            )
