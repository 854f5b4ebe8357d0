"""Rendered images and thumbnails (PS3.18 10.4.1.1.3 and 10.4.1.1.4)."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from flask import Response, request

from server.archive import NotInArchive
from server.dicom.rendering import (
    RENDERER,
    Drawing,
    NothingToDraw,
    annotate,
    draw,
    read_drawing,
    written,
)
from server.dicomweb.delivery.bulkdata import PDF, DocumentIsNotPdf, document
from server.dicomweb.delivery.frames import MOST_FRAMES, check_numbers, read_numbers
from server.dicomweb.delivery.instances import first_with_picture, instances_of, middle_of
from server.dicomweb.delivery.withheld import check_pixels
from server.dicomweb.media.accept import ANYTHING, MULTIPART, Wish, nothing_acceptable
from server.dicomweb.media.answers import CHANGING, UNCHANGING, boundary_of
from server.dicomweb.media.beforehand import Beforehand
from server.dicomweb.media.multipart import closing, part_head
from server.dicomweb.media.ranges import (
    delivered,
    flowing,
    of_bytes,
    of_file,
    strong_tag,
    unchanged,
    whole,
)
from server.dicomweb.pictures.pictured import Pictured
from server.dicomweb.pixels.framing import FrameBroken, FrameNotFound, FrameUnreadable, Place
from server.dicomweb.views.scope import Pass, StudyOutsideGrant, inside, standing, wishes
from server.foundation.errors import BadRequest, NotAcceptable

PICTURES = ("image/jpeg", "image/png", "image/gif")  # PS3.18 Table 8.7.4-1, the default first
THUMBNAIL_VIEWPORT = "128,128"
THUMBNAIL_CACHE = "private, max-age=300"  # a growing series gets another middle
LONGEST_QUERY_BYTES = 4096
_PARAMETERS = ("window", "viewport", "quality", "annotation", "iccprofile")


def rendered(
    pass_: Pass,
    study: str,
    series: str | None = None,
    instance: str | None = None,
    numbers: str | None = None,
) -> Response:
    """`GET .../rendered` of a study, a series, an instance or frames of one, as JPEG or PNG.

    One picture leaves by itself; several, and one that is asked for so, as parts. An instance
    shows its first frame, or as parts all of them. An encapsulated PDF is rendered as itself for
    whoever takes `application/pdf`, or anything.
    """
    path = inside(pass_, study, series, instance)
    asked = wishes()
    drawing = read_drawing(_params())
    if series is None or instance is None:
        return _many(pass_, study, series, asked, drawing)
    place = Place(study, series, instance, path)
    if numbers is not None:
        check_pixels(pass_, place)
        return _one_instance(pass_, place, read_numbers(numbers), asked, drawing)
    if asked and asked[0].kind == PDF and (found := _document(pass_, place)):
        return found
    check_pixels(pass_, place)
    try:
        return _one_instance(pass_, place, None, asked, drawing)
    except NotAcceptable:
        if any(wish.covers(PDF) and not wish.multipart for wish in asked):
            with contextlib.suppress(DocumentIsNotPdf):
                if found := _document(pass_, place):
                    return found
        raise


def _document(pass_: Pass, place: Place) -> Response | None:
    """The encapsulated PDF of an instance; None when it holds none."""
    with contextlib.suppress(NotInArchive):
        return document(pass_, place)
    return None


def _params() -> dict[str, str]:
    if len(request.query_string) > LONGEST_QUERY_BYTES:
        raise BadRequest("The parameters of a picture are longer than any picture needs.")
    twice = [name for name in _PARAMETERS if len(request.args.getlist(name)) > 1]
    if twice:
        raise BadRequest(f"{twice[0]} stands twice in the address, and a picture has one.")
    return {name: request.args.get(name, "") for name in _PARAMETERS}


def _one_instance(
    pass_: Pass, place: Place, wanted: list[int] | None, asked: tuple[Wish, ...], drawing: Drawing
) -> Response:
    media_type, multipart = _form(asked, single=wanted is None or len(wanted) == 1)
    state = standing(pass_, place.study, place.series)
    tag = _tag(pass_, place.path, state, wanted, media_type, multipart, drawing)
    known = unchanged(tag, UNCHANGING)
    if known is not None:
        return known
    with contextlib.ExitStack() as open_:
        pictured = open_.enter_context(Pictured(pass_, place))
        if pictured.count == 0:
            raise no_picture()
        if wanted is not None:
            check_numbers(pictured.frames, wanted)
        numbers = wanted or range(1, pictured.count + 1 if multipart else 2)
        if not multipart:
            first = _picture(pass_, pictured, numbers[0], media_type, drawing)
            return delivered([of_bytes(first)], content_type=media_type, tag=tag, cache=UNCHANGING)
        make = partial(_picture, pass_, pictured, media_type=media_type, drawing=drawing)
        beforehand = open_.enter_context(contextlib.closing(Beforehand()))
        made = [beforehand.part(partial(make, number)) for number in numbers[:MOST_FRAMES]]
        pictures = itertools.chain(map(whole, made), map(make, numbers[MOST_FRAMES:]))
        return _parts(pictures, media_type, tag, UNCHANGING, open_.pop_all().close)


def _many(
    pass_: Pass, study: str, series: str | None, asked: tuple[Wish, ...], drawing: Drawing
) -> Response:
    """One picture of each instance that has one."""
    media_type, _ = _form(asked, single=False)
    places = instances_of(pass_, study, series)
    state = standing(pass_, study, series)
    tag = _tag(pass_, state, *(place.instance for place in places), media_type, drawing)
    known = unchanged(tag, CHANGING)
    if known is not None:
        return known
    pictures = _pictures_of(pass_, places, media_type, drawing)
    first = next(pictures, None)
    if first is None:
        raise no_picture()

    def all_of_them() -> Iterator[bytes]:
        yield first
        yield from pictures

    return _parts(all_of_them(), media_type, tag, CHANGING)


def _pictures_of(
    pass_: Pass, places: list[Place], media_type: str, drawing: Drawing
) -> Iterator[bytes]:
    for place in places:
        try:
            check_pixels(pass_, place)
            with Pictured(pass_, place) as pictured:
                if pictured.count:
                    yield _picture(pass_, pictured, 1, media_type, drawing)
        except (StudyOutsideGrant, FrameBroken, FrameNotFound, FrameUnreadable):
            continue  # what cannot be shown is left out, the others are given


def _parts(
    pictures: Iterator[bytes],
    media_type: str,
    tag: str,
    cache: str,
    close: Callable[[], None] = lambda: None,
) -> Response:
    boundary = boundary_of(tag)

    def body() -> Iterator[bytes]:
        for position, picture in enumerate(pictures):
            yield part_head(boundary, media_type, len(picture), first=position == 0)
            yield picture
        yield closing(boundary)

    return flowing(
        body(),
        content_type=f'{MULTIPART}; type="{media_type}"; boundary={boundary}',
        tag=tag,
        cache=cache,
        close=close,
    )


def _form(asked: tuple[Wish, ...], *, single: bool) -> tuple[str, bool]:
    """Media type, and whether as parts. Raises NotAcceptable."""
    for wish in asked:
        for media_type in PICTURES:
            if wish.covers(media_type) and (wish.multipart or single or wish.kind == ANYTHING):
                return media_type, wish.multipart or not single
    offered = PICTURES if single else tuple(f'{MULTIPART}; type="{one}"' for one in PICTURES)
    raise nothing_acceptable(offered)


def _tag(pass_: Pass, *parts: object) -> str:
    return strong_tag("rendered", RENDERER, pass_.view.id, *parts)


def _picture(
    pass_: Pass, pictured: Pictured, number: int, media_type: str, drawing: Drawing
) -> bytes:
    shape = pictured.frames.shape
    if shape is None:
        raise no_picture()
    try:
        picture = draw(pictured.header, pictured.frames.native(number), shape, number, drawing)
    except NothingToDraw as error:
        raise no_picture() from error
    if drawing.annotations:
        annotate(picture, *pictured.lines(pass_, number, drawing.annotations))
    profile = pictured.profile() if drawing.with_profile and picture.mode == "RGB" else None
    return written(picture, media_type, drawing.quality, profile)


def no_picture() -> FrameUnreadable:
    """The error for an instance that cannot be shown."""
    return FrameUnreadable("No picture can be drawn from this instance.")


def thumbnail(
    pass_: Pass,
    study: str,
    series: str | None = None,
    instance: str | None = None,
    numbers: str | None = None,
) -> Response:
    """`GET .../thumbnail` of a study, a series, an instance or a frame: at most 128 x 128 pixels.

    A series is shown by its middle instance, a study by its first series with a picture.
    """
    inside(pass_, study, series, instance)
    params = _params()
    drawing = read_drawing({**params, "viewport": params["viewport"] or THUMBNAIL_VIEWPORT})
    wanted = read_numbers(numbers) if numbers is not None else None
    asked = wishes()
    media_type, _ = _form(asked, single=True)
    if series is None:
        series = first_with_picture(pass_, study)
    if instance is None:
        plain = media_type == "image/jpeg" and not any(params.values())
        ready = _prepared(pass_, study, series) if plain else None
        if ready is not None:
            return ready
        instance = middle_of(pass_, study, series)
    place = Place(study, series, instance, inside(pass_, study, series, instance))
    check_pixels(pass_, place)
    state = standing(pass_, study, series)
    tag = _tag(pass_, place.path, state, wanted, media_type, drawing)
    known = unchanged(tag, THUMBNAIL_CACHE)
    if known is not None:
        return known
    with Pictured(pass_, place) as pictured:
        number = wanted[0] if wanted else max(1, (pictured.count + 1) // 2)
        if pictured.count == 0:
            raise no_picture()
        check_numbers(pictured.frames, [number])
        picture = _picture(pass_, pictured, number, media_type, drawing)
    return delivered([of_bytes(picture)], content_type=media_type, tag=tag, cache=THUMBNAIL_CACHE)


def _prepared(pass_: Pass, study: str, series: str) -> Response | None:
    """The picture that was drawn when the series came in, for whoever may see all of it."""
    manifest = pass_.current(study, series)
    if manifest is None:
        return None
    if pass_.view.pseudonymised:
        for one in manifest.by_uid:
            check_pixels(pass_, Place(study, series, one, ""))
    path: Path = pass_.shelf.thumbnail(study, series)
    try:
        state = path.stat()
    except OSError:
        return None
    tag = strong_tag("thumbnail", manifest.orthanc_id, state.st_mtime_ns, state.st_size)
    return unchanged(tag, THUMBNAIL_CACHE) or delivered(
        [of_file(path, 0, state.st_size)],
        content_type="image/jpeg",
        tag=tag,
        cache=THUMBNAIL_CACHE,
    )
