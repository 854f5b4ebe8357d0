"""Whole files in the transfer syntax asked for, read back by pydicom."""

from __future__ import annotations

import io

import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames

from server.archive import Archive
from server.dicom.frame_shape import FrameShape
from server.dicomweb.pixels.transcoding import decoded
from tests.dicomweb.conftest import Caller
from tests.dicomweb.media import pictures
from tests.dicomweb.samples import parts_of

pytestmark = pytest.mark.orthanc

FILES = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'
EXPLICIT = "1.2.840.10008.1.2.1"
SIGNED = f"signed-{pictures.LOSSLESS[2]}"
NAMES = ["plain", "us", "us-planar", "masks", "big-endian", SIGNED, "MR_small_RLE.dcm"]


def native_frames(caller: Caller, name: str, count: int) -> list[bytes]:
    numbers = ",".join(str(number) for number in range(1, count + 1))
    response = caller.get(f"{pictures.path_of(name)}/frames/{numbers}", OCTETS)
    return [content for _, content in parts_of(response)]


def read(data: bytes) -> Dataset:
    return dcmread(io.BytesIO(data))


@pytest.mark.parametrize("name", NAMES)
def test_without_a_syntax_every_file_is_explicit_little_endian(media: Caller, name: str) -> None:
    response = media.get(pictures.path_of(name), "application/dicom")
    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) == len(response.data)
    dataset = read(response.data)
    assert dataset.file_meta.TransferSyntaxUID == EXPLICIT
    assert dataset.SOPInstanceUID == pictures.uid_of(name)[1]
    if name == "masks":
        assert dataset.PixelData == pictures.masks().PixelData
        return
    frames = native_frames(media, name, int(dataset.get("NumberOfFrames", 1)))
    assert dataset.PixelData.rstrip(b"\0") == b"".join(frames).rstrip(b"\0")


@pytest.mark.parametrize("syntax", pictures.LOSSLESS)
@pytest.mark.parametrize("name", ["plain", "us", "us-planar", "big-endian", SIGNED])
def test_a_file_is_written_anew_in_every_lossless_syntax(
    media: Caller, name: str, syntax: str
) -> None:
    response = media.get(pictures.path_of(name), f"application/dicom; transfer-syntax={syntax}")
    assert response.status_code == 200
    dataset = read(response.data)
    assert dataset.file_meta.TransferSyntaxUID == syntax
    count = int(dataset.get("NumberOfFrames", 1))
    found = list(generate_frames(dataset.PixelData, number_of_frames=count))
    stored = {one.SOPInstanceUID: one for one in pictures.everything()}[dataset.SOPInstanceUID]
    shape = FrameShape.read(stored)
    assert [decoded(one, syntax, shape) for one in found] == native_frames(media, name, count)
    if shape.SamplesPerPixel == 3 and syntax not in (pictures.LOSSLESS[1], pictures.LOSSLESS[2]):
        colour = "RGB" if syntax == pictures.LOSSLESS[0] else "YBR_RCT"
        assert dataset.PhotometricInterpretation == colour


def test_colour_out_of_a_jpeg_is_called_rgb(media: Caller) -> None:
    dataset = read(media.get(pictures.path_of("SC_rgb_jpeg_dcmtk.dcm"), "application/dicom").data)
    assert dataset.PhotometricInterpretation == "RGB"
    assert len(dataset.PixelData) == dataset.Rows * dataset.Columns * 3


def test_the_stored_file_is_given_byte_for_byte(media: Caller, media_archive: Archive) -> None:
    for name in ("us", SIGNED, "corrupt", "truncated"):
        path = pictures.path_of(name)
        response = media.get(path, "application/dicom; transfer-syntax=*")
        (orthanc_id,) = media_archive.candidates(pictures.STUDY, *pictures.uid_of(name))
        assert response.data == media_archive.instance_file(orthanc_id)


def test_a_broken_file_leaves_as_stored_unless_a_syntax_is_named(media: Caller) -> None:
    path = pictures.path_of("corrupt")
    stored = media.get(path, "application/dicom; transfer-syntax=*").data
    assert media.get(path, "application/dicom").data == stored
    assert media.get(path, f"application/dicom; transfer-syntax={EXPLICIT}").status_code == 406
    assert media.get(path, "application/dicom; transfer-syntax=1.2.3").status_code == 406


def test_a_lossy_file_is_never_made(media: Caller) -> None:
    accept = "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50"
    assert media.get(pictures.path_of("plain"), accept).status_code == 406


def test_a_series_as_stored_is_one_body_of_known_length(media: Caller) -> None:
    series = pictures.path_of("us").partition("/instances/")[0]
    whole = media.get(series, f"{FILES}; transfer-syntax=*")
    assert int(whole.headers["Content-Length"]) == len(whole.data)
    part = media.get(series, f"{FILES}; transfer-syntax=*", Range="bytes=1000-3999")
    assert (part.status_code, part.data) == (206, whole.data[1000:4000])
    tag = {"If-None-Match": whole.headers["ETag"]}
    assert media.get(series, f"{FILES}; transfer-syntax=*", **tag).status_code == 304


def test_a_whole_study_of_mixed_syntaxes_leaves_in_one_syntax(media: Caller) -> None:
    response = media.get(f"/studies/{pictures.STUDY}", FILES)
    parts = parts_of(response)
    assert len(parts) == len(pictures.everything())
    syntaxes = [str(read(content).file_meta.TransferSyntaxUID) for _, content in parts]
    # The broken ones leave as they are stored: what they are stands in the file itself.
    assert len([one for one in syntaxes if one != EXPLICIT]) <= 2
