"""The pictures of an opinion's key images, drawn from the archive: the image as it was windowed, and on
it what was measured.

Whatever may show a name in its pixels is left out (`server.dicom.burned_in`); nothing is written into a
picture but the patient's sides.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from server.archive import Archive, NotInArchive, Series
from server.dicom.burned_in import facts_of, is_withheld, why_withheld
from server.dicom.decoding import PixelsUnreadable, decoded
from server.dicom.frame_shape import FrameShape
from server.dicom.rendering import Drawing, NothingToDraw, Viewport, Window, draw, written
from server.foundation.errors import BadRequest
from server.opinions.image_plane import edge_letters, pixel_points
from server.opinions.key_images import KeyImage

SIDE_PIXELS: Final = 560  # 55 mm on paper at some 260 dots per inch
QUALITY: Final = 92  # of the JPEG: no block is seen on paper
SHOWN_SHARE: Final = 0.6  # of the image's width, around what was measured
AROUND: Final = 3.0  # times the extent of what was measured, where that is more
_INK: Final = (255, 210, 74)
_EDGE: Final = (20, 20, 20)
_Region = tuple[float, float, float, float]


def pictures_of(archive: Archive, images: Iterable[KeyImage]) -> dict[str, bytes]:
    """JPEG by `KeyImage.name`; an image that is gone, unreadable or withheld has none.

    Raises ArchiveUnavailable.
    """
    found: dict[str, bytes] = {}
    series: dict[str, Series | None] = {}
    for image in images:
        known = image.SeriesInstanceUID
        if known not in series:
            series[known] = _series(archive, image)
        place = series[known]
        picture = _picture(archive, place, image) if place else None
        if picture is not None:
            found[image.name] = picture
    return found


def picture_of(dataset: Dataset, image: KeyImage) -> bytes | None:
    """The JPEG of one image out of its whole dataset; None where it may not or cannot be shown."""
    known = facts_of(dataset)
    if is_withheld(known) or why_withheld(known):
        return None
    shape = FrameShape.read(dataset)
    try:
        native = decoded(_frame(dataset, shape, image.frame), _syntax(dataset), shape)
        points = _points(dataset, image)
        region = _region(shape, points)
        viewport = Viewport(SIDE_PIXELS, SIDE_PIXELS, *region)
        drawing = Drawing(window=_window(image), viewport=viewport)
        picture = draw(dataset, native.tobytes(), shape, image.frame, drawing)
    except (PixelsUnreadable, NothingToDraw, BadRequest, ValueError, IndexError):
        return None
    return written(_marked(picture, dataset, image, points, region), "image/jpeg", QUALITY, None)


def _series(archive: Archive, image: KeyImage) -> Series | None:
    for study in archive.find_studies(image.StudyInstanceUID):
        for one in archive.study_series(study.orthanc_id):
            if one.SeriesInstanceUID == image.SeriesInstanceUID:
                return one
    return None


def _picture(archive: Archive, series: Series, image: KeyImage) -> bytes | None:
    try:
        for one in archive.series_instances(series.orthanc_id):
            if one.SOPInstanceUID == image.SOPInstanceUID:
                file = BytesIO(archive.instance_file(one.orthanc_id))
                return picture_of(dcmread(file), image)
    except NotInArchive:
        return None
    return None


def _syntax(dataset: Dataset) -> str:
    return str(dataset.file_meta.TransferSyntaxUID)


def _frame(dataset: Dataset, shape: FrameShape, number: int) -> bytes:
    """The stored bytes of a frame, from 1. Raises ValueError where there is none."""
    count = int(dataset.get("NumberOfFrames") or 1)
    if "PixelData" not in dataset or not 1 <= number <= count:
        raise ValueError("The image has no such frame.")
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return get_frame(dataset.PixelData, number - 1, number_of_frames=count)
    start = (number - 1) * shape.frame_bytes
    return bytes(dataset.PixelData[start : start + shape.frame_bytes])


def _window(image: KeyImage) -> Window | None:
    low, high = image.window_lower, image.window_upper
    if low is None or high is None or high - low < 1:
        return None
    return Window((low + high) / 2, high - low)


def _points(dataset: Dataset, image: KeyImage) -> np.ndarray | None:
    """What was measured as (column, row), shape (n, 2), in pixels; None where it does not lie here."""
    if image.frame > 1 or not image.points_mm:
        return None
    return pixel_points(image.points_mm, dataset)


def _region(shape: FrameShape, points: np.ndarray | None) -> _Region:
    """Left, top, width and height of what is shown, in pixels: around the measurement, or all."""
    if points is None:
        return 0.0, 0.0, float(shape.Columns), float(shape.Rows)
    extent = float(np.ptp(points, axis=0).max())
    shorter = float(min(shape.Columns, shape.Rows))
    side = min(shorter, max(SHOWN_SHARE * shape.Columns, AROUND * extent))
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    left = min(max(float(middle[0]) - side / 2, 0.0), shape.Columns - side)
    top = min(max(float(middle[1]) - side / 2, 0.0), shape.Rows - side)
    return float(round(left)), float(round(top)), float(round(side)), float(round(side))


def _marked(
    picture: Image.Image,
    dataset: Dataset,
    image: KeyImage,
    points: np.ndarray | None,
    region: _Region,
) -> Image.Image:
    """The picture in colour with the measurement and the patient's sides."""
    colour = picture.convert("RGB")
    pen = ImageDraw.Draw(colour)
    if points is not None and len(points) > 1:
        scale = np.array([colour.width / region[2], colour.height / region[3]])
        placed = [tuple(map(float, one)) for one in (points - region[:2]) * scale]
        for line in _lines(image.drawn, placed):
            pen.line(line, fill=_EDGE, width=8)
            pen.line(line, fill=_INK, width=4)
    font = ImageFont.load_default(22)
    left, top = edge_letters(dataset)
    for letter, place, anchor in (
        (left, (8, colour.height / 2), "lm"),
        (top, (colour.width / 2, 6), "ma"),
    ):
        if letter:
            pen.text(
                place, letter, fill=(255, 255, 255), font=font, anchor=anchor, stroke_width=2,
                stroke_fill=_EDGE,
            )  # fmt: skip
    return colour


def _lines(drawn: str, points: list[tuple[float, ...]]) -> list[list[tuple[float, ...]]]:
    """How the points are joined: the ends of both axes of a cross, else one line through all."""
    if drawn == "cross" and len(points) == 4:
        return [points[:2], points[2:]]
    return [points] if drawn else []
