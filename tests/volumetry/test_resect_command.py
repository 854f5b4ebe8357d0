"""`margin resect`, and the Segmentation it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from server.cli import main
from server.volumetry.counting import count
from server.volumetry.segmentation import measure
from tests.volumetry.scenes import images, mask, seg, stored

LIVER = (2, 10, 2, 14, 2, 14)
TUMOUR = (4, 6, 6, 8, 10, 12)
UPRIGHT = ["--plane", "15,0,0", "15,30,0", "15,0,30", "--remains", "5,15,15"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    headers = images()
    place = tmp_path / "images"
    place.mkdir()
    for number, header in enumerate(headers):
        header.save_as(place / str(number), enforce_file_format=True)
    whole = seg(headers, liver=mask(LIVER), tumour=mask(TUMOUR))
    (tmp_path / "liver.dcm").write_bytes(stored(whole))
    parts = seg(
        headers,
        Liver_segment_II=mask((2, 10, 2, 14, 2, 5)),
        Liver_segment_III=mask((2, 10, 2, 14, 5, 8)),
        Liver_segment_IV=mask((2, 10, 2, 14, 8, 14)),
    )
    (tmp_path / "segments.dcm").write_bytes(stored(parts))
    return tmp_path


def resect(folder: Path, name: str, *more: str) -> tuple[int, str]:
    said = ["resect", str(folder / name), "--images", str(folder / "images"), *more]
    result = CliRunner().invoke(main, said)
    return result.exit_code, result.output


def test_a_plane_gives_remnant_specimen_and_margin(folder: Path) -> None:
    code, output = resect(folder, "liver.dcm", *UPRIGHT)
    assert code == 0, output
    printed = json.loads(output)
    assert printed["flr_ml"] == pytest.approx(printed["specimen_ml"])
    assert printed["liver_ml"] == pytest.approx(8 * 144 * 0.012)
    assert printed["margin_mm"] == 6.0
    assert printed["flr_percent"] == pytest.approx(100 * 576 / (1152 - 8), abs=1e-3)


def test_what_is_written_measures_the_same_again(folder: Path) -> None:
    out = folder / "cut.dcm"
    code, output = resect(folder, "liver.dcm", *UPRIGHT, "--out", str(out))
    assert code == 0, output
    printed = json.loads(output)
    again = measure(out.read_bytes(), images())
    assert again.flr_percent == pytest.approx(printed["flr_percent"], abs=1e-3)
    assert again.flr_ml == pytest.approx(printed["flr_ml"])
    labels = [one.label for one in count(out.read_bytes()).segments]
    assert labels == ["Liver", "FLR", "Specimen", "Tumour"]


def test_couinaud_segments_are_removed_by_name(folder: Path) -> None:
    code, output = resect(folder, "segments.dcm", "--remove", "II, III")
    assert code == 0, output
    assert json.loads(output)["flr_percent"] == pytest.approx(50.0)


def test_a_line_drawn_on_a_slice_cuts_like_the_plane(folder: Path) -> None:
    _, plane = resect(folder, "liver.dcm", *UPRIGHT)
    code, line = resect(folder, "liver.dcm", "--line", "15,4,12 15,26,12", "--remains", "5,15,15")
    assert (code, json.loads(line)) == (0, json.loads(plane))


@pytest.mark.parametrize(
    "cut",
    [
        # Beside the tumour, through it, and with all of it on the side that stays.
        UPRIGHT,
        ["--plane", "21,0,0", "21,30,0", "21,0,30", "--remains", "5,15,15"],
        [*UPRIGHT[:-1], "25,15,15"],
        ["--remove", "II,III"],
        ["--remove", "IV"],
    ],
)
def test_a_tumour_painted_over_the_liver_is_cut_as_one_that_lies_in_it(
    folder: Path, cut: list[str]
) -> None:
    headers = images()
    parts = {"II": (2, 10, 2, 14, 2, 5), "III": (2, 10, 2, 14, 5, 8), "IV": (2, 10, 2, 14, 8, 14)}
    tumour = mask(TUMOUR)
    drawn = {f"Liver_segment_{name}": mask(box) for name, box in parts.items()}
    painted = {name: drawn[name] & ~tumour for name in drawn}
    found = []
    for name, segments in (("inside.dcm", drawn), ("painted.dcm", painted)):
        (folder / name).write_bytes(stored(seg(headers, **segments, tumour=tumour)))
        code, output = resect(folder, name, *cut)
        assert code == 0, output
        found.append(json.loads(output))
    inside, over = found
    assert [len(one.pop("notes")) for one in found] == [0, 1]
    assert over == inside


def test_a_line_drawn_from_its_other_end_is_the_same_line(folder: Path) -> None:
    lower, upper = "17,0,6 15,10,6 13,32,6", "21,0,24 17,10,24 13,32,24"
    turned = " ".join(reversed(upper.split()))
    one, other = (
        resect(folder, "liver.dcm", "--line", lower, "--line", line, "--remains", "5,15,15")
        for line in (upper, turned)
    )
    assert one == other
    assert one[0] == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "one kind of cut"),
        (["--remove", "VIII"], "no Couinaud segments"),
        (["--plane", "1,2", "3,4,5", "6,7,8", "--remains", "0,0,0"], "is not a point"),
        (["--plane", "15,0,0", "15,30,0", "15,0,30"], "--remains"),
        (["--plane", "0,0,0", "1,1,1", "2,2,2", "--remains", "5,5,0"], "one line"),
        (["--line", "15,4,12", "--remains", "5,15,15"], "fewer than two points"),
    ],
)
def test_a_cut_that_cannot_be_made_is_refused(
    folder: Path, arguments: list[str], complaint: str
) -> None:
    code, output = resect(folder, "liver.dcm", *arguments)
    assert code != 0
    assert complaint in output
