"""How much of the liver is cut off, by the pixels of MR: told for certain or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset

from server.imaging.assessing import assess
from server.imaging.facts import SeriesFacts, facts_of
from server.imaging.findings import Severity
from server.imaging.headers import Header, of_dataset
from server.imaging.landmarks import Coverage, Landmark
from server.imaging.looking import with_pixels
from server.imaging.mr_liver import coverage_of_mr
from server.imaging.protocols import protocol_named
from server.imaging.read_volume import NoVolume, Slice, Volume, read_signal
from tests.archive.files import blank
from tests.imaging.bodies import Body
from tests.imaging.made_series import MR, ON
from tests.imaging.mr_bodies import MrBody, cut_share, slices, volume

# As after the scanner's own correction of its coils.
EVEN_COIL: dict[str, Any] = {"falloff": 0.9, "rim": 0.5}
DOME, EDGE = Landmark.LIVER_DOME, Landmark.LIVER_LOWER_EDGE


def covered(body: MrBody, top_mm: float, bottom_mm: float) -> Coverage:
    how = {"thickness_mm": 7.0, "rows": 112}
    return coverage_of_mr(volume(body, top_mm=top_mm, bottom_mm=bottom_mm, **how))


def untold(found: Coverage) -> set[Landmark]:
    return {place for place in Landmark if found.shows(place) is None}


@pytest.mark.parametrize("sequence", ["t1_fs", "t1_fs_portal"])
def test_a_liver_that_is_cut_at_its_upper_third_is_told(sequence: str) -> None:
    body = MrBody(sequence, **EVEN_COIL)
    found = covered(body, -50.0, -215.0)
    assert untold(found) == set(Landmark) - {DOME}
    assert found.shows(DOME) is False
    assert found.landmarks[DOME].cut_share == pytest.approx(cut_share(body, -57.0), abs=0.35)
    assert found.liver_fraction is None


def test_a_liver_that_is_cut_above_its_tip_is_told() -> None:
    assert covered(MrBody("t1_fs", **EVEN_COIL), 30.0, -140.0).shows(EDGE) is False


@pytest.mark.parametrize(
    "body",
    [
        MrBody("t1_fs_portal", **EVEN_COIL),
        MrBody("t2", Body(fat_mm=40.0)),
        MrBody("t1_fs", noise=0.15, rim=2.0, falloff=0.5, sideways=0.4),
        MrBody("t1_fs", signal={"fat": 400.0}),
        MrBody("t1_fs", signal={"fat": 340.0, "muscle": 400.0}),
        MrBody("t2_iron", Body(ascites=True)),
        MrBody("t1_opposed_steatosis", Body(ascites=True), chest="effusion"),
        MrBody("t1_fs", chest="collapsed"),
    ],
    ids=[
        "usual", "fat", "uneven", "no fat suppression", "fat and muscle like the liver", "iron",
        "fluid everywhere", "collapsed lung",
    ],
)  # fmt: skip
def test_of_a_whole_liver_nothing_is_said(body: MrBody) -> None:
    assert untold(covered(body, 30.0, -215.0)) == set(Landmark)


def test_of_a_few_images_or_an_empty_series_nothing_is_said() -> None:
    assert untold(covered(MrBody(), -50.0, -90.0)) == set(Landmark)
    with pytest.raises(NoVolume):
        read_signal([])
    dark = replace(next(slices(MrBody())), hu=np.zeros((8, 8), np.float32))
    with pytest.raises(NoVolume):
        read_signal(image for image, _ in written([dark], "1"))


@pytest.mark.parametrize(
    "signal",
    [np.zeros((20, 64, 64)), np.full((20, 64, 64), 900), np.eye(64)[None].repeat(20, 0) * 900,
     np.full((20, 3, 64), 900), np.random.default_rng(1).integers(0, 1000, (20, 64, 64))],
    ids=["nothing", "all the same", "a line", "three rows", "noise"],
)  # fmt: skip
def test_of_what_is_no_body_nothing_is_said(signal: NDArray[Any]) -> None:
    odd = Volume(signal.astype(np.int16), (5.0, 4.0, 4.0), 20)
    assert untold(coverage_of_mr(odd)) == set(Landmark)


def written(
    levels: Iterable[Slice], moment: str, uid: str = "1.2.3.4"
) -> Iterator[tuple[Dataset, Header]]:
    """MR images of one pass of a dynamic series, and their headers."""
    for number, one in enumerate(levels):
        image = blank(MR, "P", "1.2.3", uid, f"{uid}.{moment}.{number}")
        image.Modality, image.SeriesDescription = "MR", "t1 vibe dyn liver"
        image.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        image.StudyDate = "20261110"
        image.ImageOrientationPatient = list(one.orientation)
        image.ImagePositionPatient = list(one.position_mm)
        image.PixelSpacing, image.SliceThickness = list(one.pixel_spacing_mm), "7"
        image.TemporalPositionIdentifier, image.EchoTime = moment, "1.9"
        image.Rows, image.Columns = one.hu.shape
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation = 15, 0
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.PixelData = np.rint(one.hu * 20).astype("<u2").tobytes()
        (header,) = of_dataset(image, f"{moment}.{number}")
        yield image, header


@pytest.fixture(scope="module")
def dynamic() -> tuple[list[Header], Callable[[Header], Dataset | None]]:
    """Two moments of a liver whose upper third is cut off, in one series."""
    pairs = [
        pair
        for moment, sequence in (("1", "t1_fs"), ("2", "t1_fs_portal"))
        for pair in written(
            slices(MrBody(sequence, **EVEN_COIL), -50.0, -215.0, thickness_mm=7.0, rows=128), moment
        )
    ]
    images = {header.source: image for image, header in pairs}
    return [header for _, header in pairs], lambda header: images.get(header.source)


def limits(one: SeriesFacts) -> dict[str, Severity]:
    found = assess([one], [protocol_named("liver-mri")], ON).findings
    return {finding.id: finding.severity for finding in found}


def test_a_dynamic_series_is_looked_at_moment_by_moment(
    dynamic: tuple[list[Header], Callable[[Header], Dataset | None]],
) -> None:
    headers, opened = dynamic
    facts = facts_of(headers)
    asked: list[str] = []

    def counted(header: Header) -> Dataset | None:
        asked.append(header.source)
        return opened(header)

    seen = with_pixels(facts, headers, counted)
    assert {source.split(".")[0] for source in asked} == {"1"}
    assert seen.pixel_phase is None
    assert seen.coverage is not None
    assert seen.coverage.shows(DOME) is False
    assert limits(seen)["coverage_cut"] is Severity.LIMITING
    assert limits(facts)["coverage_untold"] is Severity.INFO
    assert with_pixels(facts, headers, lambda _: None).coverage is None


def test_what_is_no_liver_is_not_looked_at(
    dynamic: tuple[list[Header], Callable[[Header], Dataset | None]],
) -> None:
    facts = facts_of(dynamic[0])
    assert facts.liver_can_be_looked_for
    assert not replace(facts, regions_said=frozenset({"head"})).liver_can_be_looked_for
    assert not replace(facts, rows=96).liver_can_be_looked_for
