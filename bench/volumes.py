"""Volumes of a large liver: measured, cut, and grown from a click, beside plain counting in NumPy.

    python -m bench.volumes             600 slices of 512 x 512, three runs
    python -m bench.volumes --slices 120 --runs 1

What is printed first is time and memory, then how near volumes and regions come to what is known. Every
step runs in a process of its own, so that its memory is its own. "NumPy" is the same masks counted from
arrays that are in memory already: nothing is read, checked or placed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from rich.table import Table

from bench.figures import as_program, console, in_words, keep
from bench.resident import highest_resident_mb
from server.cli.volumes import headers_of, indices_of
from server.demo.anatomy import Region
from server.demo.phantoms import Phantom
from server.demo.segmentations import segment
from server.dicom.geometry import Vector, of_series
from server.volumetry.counting import count
from server.volumetry.distance import margin_mm
from server.volumetry.fitted_body import Small
from server.volumetry.frames import read, source_of
from server.volumetry.masks import on_grid
from server.volumetry.placing import positions_mm
from server.volumetry.resection import by_plane, split
from server.volumetry.sampling import area_mm2
from server.volumetry.segmenting import dice, grow
from server.volumetry.surface import SurfaceSum
from server.volumetry.written import as_segmentation
from tests.volumetry.bodies import body, voxel
from tests.volumetry.shapes import body as shape
from tests.volumetry.shapes import volume_mm3

BODY = (170.0, 70.0)
# The plane of the phantom's own remnant, and a point that remains, in mm from its middle.
PLANE_XY = ((-40.0, -50.0), (-20.4, 20.0))
REMAINS_XY = (20.0, -56.0)
BARS = {
    "volumes and all indices": (3.0, "s"),
    "memory at its highest": (1536.0, "MB"),
    "plane resection": (2.0, "s"),
    "margin by distance map": (5.0, "s"),
    "cut written as a SEG": (5.0, "s"),
}


def scene(slices: int) -> Phantom:
    return Phantom("bench volumes", slices=slices, spacing_mm=224.0 / slices)


def prepare(folder: Path, slices: int) -> None:
    """The segmentation, the images' headers and the masks that NumPy counts, as files."""
    phantom = scene(slices)
    headers = folder / "images"
    headers.mkdir()
    for number, header in enumerate(phantom.headers(phantom.phase("portal_venous"))):
        header.save_as(headers / f"{number:04d}.dcm", enforce_file_format=True)
    segment(phantom).save_as(folder / "liver.dcm", enforce_file_format=True)
    np.save(folder / "regions.npy", phantom.regions())


def measured(folder: Path) -> dict[str, float]:
    """What `margin volumes` does from the file to the indices."""
    started = time.perf_counter()
    data = (folder / "liver.dcm").read_bytes()
    counted = count(data, headers_of(source_of(data), folder / "images"))
    assert counted.remnant is not None
    indices = indices_of(counted.remnant, BODY)
    seconds = time.perf_counter() - started
    assert len(indices) > 10
    (liver,) = [one for one in counted.segments if one.label == "Liver"]
    return {"volumes and all indices": seconds, "voxels": liver.voxels}


def counted_plainly(folder: Path) -> dict[str, float]:
    """The same voxels by NumPy alone."""
    regions = np.load(folder / "regions.npy")
    masks = [(regions & bit) > 0 for bit in (Region.LIVER, Region.FLR, Region.TUMOUR)]
    started = time.perf_counter()
    sizes = [int(np.count_nonzero(mask)) for mask in masks]
    return {"counting in NumPy": time.perf_counter() - started, "voxels": sizes[0]}


def cut(folder: Path) -> dict[str, float]:
    """A plane through the liver, and the margin, on masks that have been read."""
    segmentation = read((folder / "liver.dcm").read_bytes())
    headers = [dcmread(path) for path in sorted((folder / "images").iterdir())]
    grid = of_series(headers)
    drawn = on_grid(segmentation, grid, [1, 3])
    liver, tumour = drawn[1], drawn[3]
    middle = (grid.planes[0].position_mm[2] + grid.planes[-1].position_mm[2]) / 2
    points: list[Vector] = [(x, y, middle) for x, y in PLANE_XY]
    points.append((*PLANE_XY[0], middle + 40.0))
    started = time.perf_counter()
    remnant = by_plane(liver, grid, points, (*REMAINS_XY, middle))
    found = split(liver, remnant, grid)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    margin = margin_mm(tumour, remnant, grid)
    assert margin is not None
    margin_seconds = time.perf_counter() - started
    regions = {"Liver": liver, "FLR": found.remnant, "Specimen": found.specimen, "Tumour": tumour}
    started = time.perf_counter()
    as_segmentation(regions, grid, headers, description="bench", method="plane")
    return {
        "plane resection": seconds,
        "margin by distance map": margin_seconds,
        "cut written as a SEG": time.perf_counter() - started,
        "margin mm": margin,
        "remnant mL": found.remnant_ml,
    }


STEPS: dict[str, Callable[[Path], dict[str, float]]] = {
    "measured": measured,
    "plainly": counted_plainly,
    "cut": cut,
}


def in_a_process(step: str, folder: Path) -> dict[str, float]:
    """One step by itself, with the highest memory of its process in MB."""
    said = subprocess.run(
        [sys.executable, "-m", "bench.volumes", "--step", step, "--folder", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found: dict[str, float] = json.loads(said)
    return found


def errors_percent() -> list[dict[str, Any]]:
    """Counting and surface on turned bodies of closed form: the largest error of five each."""
    rows = []
    for kind in ("ellipsoid", "box"):
        for half_mm in ((46.0, 35.0, 30.0), (20.0, 15.0, 12.0)):
            for spacing_mm in ((1.0, 1.0, 1.0), (3.0, 3.0, 3.0), (3.0, 0.8, 0.8)):
                counting, surface = zip(
                    *(_errors(kind, half_mm, spacing_mm, seed) for seed in range(5)), strict=True
                )
                rows.append(
                    {
                        "body": f"{kind} {half_mm} mm",
                        "voxel": f"{spacing_mm} mm",
                        "counting_percent": max(counting),
                        "surface_percent": max(surface),
                    }
                )
    return rows


def _errors(
    kind: str,
    half_mm: tuple[float, float, float],
    spacing_mm: tuple[float, float, float],
    seed: int,
) -> tuple[float, float]:
    drawn = shape(kind, half_mm, spacing_mm, seed)
    summed, small = SurfaceSum(), Small()
    for index, plane in enumerate(drawn):
        summed.add(index, plane.astype(bool))
        small.add(index, plane.astype(bool))
    held = summed.voxels()
    fitted = small.fitted(spacing_mm, area_mm2(summed.sides(), spacing_mm))
    whole = volume_mm3(kind, half_mm) / float(np.prod(spacing_mm))
    return (
        abs(100 * (np.count_nonzero(drawn) / whole - 1)),
        abs(100 * ((fitted.corrected(held) if fitted else held) / whole - 1)),
    )


def grown(real: Path | None) -> list[dict[str, Any]]:
    """How far regions grown from a click agree with what is known (Dice)."""
    rows = [*_grown_on_the_demo(), *_grown_on_another_body()]
    if real is not None:
        rows += _grown_on(real)
    return rows


def _row(what: str, started: float, mask: NDArray[np.uint8], truth: Any) -> dict[str, Any]:
    return {
        "what": what,
        "dice": round(dice(mask, np.asarray(truth, np.uint8)), 4),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _grown_on_the_demo() -> list[dict[str, Any]]:
    phantom = Phantom("bench growing")
    rows = []
    regions = phantom.regions()
    for name in ("arterial", "portal_venous"):
        phase = phantom.phase(name)
        hu = np.stack(
            [np.frombuffer(one.PixelData, "<i2").reshape(512, 512) for one in phantom.images(phase)]
        )
        grid = of_series(phantom.headers(phase))
        started = time.perf_counter()
        liver = grow(hu, grid, (34, 302, 109), "liver").mask
        rows.append(_row(f"demo, {name}: liver", started, liver, regions & Region.LIVER > 0))
        started = time.perf_counter()
        tumour = grow(hu, grid, (34, 266, 133), "tumour", within=liver).mask
        rows.append(_row(f"demo, {name}: tumour", started, tumour, regions & Region.TUMOUR > 0))
    return rows


def _grown_on_another_body() -> list[dict[str, Any]]:
    rows = []
    for noise_hu in (10.0, 18.0, 30.0):
        made = body(noise_hu=noise_hu)
        started = time.perf_counter()
        liver = grow(made.hu, made.grid, voxel(0, -30, -60), "liver").mask
        rows.append(_row(f"other body, {noise_hu:.0f} HU: liver", started, liver, made.liver))
        started = time.perf_counter()
        tumour = grow(made.hu, made.grid, voxel(5, 5, -58), "tumour").mask
        rows.append(_row(f"other body, {noise_hu:.0f} HU: tumour", started, tumour, made.tumour))
    return rows


def _grown_on(folder: Path) -> list[dict[str, Any]]:
    images = [dcmread(folder / name) for name in ("01.dcm", "02.dcm", "03.dcm")]
    images.sort(key=lambda image: float(image.ImagePositionPatient[2]))
    grid = of_series(images)
    hu = np.stack(
        [
            image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
            for image in images
        ]
    )
    reference = on_grid(read((folder / "liver.dcm").read_bytes()), grid, [1])[1]
    rows = []
    for seed in ((1, 230, 150), (1, 260, 180), (1, 238, 198)):
        (at,) = positions_mm(np.array([seed]), grid)
        started = time.perf_counter()
        mask = grow(np.asarray(hu, np.int16), grid, seed, "liver").mask
        what = f"real CT, click at {', '.join(f'{one:.0f}' for one in at)}: liver"
        rows.append(_row(what, started, mask, reference))
    return rows


def _table(title: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=title)
    for heading in rows[0]:
        table.add_column(heading.replace("_", " "))
    for row in rows:
        table.add_row(
            *(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values())
        )
    console().print(table)


@click.command()
@click.option("--slices", default=600, show_default=True)
@click.option("--runs", default=3, show_default=True)
@click.option("--real", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--quality/--no-quality", default=True, help="Also errors and Dice.")
@click.option("--step", type=click.Choice(list(STEPS)), hidden=True)
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
def main(
    slices: int,
    runs: int,
    real: Path | None,
    quality: bool,
    step: str | None,
    folder: Path | None,
) -> bool | None:
    """Volumes, resection and regions of a large liver."""
    if step and folder:
        found = STEPS[step](folder)
        found["memory at its highest"] = highest_resident_mb()
        click.echo(json.dumps(found))
        return None
    with tempfile.TemporaryDirectory() as place:
        prepare(Path(place), slices)
        all_runs = [{one: in_a_process(one, Path(place)) for one in STEPS} for _ in range(runs)]
    assert {run["measured"]["voxels"] for run in all_runs} == {
        run["plainly"]["voxels"] for run in all_runs
    }
    rows, kept = _timed(all_runs)
    _table(f"{slices} slices of 512 x 512", rows)
    result: dict[str, object] = {"slices": slices, "passed": kept, "figures": rows}
    if quality:
        errors, regions = errors_percent(), grown(real)
        _table("Largest error of five", errors)
        _table("Grown from one click", regions)
        result |= {"errors": errors, "grown": regions}
    keep("volumes", result)
    console().print(f"Bars: {in_words(kept)}")
    return kept


def _timed(all_runs: list[dict[str, dict[str, float]]]) -> tuple[list[dict[str, Any]], bool]:
    plain = float(np.median([run["plainly"]["counting in NumPy"] for run in all_runs]))
    rows, kept = [], []
    for kind, (most, unit) in BARS.items():
        step = "cut" if kind in all_runs[0]["cut"] else "measured"
        found = [run[step][kind] for run in all_runs]
        middle = float(np.median(found))
        kept.append(middle <= most)
        ratio = f"{middle / plain:.1f}" if unit == "s" else "-"
        rows.append(
            {
                "what": kind,
                "Margin": f"{middle:.2f} {unit}",
                "NumPy": f"{plain:.2f} s" if unit == "s" else "-",
                "ratio": ratio,
                "bar": f"{most:g} {unit}",
                "kept": in_words(kept[-1]),
                "runs": found,
            }
        )
    return rows, all(kept)


if __name__ == "__main__":
    as_program(main)
