"""Objects over which Orthanc or its codecs would end: they are refused before it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from server.archive import Archive
from server.dicom.frame_shape import FrameShape
from server.dicomweb.pixels.transcoding import encoded
from server.prepared.eviction import Room
from server.prepared.preparing import Preparer
from server.prepared.shelf import Shelf
from tests.archive.files import written
from tests.archive.orthanc_process import archive_with
from tests.dicomweb import samples
from tests.dicomweb.conftest import Caller
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app
from tests.dicomweb.media import pictures
from tests.dicomweb.media.pictures import path_of, picture, signed_native

pytestmark = pytest.mark.orthanc
JPEG_2000, JPEG_LS = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80"
HTJ2K, JPEG_XL = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.110"
OCTETS = 'multipart/related; type="application/octet-stream"'
NAMES = ("beyond", "too-many", "several", "pieces", "one-in-pieces", "jpeg-xl")


def beyond_its_bits() -> Dataset:
    """Signed 12 bits whose values need 16: the JPEG-LS encoder of DCMTK ends its process over them."""
    dataset = picture("beyond", SecondaryCaptureImageStorage, ExplicitVRLittleEndian)
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 1
    values = np.random.default_rng(12).integers(0, 65536, pictures.ROWS * pictures.COLUMNS)
    dataset.PixelData = values.astype("<u2").tobytes()
    return dataset


def wavelets(name: str, frames: int, fragments: int, *, cut: bool = False) -> Dataset:
    """So many frames by its header, so many by its pixels; `cut`: the second ends early."""
    dataset = picture(name, UltrasoundMultiFrameImageStorage, UID(JPEG_2000))
    dataset.PixelRepresentation = 1
    frame = encoded(signed_native(), JPEG_2000, FrameShape.read(dataset))
    found = [frame] * fragments
    if cut:
        found[1] = frame[:60]
    dataset.NumberOfFrames = frames
    dataset.PixelData = encapsulate(found)
    return dataset


def in_pieces(name: str, frames: int) -> Dataset:
    """Each frame in three fragments, with no table of where it begins (PS3.5 A.4)."""
    dataset = picture(name, UltrasoundMultiFrameImageStorage, UID(JPEG_2000))
    dataset.PixelRepresentation = 1
    frame = encoded(signed_native(), JPEG_2000, FrameShape.read(dataset))
    dataset.NumberOfFrames = frames
    dataset.PixelData = encapsulate([frame] * frames, fragments_per_frame=3, has_bot=False)
    return dataset


def jpeg_xl() -> bytes:
    """Pixels that nobody here decodes. pydicom does not know their transfer syntax (PS3.5 A.4.14)."""
    dataset = picture("jpeg-xl", SecondaryCaptureImageStorage, UID(HTJ2K))
    dataset.PixelData = encapsulate([b"\xff\x0a" + bytes(64)])
    return written(dataset).replace(HTJ2K.encode(), JPEG_XL.encode(), 1)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    several = wavelets("several", 3, 3, cut=True)
    pieces = [in_pieces("pieces", 4), in_pieces("one-in-pieces", 1)]
    too_many = wavelets("too-many", 2_000_000_000, 1)
    files = [written(made) for made in (beyond_its_bits(), too_many, several, *pieces)]
    folder = tmp_path_factory.mktemp("hostile-orthanc")
    with archive_with(folder, [*files, jpeg_xl()]) as archive:
        yield archive


@pytest.fixture(params=["passed through", "prepared"])
def reader(request: pytest.FixtureRequest, archive: Archive, tmp_path: Path) -> Caller:
    shelf = Shelf(tmp_path)
    if request.param == "prepared":
        for name in NAMES:
            (series,) = archive.candidates(pictures.STUDY, pictures.uid_of(name)[0])
            Preparer(archive, shelf, Room(shelf.root, 10**9)).prepare(pictures.STUDY, series)
    scopes = {"reader": HandMadeScope(frozenset({pictures.STUDY}))}
    return Caller(gateway_app(archive, scopes, shelf=shelf).test_client(), "reader")


def test_orthanc_is_never_asked_to_compress(reader: Caller, archive: Archive) -> None:
    accept = f"application/dicom; transfer-syntax={JPEG_LS}"
    answer = reader.get(path_of("beyond"), accept)
    assert (answer.status_code, answer.json["error"]["code"]) == (406, "syntax_not_available")
    assert archive.statistics().instances == len(NAMES)
    assert reader.get(path_of("beyond"), "application/dicom").status_code == 200


@pytest.mark.parametrize(
    "rest", ["/frames/1", "/frames/1,2", "/bulk/7fe00010", "/rendered", "/thumbnail"]
)
def test_more_frames_than_anything_has_are_broken_ones(reader: Caller, rest: str) -> None:
    answer = reader.get(path_of("too-many") + rest)
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "frame_broken")


@pytest.mark.parametrize("rest", ["/frames/1", "/bulk/7fe00010", "/rendered", "/thumbnail"])
def test_what_nobody_here_decodes_is_not_acceptable(reader: Caller, rest: str) -> None:
    answer = reader.get(path_of("jpeg-xl") + rest, "image/jpeg" if rest[1] in "rt" else OCTETS)
    assert (answer.status_code, answer.json["error"]["code"]) == (406, "frame_unreadable")


def test_a_value_with_a_broken_frame_is_not_begun(reader: Caller) -> None:
    assert reader.get(f"{path_of('several')}/frames/1,3").status_code == 200
    answer = reader.get(f"{path_of('several')}/bulk/7fe00010")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "frame_broken")


@pytest.mark.parametrize(("name", "numbers"), [("pieces", "3,1,4,2"), ("one-in-pieces", "1")])
def test_frames_in_several_fragments_are_put_together_without_a_table(
    reader: Caller, name: str, numbers: str
) -> None:
    whole = encoded(signed_native(), JPEG_2000, FrameShape.read(in_pieces(name, 1)))
    for accept, expected in (
        ('multipart/related; type="image/jp2"', whole),
        (OCTETS, signed_native()),
    ):
        answer = reader.get(f"{path_of(name)}/frames/{numbers}", accept)
        assert answer.status_code == 200, answer.data
        parts = [content for _, content in samples.parts_of(answer)]
        assert [part[: len(expected)] for part in parts] == [expected] * len(parts)
        assert len(parts) == len(numbers.split(","))
