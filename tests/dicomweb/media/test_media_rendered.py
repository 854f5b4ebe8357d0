"""Pictures through the gateway, and what a pseudonymised reader does not get."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from PIL import Image

from server.archive import Archive
from server.dicom.shown_file import Shown
from server.dicomweb.views.view import PlainView
from tests.archive.files import pixels
from tests.archive.orthanc_process import free_port
from tests.dicomweb.conftest import Caller
from tests.dicomweb.gateway_app import gateway_app
from tests.dicomweb.media import pictures
from tests.dicomweb.media.conftest import SCOPES
from tests.dicomweb.samples import parts_of
from tests.served import serving

pytestmark = pytest.mark.orthanc

JPEGS = 'multipart/related; type="image/jpeg"'
PNGS = 'multipart/related; type="image/png"'


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_window_is_in_hounsfield_units(media: Caller) -> None:
    path = f"{pictures.path_of('plain')}/rendered?window=-1000,200,linear-exact"
    response = media.get(path, "image/png")
    values = pixels(1).astype(float) - 1024
    expected = np.clip((values + 1000) / 200 + 0.5, 0, 1) * 255
    assert np.abs(picture(response.data) - expected).max() <= 0.51
    assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"


def test_a_gif_shows_the_same_greys_and_nearly_the_same_colours(media: Caller) -> None:
    """PS3.18 Table 8.7.4-1 requires it of pictures of one frame."""
    for name, rest in (("pet-1", "/rendered"), ("us", "/frames/2/rendered"), ("us", "/thumbnail")):
        gif = media.get(pictures.path_of(name) + rest, "image/gif")
        assert (gif.status_code, gif.headers["Content-Type"]) == (200, "image/gif")
        exact = Image.open(io.BytesIO(media.get(pictures.path_of(name) + rest, "image/png").data))
        shown = Image.open(io.BytesIO(gif.data)).convert(exact.mode)
        difference = np.abs(np.asarray(shown, int) - np.asarray(exact, int))
        assert difference.max() == 0 if exact.mode == "L" else difference.mean() < 8
    assert media.get(f"{pictures.path_of('us')}/rendered", "image/*").content_type == "image/jpeg"


@pytest.mark.parametrize("number", [1, 4])
def test_each_frame_has_its_picture(media: Caller, number: int) -> None:
    path = f"{pictures.path_of('us')}/frames/{number}/rendered"
    assert np.array_equal(picture(media.get(path, "image/png").data), pictures.colours(number))


def test_several_frames_come_as_parts(media: Caller) -> None:
    path = f"{pictures.path_of('us')}/frames/3,1/rendered"
    parts = parts_of(media.get(path, PNGS))
    assert [head["content-type"] for head, _ in parts] == ["image/png"] * 2
    for (_, content), number in zip(parts, (3, 1), strict=True):
        assert np.array_equal(picture(content), pictures.colours(number))
    assert media.get(path, "image/png").status_code == 406
    every = parts_of(media.get(f"{pictures.path_of('us')}/rendered", PNGS))
    assert len(every) == pictures.ULTRASOUND_FRAMES


def test_a_series_and_a_study_come_as_a_picture_of_each_instance(media: Caller) -> None:
    series = pictures.path_of("us").partition("/instances/")[0]
    ((_, content),) = parts_of(media.get(f"{series}/rendered", PNGS))
    assert np.array_equal(picture(content), pictures.colours(1))
    parts = parts_of(media.get(f"/studies/{pictures.STUDY}/rendered?viewport=32,32", JPEGS))
    assert len(parts) == len(pictures.everything())
    assert all(content.startswith(b"\xff\xd8") for _, content in parts)


@pytest.mark.parametrize("name", [*pictures.BUNDLED, "masks", "pet-2", "big-endian", "us-planar"])
def test_a_picture_can_be_drawn_of_every_kind(media: Caller, name: str) -> None:
    response = media.get(f"{pictures.path_of(name)}/rendered", "image/jpeg")
    assert response.status_code == 200, response.text
    shown = picture(response.data)
    assert shown.max() > shown.min()
    small = picture(media.get(f"{pictures.path_of(name)}/thumbnail", "image/jpeg").data)
    assert max(small.shape[:2]) == 128


def test_a_picture_of_broken_pixels_says_so(media: Caller) -> None:
    assert media.get(f"{pictures.path_of('corrupt')}/frames/1/rendered").status_code == 200
    jpeg = 'multipart/related; type="image/jpeg"'
    for rest in ("/frames/2/rendered", "/frames/1,2/rendered", "/rendered"):
        response = media.get(pictures.path_of("corrupt") + rest, jpeg)
        assert (response.status_code, response.json["error"]["code"]) == (404, "frame_broken")
    assert media.get(f"{pictures.path_of('us')}/frames/7/rendered").status_code == 404


def test_text_is_drawn_where_it_is_asked_for(media: Caller) -> None:
    base = f"{pictures.path_of('examples_palette.dcm')}/rendered"
    seen = {
        query: media.get(f"{base}{query}", "image/png").data
        for query in ("", "?annotation=patient", "?annotation=patient,technique")
    }
    assert len(set(seen.values())) == 3
    assert media.get(f"{base}?annotation=secrets").status_code == 400


# Pseudonyms


class Masked(PlainView):
    """A view in which nobody has a name, and the ultrasound is withheld."""

    id = "0123456789abcdef"
    pseudonymised = True

    def json(self, dataset: dict[str, Any]) -> dict[str, Any] | None:
        if dataset["00080060"]["Value"] == ["SEG"]:
            return None
        shown = {**dataset, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Nobody"}]}}
        shown.pop("7FE00010", None)
        return shown

    def file(self, file: BinaryIO) -> Shown | None:
        file.seek(0)
        return Shown(file.read().replace(b"Phantom^", b"Masked^^"), file, ())

    def pixels_withheld(self, dataset: dict[str, Any]) -> str:
        return "text in the picture" if dataset["00080060"]["Value"] == ["US"] else ""


@pytest.fixture(scope="module")
def masked(media_archive: Archive) -> Caller:
    return Caller(gateway_app(media_archive, SCOPES, view=Masked()).test_client(), "reader")


@pytest.mark.parametrize("name", ["us", "masks"])
@pytest.mark.parametrize(
    "below", ["frames/1", "rendered", "frames/1/rendered", "thumbnail", "bulk/7fe00010"]
)
def test_what_is_withheld_is_not_there(masked: Caller, name: str, below: str) -> None:
    response = masked.get(f"{pictures.path_of(name)}/{below}", "*/*")
    unknown = masked.get(f"/studies/1.2.3/series/1.2/instances/1.2/{below}", "*/*")
    assert (response.status_code, response.json) == (404, unknown.json)


def test_what_is_not_withheld_is_given(masked: Caller, media: Caller) -> None:
    path = f"{pictures.path_of('plain')}/frames/1"
    octets = "application/octet-stream"
    assert masked.get(path, octets).data == media.get(path, octets).data
    assert masked.get(f"{pictures.path_of('plain')}/rendered", "image/png").status_code == 200
    file = masked.get(pictures.path_of("plain"), "application/dicom").data
    assert b"Masked^^" in file
    assert b"Phantom^" not in file


def test_the_text_in_a_picture_is_the_pseudonym(masked: Caller, media: Caller) -> None:
    path = f"{pictures.path_of('693_J2KI.dcm')}/rendered"
    plain = [one.get(path, "image/png").data for one in (masked, media)]
    named = [one.get(f"{path}?annotation=patient", "image/png").data for one in (masked, media)]
    assert plain[0] == plain[1]
    assert named[0] != named[1]


# Another client


@pytest.fixture
def program(media_archive: Archive) -> Iterator[DICOMwebClient]:
    port = free_port(18350)
    url = f"http://127.0.0.1:{port}"
    with serving(gateway_app(media_archive, SCOPES, url), port):
        client = DICOMwebClient(
            f"{url}/dicom-web", headers={"Authorization": "Bearer reader"}, chunk_size=65536
        )
        yield client
        client._session.close()


def test_dicomweb_client_reads_frames_in_every_form_it_knows(program: DICOMwebClient) -> None:
    where = (pictures.STUDY, *pictures.uid_of("us"))
    native = pictures.ultrasound_native(2, planar=False)
    assert program.retrieve_instance_frames(*where, frame_numbers=[2]) == [native]
    for media_type, syntax, begins in (
        ("image/jls", "1.2.840.10008.1.2.4.80", b"\xff\xd8"),
        ("image/jp2", "1.2.840.10008.1.2.4.90", b"\xff\x4f"),
        ("image/jpeg", "1.2.840.10008.1.2.4.50", b"\xff\xd8"),
        ("image/jpeg", "1.2.840.10008.1.2.4.70", b"\xff\xd8"),
        ("image/dicom-rle", "1.2.840.10008.1.2.5", b"\x03\0\0\0"),
        ("application/octet-stream", "*", native[:4]),
    ):
        (frame,) = program.retrieve_instance_frames(
            *where, frame_numbers=[2], media_types=((media_type, syntax),)
        )
        assert frame.startswith(begins)


def test_dicomweb_client_reads_pictures_and_files(program: DICOMwebClient) -> None:
    where = (pictures.STUDY, *pictures.uid_of("us"))
    shown = program.retrieve_instance_rendered(
        *where, media_types=("image/jpeg",), params={"quality": 95, "viewport": "64,64"}
    )
    assert max(picture(shown).shape) == 64
    frame = program.retrieve_instance_frames_rendered(*where, [3], media_types=("image/png",))
    assert np.array_equal(picture(frame), pictures.colours(3))
    files = program.retrieve_series(*where[:2], media_types=(("application/dicom", "*"),))
    assert [one.NumberOfFrames for one in files] == [pictures.ULTRASOUND_FRAMES]
