"""Frames of every kind, in every form that can be asked for."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from pydicom.pixels import pixel_array

from server.dicom.decoding import native_picture
from server.dicom.frame_shape import FrameShape
from server.dicomweb.pixels.transcoding import decoded, native_shape
from tests.archive.files import pixels
from tests.dicomweb.conftest import Caller
from tests.dicomweb.media import pictures
from tests.dicomweb.samples import parts_of

pytestmark = pytest.mark.orthanc

OCTETS = 'multipart/related; type="application/octet-stream"'
ANY = f"{OCTETS}; transfer-syntax=*"
EXPLICIT = "1.2.840.10008.1.2.1"
BASELINE = "1.2.840.10008.1.2.4.50"
IMAGES = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.201": "image/jphc",
}


def frames_of(name: str, numbers: str = "1") -> str:
    return f"{pictures.path_of(name)}/frames/{numbers}"


def frames(caller: Caller, name: str, accept: str, numbers: str = "1") -> list[bytes]:
    response = caller.get(frames_of(name, numbers), accept)
    assert response.status_code == 200, response.text
    return [content for _, content in parts_of(response)]


@pytest.mark.parametrize("name", pictures.BUNDLED)
def test_a_frame_is_decoded_to_what_pydicom_reads(media: Caller, name: str) -> None:
    dataset = pictures.bundled(name)
    (native,) = frames(media, name, OCTETS)
    shape = native_shape(str(dataset.file_meta.TransferSyntaxUID), FrameShape.read(dataset))
    if shape.is_subsampled:
        assert native == dataset.PixelData[: shape.frame_bytes]
        return
    if shape.BitsAllocated == 1:
        bits = np.unpackbits(np.frombuffer(native, np.uint8), bitorder="little")
        ours = bits.reshape(shape.Rows, shape.Columns)
    else:
        ours = native_picture(native, shape)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = pixel_array(dataset, index=0)
    except RuntimeError:  # pydicom has no decoder of its own for some: then the size must do
        assert len(native) == shape.frame_bytes
        return
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("syntax", pictures.LOSSLESS)
def test_signed_values_of_12_bits_survive_every_compression(media: Caller, syntax: str) -> None:
    name = f"signed-{syntax}"
    assert frames(media, name, OCTETS) == [pictures.signed_native()]
    response = media.get(frames_of(name), ANY)
    ((head, stored),) = parts_of(response)
    assert head["content-type"] == f"application/octet-stream; transfer-syntax={syntax}"
    shape = FrameShape(pictures.ROWS, pictures.COLUMNS, 1, 16, 12, 1)
    assert decoded(stored, syntax, shape) == pictures.signed_native()


@pytest.mark.parametrize("syntax", pictures.LOSSLESS)
@pytest.mark.parametrize("name", ["plain", "us", "us-planar", "big-endian"])
def test_a_named_syntax_is_made_without_loss(media: Caller, name: str, syntax: str) -> None:
    (native,) = frames(media, name, OCTETS)
    ((head, made),) = parts_of(media.get(frames_of(name), f"{OCTETS}; transfer-syntax={syntax}"))
    assert head["content-type"] == f"application/octet-stream; transfer-syntax={syntax}"
    dataset = {one.SOPInstanceUID: one for one in pictures.everything()}[pictures.uid_of(name)[1]]
    assert decoded(made, syntax, FrameShape.read(dataset)) == native
    if syntax in IMAGES:
        ((head, same),) = parts_of(
            media.get(frames_of(name), f'multipart/related; type="{IMAGES[syntax]}"')
        )
        assert head["content-type"] == f"{IMAGES[syntax]}; transfer-syntax={syntax}"
        assert same == made


def test_lossy_pictures_are_made_only_for_whoever_names_them(media: Caller) -> None:
    named = f'multipart/related; type="image/jpeg"; transfer-syntax={BASELINE}'
    (lossy,) = frames(media, "us", named)
    shape = FrameShape(pictures.ROWS, pictures.COLUMNS, 3, 8, 8, 0, "YBR_FULL_422")
    seen = native_picture(decoded(lossy, BASELINE, shape), native_shape(BASELINE, shape))
    assert np.abs(seen.astype(int) - pictures.colours(1)).mean() < 40
    ((head, _),) = parts_of(media.get(frames_of("us"), 'multipart/related; type="image/jpeg"'))
    assert head["content-type"] == "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.70"
    assert media.get(frames_of("plain"), named).status_code == 406  # 16 bits


@pytest.mark.parametrize("planar", [False, True])
def test_colour_frames_come_as_their_metadata_describes_them(media: Caller, planar: bool) -> None:
    name = "us-planar" if planar else "us"
    expected = [pictures.ultrasound_native(number, planar=planar) for number in (6, 1, 3)]
    assert frames(media, name, OCTETS, "6,1,3") == expected


def test_masks_that_begin_within_a_byte_come_each_by_itself(media: Caller) -> None:
    for number in (1, 2, 3):
        (content,) = frames(media, "masks", OCTETS, str(number))
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")[: 9 * 15]
        assert np.array_equal(bits.reshape(9, 15), pictures.mask(number))
    assert media.get(frames_of("masks"), 'multipart/related; type="image/jls"').status_code == 406


def test_big_endian_pixels_leave_as_little_endian(media: Caller) -> None:
    size = pictures.ROWS * pictures.COLUMNS
    whole = np.arange(size * 2).astype("<u2")
    assert frames(media, "big-endian", ANY, "1,2") == [
        whole[:size].tobytes(),
        whole[size:].tobytes(),
    ]


# What is broken


@pytest.mark.parametrize(
    ("name", "accept"),
    [
        ("truncated", OCTETS),
        ("truncated", ANY),
        ("corrupt", OCTETS),
        ("corrupt", ANY),
        ("corrupt", 'multipart/related; type="image/jls"'),
    ],
)
def test_a_broken_frame_is_told_and_the_others_are_given(
    media: Caller, name: str, accept: str
) -> None:
    assert len(frames(media, name, accept, "1")) == 1
    for numbers in ("2", "2,1", "1,2", "1,1,2,1"):
        response = media.get(frames_of(name, numbers), accept)
        assert response.status_code == 404
        assert response.json["error"]["code"] == "frame_broken"
        assert response.json["error"]["remedy"]
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "accept",
    [
        f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2",
        f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2.4.81",
        f"{OCTETS}; transfer-syntax=1.2.3",
        'multipart/related; type="image/jpx"',
        "video/mp4",
    ],
)
def test_a_form_that_cannot_be_made_is_not_acceptable(media: Caller, accept: str) -> None:
    response = media.get(frames_of("plain"), accept)
    assert response.status_code == 406
    assert "transfer-syntax=*" in response.json["error"]["remedy"]


@pytest.mark.parametrize("numbers", ["1," * 9999 + "1", "1" * 20_000, "," * 20_000])
def test_ten_thousand_frame_numbers_are_a_bad_request(media: Caller, numbers: str) -> None:
    assert media.get(frames_of("us", numbers), ANY).status_code == 400


# Ranges and tags


def test_a_range_of_frames_is_the_same_bytes_as_in_the_whole(media: Caller) -> None:
    for path, accept in (
        (frames_of("plain"), "application/octet-stream"),
        (frames_of("plain"), ANY),
        (frames_of("us", "1,2,3"), ANY),
        (pictures.path_of("plain"), "application/dicom"),
        (pictures.path_of("plain"), "application/dicom; transfer-syntax=*"),
        (f"{pictures.path_of('plain')}/bulk/7fe00010", "application/octet-stream"),
        (f"{pictures.path_of('us')}/rendered", "image/png"),
    ):
        whole = media.get(path, accept)
        size = len(whole.data)
        assert whole.headers["Accept-Ranges"] == "bytes"
        for first, last in ((0, 9), (5, 5), (size // 2, size - 1), (size - 3, size + 1000)):
            part = media.get(path, accept, Range=f"bytes={first}-{last}")
            assert part.status_code == 206
            assert part.data == whole.data[first : last + 1]
            stop = min(last, size - 1)
            assert part.headers["Content-Range"] == f"bytes {first}-{stop}/{size}"
            assert int(part.headers["Content-Length"]) == len(part.data)
            assert part.headers["ETag"] == whole.headers["ETag"]
        tail = media.get(path, accept, Range="bytes=-7")
        assert (tail.status_code, tail.data) == (206, whole.data[-7:])
        assert media.get(path, accept, Range="bytes=0-").data == whole.data


def test_a_range_behind_the_end_is_not_satisfiable(media: Caller) -> None:
    path = frames_of("plain")
    size = len(media.get(path, ANY).data)
    for asked in (f"bytes={size}-", f"bytes={size + 5}-{size + 9}", "bytes=-0"):
        response = media.get(path, ANY, Range=asked)
        assert response.status_code == 416
        assert response.headers["Content-Range"] == f"bytes */{size}"
        assert response.json["error"]["code"] == "range_beyond_end"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=9-3", "bytes=-", "x"])
def test_what_is_no_single_range_is_answered_with_the_whole(media: Caller, asked: str) -> None:
    assert media.get(frames_of("plain"), ANY, Range=asked).status_code == 200


def test_a_range_counts_only_while_the_body_is_the_one_it_was_taken_from(media: Caller) -> None:
    path = frames_of("plain")
    tag = media.get(path, ANY).headers["ETag"]
    same = media.get(path, ANY, Range="bytes=0-9", **{"If-Range": tag})
    other = media.get(path, ANY, Range="bytes=0-9", **{"If-Range": '"another"'})
    dated = media.get(path, ANY, Range="bytes=0-9", **{"If-Range": "Sat, 21 Nov 2026 04:00:00 GMT"})
    assert [one.status_code for one in (same, other, dated)] == [206, 200, 200]


def test_whoever_has_it_already_is_told_so(media: Caller) -> None:
    for path, accept in (
        (frames_of("plain"), ANY),
        (frames_of("plain"), OCTETS),
        (frames_of("us", "1,2"), 'multipart/related; type="image/jls"'),
        (pictures.path_of("plain"), "application/dicom"),
        (f"{pictures.path_of('plain')}/bulk/7fe00010", "*/*"),
        (f"{pictures.path_of('us')}/rendered", "image/png"),
        (f"{pictures.path_of('us')}/thumbnail", "image/jpeg"),
    ):
        first, second = media.get(path, accept), media.get(path, accept)
        tag = first.headers["ETag"]
        assert not tag.startswith("W/")
        assert (first.data, tag) == (second.data, second.headers["ETag"])
        again = media.get(path, accept, **{"If-None-Match": f'"x", {tag}'})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)


def test_each_form_has_a_tag_of_its_own(media: Caller) -> None:
    accepts = [ANY, OCTETS, "application/octet-stream", 'multipart/related; type="image/jls"']
    tags = {media.get(frames_of("us"), accept).headers["ETag"] for accept in accepts}
    assert len(tags) == 3  # any syntax is Explicit VR Little Endian while nothing is prepared


def test_head_says_what_get_would_send(media: Caller) -> None:
    for path in (
        frames_of("plain"),
        pictures.path_of("plain"),
        f"{pictures.path_of('us')}/rendered",
    ):
        got = media.get(path, "*/*")
        headers = {**media._headers, "Accept": "*/*"}
        head = media._client.head(f"/dicom-web{path}", headers=headers, buffered=True)
        assert (head.status_code, head.data) == (200, b"")
        for name in ("Content-Length", "ETag", "Content-Type", "Accept-Ranges"):
            assert head.headers[name] == got.headers[name]


def test_the_plain_frame_is_still_its_pixels(media: Caller) -> None:
    assert frames(media, "plain", ANY) == [pixels(1).tobytes()]
