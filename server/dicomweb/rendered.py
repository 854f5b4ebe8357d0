"""Rendered images and thumbnails (PS3.18 10.4.1.1.4 and 10.4.1.1.5), drawn by Orthanc."""

from __future__ import annotations

import re

from flask import Response, request

from server.archive import ArchiveFailed, NotInArchive, Series
from server.dicomweb.accept import Wish, choose
from server.dicomweb.answers import UNCHANGING, streamed
from server.dicomweb.frames import FrameNotFound, FrameUnreadable
from server.dicomweb.retrieve import PDF, document
from server.dicomweb.scope import Pass, inside, outside, wishes
from server.foundation.errors import BadRequest

PICTURES = ("image/jpeg", "image/png")
THUMBNAIL_VIEWPORT = "128,128"
THUMBNAIL_CACHE = "private, max-age=300"  # a growing series gets another middle
MOST_PIXELS_A_SIDE = 4096
# Modalities without pixels, or with pixels that say nothing alone (PS3.3 C.7.3.1.1.1).
_NO_PICTURE = frozenset({"SR", "KO", "PR", "SEG", "DOC", "REG", "RTSTRUCT", "RTPLAN"})
_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_WINDOW = re.compile(rf"{_NUMBER},{_NUMBER}(,(linear|linear-exact|sigmoid))?", re.IGNORECASE)
_VIEWPORT = re.compile(rf"([0-9]{{1,5}}),([0-9]{{1,5}})(,({_NUMBER})?){{0,4}}")


def rendered(
    pass_: Pass, study: str, series: str, instance: str, number: str | None = None
) -> Response:
    """`GET .../rendered` of an instance or of one of its frames, as JPEG or PNG.

    `window=centre,width[,function]`, `viewport=width,height[,...]` and `quality=1..100` as in
    PS3.18 8.3.5.1. An encapsulated PDF is rendered as itself where `application/pdf` is asked for.
    """
    path = inside(pass_, study, series, instance)
    asked = wishes()
    if any(wish.kind == PDF for wish in asked):
        return document(pass_, path)
    params = _params()
    return _picture(pass_, path + _frame(number), params, asked, UNCHANGING)


def _frame(number: str | None) -> str:
    if number is None:
        return ""
    if not re.fullmatch(r"[1-9][0-9]{0,8}", number):
        raise BadRequest("A frame number is a whole number, counted from 1.")
    return f"/frames/{number}"


def _params() -> dict[str, str]:
    given = {
        name: value
        for name in ("window", "viewport", "quality")
        if (value := request.args.get(name))
    }
    if "window" in given and not _WINDOW.fullmatch(given["window"]):
        raise BadRequest("window is centre,width and perhaps a function.")
    if "viewport" in given:
        size = _VIEWPORT.fullmatch(given["viewport"])
        if not size or not all(0 < int(side) <= MOST_PIXELS_A_SIDE for side in size.group(1, 2)):
            raise BadRequest(f"viewport is width,height, each from 1 to {MOST_PIXELS_A_SIDE}.")
    if "quality" in given and not re.fullmatch(r"[1-9][0-9]?|100", given["quality"]):
        raise BadRequest("quality is a whole number from 1 to 100.")
    return given


def _picture(
    pass_: Pass, path: str, params: dict[str, str], asked: tuple[Wish, ...], cache: str
) -> Response:
    media_type = choose(asked, PICTURES)
    try:
        stream = pass_.archive.open_dicomweb(f"{path}/rendered", accept=media_type, params=params)
    except ArchiveFailed as error:
        raise FrameUnreadable("No picture can be drawn from this instance.") from error
    return streamed(
        stream.chunks(),
        content_type=media_type,
        length=stream.content_length,
        cache=cache,
        close=stream.close,
    )


def thumbnail(
    pass_: Pass,
    study: str,
    series: str | None = None,
    instance: str | None = None,
    number: str | None = None,
) -> Response:
    """`GET .../thumbnail` of a study, a series, an instance or a frame: at most 128 x 128 pixels.

    A series is shown by its middle instance, a study by its first series with a picture.
    """
    inside(pass_, study, series, instance)
    params = {"viewport": THUMBNAIL_VIEWPORT, **_params()}
    if series is None:
        series = _first_with_picture(pass_, study)
    if instance is None:
        instance = _middle(pass_, study, series)
    path = inside(pass_, study, series, instance) + _frame(number)
    return _picture(pass_, path, params, wishes(), THUMBNAIL_CACHE)


def _first_with_picture(pass_: Pass, study: str) -> str:
    found: list[Series] = []
    for candidate in pass_.archive.candidates(study):
        found.extend(pass_.archive.study_series(candidate))
    if not found:
        raise outside()
    pictures = [series for series in found if series.Modality not in _NO_PICTURE]
    if not pictures:
        raise FrameNotFound("Nothing in this study can be shown as a thumbnail.")
    return min(pictures, key=_series_order).SeriesInstanceUID


def _series_order(series: Series) -> tuple[int, str]:
    number = series.SeriesNumber.strip()
    return (int(number) if number.isdigit() else 10**9, series.SeriesInstanceUID)


def _middle(pass_: Pass, study: str, series: str) -> str:
    for candidate in pass_.archive.candidates(study, series):
        try:
            instances = pass_.archive.series_instances(candidate)
        except NotInArchive:
            continue
        if instances:
            return instances[len(instances) // 2].SOPInstanceUID
    raise outside()
