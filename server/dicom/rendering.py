"""Pictures out of pixels: grey levels, colour, region, size, text (PS3.18 8.3.5). Pure.

The order is that of PS3.4 N.2: modality transformation, values of interest, presentation, and for
colour the palette or the colour space.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset
from pydicom.pixels.processing import (
    apply_color_lut,
    apply_modality_lut,
    apply_voi,
    convert_color_space,
)

from server.dicom.decoding import native_picture
from server.dicom.frame_shape import FrameShape
from server.foundation.errors import BadRequest

MOST_PIXELS_A_SIDE = 4096
DEFAULT_QUALITY = 90
ANNOTATIONS = ("patient", "technique")
RENDERER = "1"  # part of every picture's entity tag: another way of drawing is another picture
LARGEST_TEXT_SHARE = 0.028  # height of a line of annotation as a share of the picture's
_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_WINDOW = re.compile(rf"({_NUMBER}),({_NUMBER})(?:,(linear|linear-exact|sigmoid))?", re.IGNORECASE)
_VIEWPORT = re.compile(
    r"([0-9]{1,5}),([0-9]{1,5})" + "".join(rf"(?:,({_NUMBER})?)?" for _ in range(4))
)
_PROFILES = ("no", "yes")

Grey = NDArray[np.float32]


class NothingToDraw(ValueError):
    """The pixels cannot be made a picture."""


@dataclass(frozen=True)
class Window:
    """Which values are shown: `centre` and `width` in the values of the modality (such as HU)."""

    centre: float
    width: float
    function: str = "LINEAR"


@dataclass(frozen=True)
class Viewport:
    """Where a picture must fit, and which region of the frame it shows, both in pixels.

    A negative `region_width` or `region_height` flips the region; None means: to the edge.
    """

    width: int
    height: int
    left: float = 0.0
    top: float = 0.0
    region_width: float | None = None
    region_height: float | None = None


@dataclass(frozen=True)
class Drawing:
    """How a picture is to be drawn; `quality` 1 to 100 of a JPEG."""

    window: Window | None = None
    viewport: Viewport | None = None
    quality: int = DEFAULT_QUALITY
    annotations: tuple[str, ...] = ()
    with_profile: bool = False


def read_drawing(params: dict[str, str]) -> Drawing:
    """The drawing that query parameters ask for. Raises BadRequest. Empty ones count as absent."""
    return Drawing(
        window=_read_window(params.get("window", "")),
        viewport=_read_viewport(params.get("viewport", "")),
        quality=_read_quality(params.get("quality", "")),
        annotations=_read_annotations(params.get("annotation", "")),
        with_profile=_read_profile(params.get("iccprofile", "")),
    )


def _read_window(text: str) -> Window | None:
    if not text:
        return None
    found = _WINDOW.fullmatch(text)
    if not found:
        raise BadRequest("window is centre,width and perhaps linear, linear-exact or sigmoid.")
    function = (found[3] or "linear").upper().replace("-", "_")
    window = Window(float(found[1]), float(found[2]), function)
    least = 1.0 if function == "LINEAR" else 0.0  # PS3.3 C.11.2.1.2.1 and C.11.2.1.3
    if window.width < least or window.width == 0:
        raise BadRequest("The width of a window is 1 or more, or above 0 when not linear.")
    return window


def _read_viewport(text: str) -> Viewport | None:
    if not text:
        return None
    found = _VIEWPORT.fullmatch(text)
    if not found or not all(0 < int(side) <= MOST_PIXELS_A_SIDE for side in found.group(1, 2)):
        raise BadRequest(
            f"viewport is width,height, each from 1 to {MOST_PIXELS_A_SIDE}, "
            "and perhaps the region's left,top,width,height."
        )
    left, top, width, height = found.group(3, 4, 5, 6)
    viewport = Viewport(
        int(found[1]),
        int(found[2]),
        float(left or 0),
        float(top or 0),
        float(width) if width else None,
        float(height) if height else None,
    )
    if viewport.region_width == 0 or viewport.region_height == 0:
        raise BadRequest("The region of a viewport has a width and a height other than 0.")
    return viewport


def _read_quality(text: str) -> int:
    if text and not re.fullmatch(r"[1-9][0-9]?|100", text):
        raise BadRequest("quality is a whole number from 1 to 100.")
    return int(text or DEFAULT_QUALITY)


def _read_annotations(text: str) -> tuple[str, ...]:
    asked = [name.strip().lower() for name in text.split(",") if name.strip()]
    if any(name not in ANNOTATIONS for name in asked):
        raise BadRequest("annotation is patient, technique, or both with a comma between them.")
    return tuple(name for name in ANNOTATIONS if name in asked)


def _read_profile(text: str) -> bool:
    if text.lower() not in ("", *_PROFILES):
        raise BadRequest("iccprofile is no or yes: pictures are not converted to another profile.")
    return text.lower() == "yes"


def draw(
    header: Dataset, native: bytes, shape: FrameShape, number: int, drawing: Drawing
) -> Image.Image:
    """The picture of native frame `number` (from 1): mode L or RGB, square pixels.

    Raises NothingToDraw.
    """
    try:
        levels = _levels(header, native, shape, number, drawing.window)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise NothingToDraw("This frame cannot be made a picture.") from error
    return _placed(Image.fromarray(levels), drawing.viewport, _aspect(header))


def _levels(
    header: Dataset, native: bytes, shape: FrameShape, number: int, window: Window | None
) -> NDArray[np.uint8]:
    if shape.SamplesPerPixel not in (1, 3):  # ARGB and CMYK are retired (PS3.3 C.7.6.3.1.2)
        raise ValueError("Pixels of so many samples are no picture.")
    if shape.is_subsampled:
        return _rgb_of(_unfolded(native, shape), "YBR_FULL")
    if shape.BitsAllocated == 1:
        bits = np.unpackbits(np.frombuffer(native, np.uint8), bitorder="little")
        flat = bits[: shape.Rows * shape.Columns].reshape(shape.Rows, shape.Columns)
        return (flat * 255).astype(np.uint8)
    pixels: NDArray[Any] = native_picture(native, shape)
    if shape.SamplesPerPixel == 3:
        return _rgb_of(_eight_bits(pixels, shape.BitsStored), shape.PhotometricInterpretation)
    if shape.PhotometricInterpretation == "PALETTE COLOR":
        colours = apply_color_lut(pixels, header)
        return _eight_bits(colours, 8 * colours.dtype.itemsize)
    share = _grey(header, pixels, number, window)
    if _is_inverse(header, shape):
        share = 1 - share
    return np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)


def _is_inverse(header: Dataset, shape: FrameShape) -> bool:
    """PS3.3 C.7.6.3.1.2 and C.11.6.1.2."""
    named = str(header.get("PresentationLUTShape", "")) == "INVERSE"
    return shape.PhotometricInterpretation == "MONOCHROME1" or named


def _grey(header: Dataset, pixels: NDArray[Any], number: int, window: Window | None) -> Grey:
    """Grey levels from 0 (dark) to 1."""
    values = _of_the_modality(header, pixels, number)
    if window is None:
        window = _stored_window(header, number)
        if window is None and "VOILUTSequence" in header:
            return _by_lut(header, values)
    if window is None:
        shown = _without_padding(header, pixels, values)
        low, high = (float(shown.min()), float(shown.max())) if shown.size else (0.0, 0.0)
        if high <= low:
            return np.full(values.shape, 0.0 if high <= 0 else 1.0, np.float32)
        window = Window((low + high) / 2, high - low, "LINEAR_EXACT")
    return windowed(values, window)


def windowed(values: Grey, window: Window) -> Grey:
    """Values of interest from 0 to 1 (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    centre, width = window.centre, window.width
    if window.function == "SIGMOID":
        exponent = np.clip(-4 * (values - centre) / width, -80, 80)
        levels = 1 / (1 + np.exp(exponent))
    elif window.function == "LINEAR_EXACT":
        levels = np.clip((values - centre) / width + 0.5, 0, 1)
    elif width <= 1:
        levels = values > centre - 0.5
    else:
        levels = np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
    return np.asarray(levels, np.float32)


def _groups(header: Dataset, number: int, keyword: str) -> Dataset | None:
    """A functional group of one frame (PS3.3 C.7.6.16), its own before the shared one."""
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or []
    shared = header.get("SharedFunctionalGroupsSequence") or []
    for groups in (*per_frame[number - 1 : number], *shared[:1]):
        found = groups.get(keyword)
        if found:
            return found[0]  # type: ignore[no-any-return]
    return None


def _of_the_modality(header: Dataset, pixels: NDArray[Any], number: int) -> Grey:
    group = _groups(header, number, "PixelValueTransformationSequence")
    values = apply_modality_lut(pixels, header if group is None else group)
    return np.asarray(values, np.float32)


def _stored_window(header: Dataset, number: int) -> Window | None:
    said = _groups(header, number, "FrameVOILUTSequence") or header
    centre, width = _first(said.get("WindowCenter")), _first(said.get("WindowWidth"))
    function = str(said.get("VOILUTFunction") or "LINEAR")
    if centre is None or width is None or width < (1 if function == "LINEAR" else 0) or width == 0:
        return None
    return Window(centre, width, function)


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    several = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
    return float(several[0]) if len(several) else None


def _by_lut(header: Dataset, values: Grey) -> Grey:
    bits = int(header.VOILUTSequence[0].LUTDescriptor[2])
    looked_up = apply_voi(np.rint(values).astype(np.int32), header)
    return np.asarray(looked_up, np.float32) / np.float32(2**bits - 1)


def _without_padding(header: Dataset, pixels: NDArray[Any], values: Grey) -> Grey:
    padding = header.get("PixelPaddingValue")
    if padding is None:
        return values
    limit = header.get("PixelPaddingRangeLimit", padding)
    low, high = sorted((int(padding), int(limit)))
    return values[(pixels < low) | (pixels > high)]


def _eight_bits(pixels: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    if bits > 8:
        pixels = pixels.astype(np.uint32) >> (bits - 8)
    return np.ascontiguousarray(pixels.astype(np.uint8))


def _unfolded(native: bytes, shape: FrameShape) -> NDArray[np.uint8]:
    """Two pixels share their colour (PS3.3 C.7.6.3.1.2): Y1 Y2 Cb Cr."""
    flat = np.frombuffer(native, np.uint8)[: shape.frame_bytes].reshape(-1, 4)
    pixels = np.empty((flat.shape[0], 2, 3), np.uint8)
    pixels[:, :, 0] = flat[:, :2]
    pixels[:, :, 1], pixels[:, :, 2] = flat[:, 2:3], flat[:, 3:4]
    return pixels.reshape(shape.Rows, shape.Columns, 3)


def _rgb_of(pixels: NDArray[np.uint8], space: str) -> NDArray[np.uint8]:
    if not space.startswith("YBR_FULL"):
        return pixels
    return np.ascontiguousarray(convert_color_space(pixels, "YBR_FULL", "RGB"), np.uint8)


def _aspect(header: Dataset) -> float:
    """Height of a pixel in widths of it; 1 when it is square or nobody says (PS3.3 C.7.6.3.1.7)."""
    for keyword in ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing"):
        try:
            down, across = (float(one) for one in header.get(keyword) or ())
        except (TypeError, ValueError):
            continue
        if down > 0 and across > 0 and 0.1 < down / across < 10:
            return down / across
    return 1.0


def _placed(picture: Image.Image, viewport: Viewport | None, aspect: float) -> Image.Image:
    """The region in its size: cut out, flipped, then scaled to fit with square pixels."""
    if viewport is not None:
        picture = _region(picture, viewport)
    width, height = float(picture.width), float(picture.height)
    if aspect > 1.01:
        height *= aspect
    elif aspect < 0.99:
        width /= aspect
    scale = 1.0
    if viewport is not None:
        scale = min(viewport.width / width, viewport.height / height)
    most = MOST_PIXELS_A_SIDE if viewport is None else max(viewport.width, viewport.height)
    scale = min(scale, max(most, picture.width, picture.height) / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == picture.size:
        return picture
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _region(picture: Image.Image, viewport: Viewport) -> Image.Image:
    right, bottom = picture.size
    wide = right - viewport.left if viewport.region_width is None else viewport.region_width
    high = bottom - viewport.top if viewport.region_height is None else viewport.region_height
    box = (
        max(0, round(viewport.left)),
        max(0, round(viewport.top)),
        min(right, round(viewport.left + abs(wide))),
        min(bottom, round(viewport.top + abs(high))),
    )
    if box[0] >= box[2] or box[1] >= box[3]:
        raise BadRequest("The region of this viewport lies outside the picture.")
    if box != (0, 0, right, bottom):
        picture = picture.crop(box)
    if wide < 0:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if high < 0:
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return picture


def annotate(picture: Image.Image, left: list[str], right: list[str]) -> Image.Image:
    """The picture with lines of text in its upper corners, white on a dark edge."""
    size = max(8.0, picture.height * LARGEST_TEXT_SHARE)
    font = ImageFont.load_default(size)
    pen = ImageDraw.Draw(picture)
    ink, edge = (255, 0) if picture.mode == "L" else ((255, 255, 255), (0, 0, 0))
    margin = size / 2
    for lines, x, anchor in ((left, margin, "la"), (right, picture.width - margin, "ra")):
        for row, line in enumerate(line for line in lines if line):
            place = (x, margin + row * size * 1.25)
            pen.text(
                place, line, fill=ink, font=font, anchor=anchor, stroke_width=1, stroke_fill=edge
            )
    return picture


def written(picture: Image.Image, media_type: str, quality: int, profile: bytes | None) -> bytes:
    """The picture as `image/jpeg`, `image/png` or `image/gif`: the same bytes each time.

    A GIF has at most 256 colours: grey is exact, colour is not. It takes no profile.
    """
    file = io.BytesIO()
    if media_type == "image/png":
        picture.save(file, "PNG", compress_level=6, icc_profile=profile)
    elif media_type == "image/gif":
        picture.save(file, "GIF")
    else:
        picture.save(file, "JPEG", quality=quality, icc_profile=profile)
    return file.getvalue()
