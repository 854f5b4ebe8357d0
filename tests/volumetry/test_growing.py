"""Livers and tumours grown from a click: how near they come, and when nothing is given back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from imagecodecs import jpegls_encode
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless

from server.cli import main
from server.dicom.geometry import of_series
from server.volumetry.counting import count
from server.volumetry.drawn import AttenuationUnknown, draw
from server.volumetry.frames import read
from server.volumetry.masks import on_grid
from server.volumetry.placing import positions_mm
from server.volumetry.scene import SeedUnusable
from server.volumetry.segmentation import measure
from server.volumetry.segmenting import RegionLeaked, RegionTooSmall, dice, grow
from tests.volumetry.bodies import Body, body, voxel
from tests.volumetry.scenes import sample_ct

IN_LIVER, IN_TUMOUR = voxel(0, -30, -60), voxel(5, 5, -58)


@pytest.fixture(scope="module")
def scene() -> Body:
    return body()


def test_a_liver_holds_its_vessels_and_its_tumour_and_not_what_hangs_on_it(scene: Body) -> None:
    grown = grow(scene.hu, scene.grid, IN_LIVER, "liver")
    assert dice(grown.mask, scene.liver.astype(np.uint8)) > 0.95
    assert not grown.mask[voxel(-20, 55, 45)]
    assert grown.mask[IN_TUMOUR]
    assert grown.mask[voxel(0, -15, -30)]


@pytest.mark.parametrize("with_liver", [True, False])
def test_a_tumour_reaches_to_where_the_liver_begins(scene: Body, with_liver: bool) -> None:
    within = scene.liver.astype(np.uint8) if with_liver else None
    grown = grow(scene.hu, scene.grid, IN_TUMOUR, "tumour", within=within)
    assert dice(grown.mask, scene.tumour.astype(np.uint8)) > 0.85
    assert grown.window_hu[1] < 105


@pytest.mark.parametrize(
    ("seed", "words"),
    [
        (voxel(0, -60, 75), "no soft tissue"),  # fat
        (voxel(0, 118, 118), "no soft tissue"),  # air
        ((-1, 4, 4), "outside the images"),
        ((4, 4, 9999), "outside the images"),
    ],
)
def test_a_click_beside_the_organ_is_refused(
    scene: Body, seed: tuple[int, int, int], words: str
) -> None:
    with pytest.raises(SeedUnusable, match=words):
        grow(scene.hu, scene.grid, seed, "liver")


def test_a_tumour_that_looks_like_the_liver_is_refused(scene: Body) -> None:
    with pytest.raises(SeedUnusable, match="hardly be told"):
        grow(scene.hu, scene.grid, IN_LIVER, "tumour")


def test_a_region_that_runs_out_is_not_given_back(scene: Body) -> None:
    flooded = np.full_like(scene.hu, 60)
    with pytest.raises(RegionLeaked, match="runs out into its surroundings"):
        grow(flooded, scene.grid, IN_LIVER, "liver")


def test_a_crumb_is_no_liver(scene: Body) -> None:
    lone = np.full_like(scene.hu, -95)
    z, y, x = IN_LIVER
    lone[z - 1 : z + 2, y - 3 : y + 4, x - 3 : x + 4] = 105
    with pytest.raises(RegionTooSmall):
        grow(lone, scene.grid, IN_LIVER, "liver")


def as_images(scene: Body) -> list:
    """The body as slices, every other one of them compressed."""
    for number, (header, plane) in enumerate(zip(scene.headers, scene.hu, strict=True)):
        header.PixelData = plane.astype("<i2").tobytes()
        header["PixelData"].VR = "OW"
        if number % 2:
            header.PixelData = encapsulate([bytes(jpegls_encode(plane.astype("<i2").view("<u2")))])
            header["PixelData"].is_undefined_length = True
            header.file_meta.TransferSyntaxUID = JPEGLSLossless
    return scene.headers


def test_an_image_whose_stream_breaks_off_is_named_as_unreadable() -> None:
    images = as_images(body())
    images[1].PixelData = encapsulate([b"\xff\xd8\xff\xf7 no picture"])
    with pytest.raises(AttenuationUnknown, match="cannot be read"):
        draw(images, "liver", (120.0, 80.0, 90.0))


def test_what_is_drawn_is_a_segmentation_with_the_liver_beside_the_tumour() -> None:
    scene = body()
    images = as_images(scene)
    (at_liver, at_tumour) = positions_mm(np.array([IN_LIVER, IN_TUMOUR]), scene.grid)
    said: list[int] = []
    liver = draw(images, "liver", tuple(at_liver), tell=lambda _what, percent: said.append(percent))
    assert said == sorted(said)
    both = draw(images, "tumour", tuple(at_tumour), liver_seg=liver.seg)
    measured = measure(both.seg, images)
    assert [one.label for one in count(both.seg).segments] == ["Liver", "Tumour"]
    assert measured.liver_ml == pytest.approx(liver.grown.volume_ml)
    assert measured.tumour_ml == pytest.approx(both.grown.volume_ml)


def test_images_without_hounsfield_units_are_refused() -> None:
    images = as_images(body())
    images[3].Modality = "MR"
    with pytest.raises(AttenuationUnknown, match="MR"):
        draw(images, "liver", (120.0, 80.0, 90.0))


def test_the_real_liver_is_drawn_from_any_of_three_clicks(tmp_path: Path) -> None:
    folder = sample_ct()
    images = [dcmread(folder / name) for name in ("01.dcm", "02.dcm", "03.dcm")]
    grid = of_series(images)
    reference = on_grid(read((folder / "liver.dcm").read_bytes()), grid, [1])[1]
    places = positions_mm(np.array([(1, 230, 150), (1, 260, 180), (1, 238, 198)]), grid)
    for number, (x, y, z) in enumerate(places):
        out = tmp_path / f"{number}.dcm"
        said = ["segment", str(folder), f"--seed={x},{y},{z}", "--out", str(out)]
        result = CliRunner().invoke(main, said)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["to_be_corrected"] is True
        drawn = on_grid(read(out.read_bytes()), grid, [1])[1]
        assert dice(drawn, reference) > 0.94


def test_a_folder_of_several_series_asks_which(tmp_path: Path) -> None:
    for number, uid in enumerate(("1.2.3", "1.2.4")):
        header = body().headers[number]
        header.SeriesInstanceUID = uid
        header.save_as(tmp_path / str(number), enforce_file_format=True)
    said = ["segment", str(tmp_path), "--seed", "0,0,0", "--out", str(tmp_path / "out.dcm")]
    result = CliRunner().invoke(main, said)
    assert result.exit_code != 0
    assert "--series" in result.output
