"""Frames through the gateway: the right bytes, in the form asked for."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread

from tests.archive.files import COLUMNS, ROWS, pixels
from tests.dicomweb import samples
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import parts_of

pytestmark = pytest.mark.orthanc

OHIF = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"'
EXPLICIT, JPEG_LS, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5"


def frames_of(series: str, instance: str, numbers: str = "1") -> str:
    return f"/studies/{samples.CASE}/series/{series}/instances/{instance}/frames/{numbers}"


@pytest.mark.parametrize(
    "accept", [OHIF, OCTETS, "*/*", None, f"{OCTETS}; transfer-syntax={EXPLICIT}"]
)
@pytest.mark.parametrize("number", [1, 4])
def test_a_ct_frame_is_its_pixels_labelled_explicit_little_endian(
    insider: Caller, accept: str | None, number: int
) -> None:
    response = insider.get(frames_of(samples.PORTAL, f"{samples.PORTAL}.{number}"), accept)
    ((head, content),) = parts_of(response)
    assert content == pixels(number).tobytes()
    assert head["content-type"] == f"application/octet-stream; transfer-syntax={EXPLICIT}"
    assert int(head["content-length"]) == len(content) == ROWS * COLUMNS * 2
    assert b"\r\nContent-Type: " in response.data
    assert int(response.headers["Content-Length"]) == len(response.data)
    assert response.content_type.startswith(
        'multipart/related; type="application/octet-stream"; boundary='
    )


def test_the_same_frame_is_the_same_bytes_and_may_be_kept(insider: Caller) -> None:
    path = frames_of(samples.PORTAL, f"{samples.PORTAL}.2")
    first, second = insider.get(path, OHIF), insider.get(path, OHIF)
    assert (first.data, first.content_type) == (second.data, second.content_type)
    assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "Accept" in first.headers["Vary"]


def test_nobody_is_asked_to_compress_a_frame(insider: Caller) -> None:
    path = frames_of(samples.PORTAL, f"{samples.PORTAL}.2")
    response = insider.get(path, OHIF, **{"Accept-Encoding": "gzip, deflate, br"})
    assert "Content-Encoding" not in response.headers
    assert parts_of(response)[0][1] == pixels(2).tobytes()


def test_one_frame_may_come_bare(insider: Caller) -> None:
    path = frames_of(samples.PORTAL, f"{samples.PORTAL}.2")
    response = insider.get(path, "application/octet-stream")
    assert response.data == pixels(2).tobytes()
    assert response.content_type == f"application/octet-stream; transfer-syntax={EXPLICIT}"


@pytest.mark.parametrize(
    ("instance", "syntax", "image"),
    [
        (samples.JPEG_LS, JPEG_LS, "image/jls"),
        (samples.RLE, RLE, "image/dicom-rle"),
        (samples.JPEG_2000, "1.2.840.10008.1.2.4.90", "image/jp2"),
    ],
)
def test_compressed_frames_leave_as_stored_for_whoever_takes_any_syntax(
    insider: Caller, archive, instance: str, syntax: str, image: str
) -> None:
    path = frames_of(samples.COMPRESSED, instance)
    ((head, content),) = parts_of(insider.get(path, OHIF))
    assert head["content-type"] == f"application/octet-stream; transfer-syntax={syntax}"
    ((named, same),) = parts_of(insider.get(path, f'multipart/related; type="{image}"'))
    assert named["content-type"] == f"{image}; transfer-syntax={syntax}"
    assert same == content
    (orthanc_id,) = archive.candidates(samples.CASE, samples.COMPRESSED, instance)
    assert content in archive.instance_file(orthanc_id)


@pytest.mark.parametrize("instance", [samples.JPEG_LS, samples.RLE, samples.DEFLATED])
@pytest.mark.parametrize("asked", ["", f"; transfer-syntax={EXPLICIT}"])
def test_compressed_frames_are_decoded_for_whoever_takes_only_octets(
    insider: Caller, instance: str, asked: str
) -> None:
    response = insider.get(frames_of(samples.COMPRESSED, instance), OCTETS + asked)
    ((head, content),) = parts_of(response)
    assert content == pixels(int(instance[-1])).tobytes()
    assert head["content-type"] == f"application/octet-stream; transfer-syntax={EXPLICIT}"


def test_a_compression_that_orthanc_does_not_know_is_decoded_here(insider: Caller) -> None:
    ((head, content),) = parts_of(
        insider.get(frames_of(samples.COMPRESSED, samples.JPEG_2000), OCTETS)
    )
    assert head["content-type"] == f"application/octet-stream; transfer-syntax={EXPLICIT}"
    assert content == samples.jpeg_2000_pixels()


@pytest.mark.parametrize("numbers", ["1", "3", "1,2,3,4", "4,1", "2,2"])
def test_frames_of_a_multiframe_come_in_the_order_asked_for(insider: Caller, numbers: str) -> None:
    response = insider.get(frames_of(samples.MULTIFRAME, samples.MASKS, numbers), OHIF)
    expected = [bytes([int(number)]) * 16 for number in numbers.split(",")]
    assert [content for _, content in parts_of(response)] == expected


def test_a_frame_asked_for_twice_comes_twice(insider: Caller) -> None:
    response = insider.get(frames_of(samples.PORTAL, f"{samples.PORTAL}.1", "1,1"), OHIF)
    assert [content for _, content in parts_of(response)] == [pixels(1).tobytes()] * 2


@pytest.mark.parametrize(
    ("instance", "numbers", "status"),
    [
        (samples.MASKS, "5", 404),
        (samples.MASKS, "1,5", 404),
        (f"{samples.PORTAL}.1", "2", 404),
        (samples.MASKS, "0", 400),
        (samples.MASKS, "1,,2", 400),
        (samples.MASKS, "-1", 400),
        (samples.MASKS, "one", 400),
        (samples.MASKS, ",".join(["1"] * 1001), 400),
        (samples.MASKS, "9" * 10, 400),
        (samples.REPORT, "1", 404),
        (samples.PDF, "1", 404),
    ],
)
def test_frames_that_are_not_there_are_refused(
    insider: Caller, instance: str, numbers: str, status: int
) -> None:
    series = instance.rpartition(".")[0]
    response = insider.get(frames_of(series, instance, numbers), OHIF)
    assert response.status_code == status
    assert response.json["error"]["message"]


@pytest.mark.parametrize(
    "accept", ["text/html", 'multipart/related; type="image/jpx"', "application/dicom+json", "x"]
)
def test_nothing_acceptable_is_406_in_our_shape(insider: Caller, accept: str) -> None:
    response = insider.get(frames_of(samples.PORTAL, f"{samples.PORTAL}.1"), accept)
    assert response.status_code == 406
    assert response.json["error"]["code"] == "not_acceptable"


def test_several_accept_headers_count_as_one(insider: Caller) -> None:
    path = "/dicom-web" + frames_of(samples.PORTAL, f"{samples.PORTAL}.1")
    headers = [*insider._headers.items(), ("Accept", "text/html"), ("Accept", OHIF)]
    assert insider._client.get(path, headers=headers, buffered=True).status_code == 200


def test_an_image_nobody_changed_is_read_back_by_pydicom(insider: Caller, tmp_path) -> None:
    """The two ways to the same pixels agree: the frame, and the file."""
    file = tmp_path / "one.dcm"
    path = f"/studies/{samples.CASE}/series/{samples.PORTAL}/instances/{samples.PORTAL}.5"
    file.write_bytes(insider.get(path, "application/dicom").data)
    ((_, content),) = parts_of(insider.get(f"{path}/frames/1", OHIF))
    frame = np.frombuffer(content, "<i2").reshape(ROWS, COLUMNS)
    assert np.array_equal(frame, dcmread(file).pixel_array)
