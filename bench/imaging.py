"""Phase by pixels: a table of confusion over bodies of known making, and how long a series takes.

python -m bench.imaging [--variations 12] [--slices 450]

Two families of bodies are read: the demo's phantom and the torso of tests/imaging/bodies.py, in every
phase, with the noise, thickness, matrix, build and hindrances of VARIATIONS. The headers of the demo's
phantom lie. Then one series of 450 images of 512 x 512 pixels is read and judged. Prints the tables and
writes bench/results/imaging.json.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import click
from pydicom.dataset import Dataset
from rich.console import Console
from rich.table import Table

from bench.figures import as_program, keep
from bench.resident import highest_resident_mb
from server.demo.phantoms import Phantom
from server.demo.phases import PHASES as DEMO_PHASES
from server.imaging.look import look_at
from server.imaging.phase import Phase, PhaseReading
from server.imaging.read_volume import read_volume, slices_to_read
from tests.imaging.bodies import PHASES, Body, volume

VARIATIONS: dict[str, tuple[dict[str, object], dict[str, float]]] = {
    "plain": ({}, {}),
    "noise 30 HU": ({"noise_hu": 30.0}, {}),
    "slices of 7 mm, 128 x 128": ({}, {"thickness_mm": 7.0, "rows": 128}),
    "slices of 2.5 mm, 256 x 256": ({}, {"thickness_mm": 2.5, "rows": 256}),
    "obese": ({"fat_mm": 70.0, "noise_hu": 25.0}, {}),
    "small, oral contrast": ({"scale": 0.8, "oral_contrast": True}, {}),
    "fatty liver": ({"steatosis_hu": 25.0}, {}),
    "tumour and ascites": ({"tumour": True, "ascites": True}, {}),
    "arms and metal": ({"arms": True, "metal": True}, {}),
    "scoliosis": ({"scoliosis_mm": 30.0}, {}),
    "chest to hips": ({}, {"top_mm": 215.0, "bottom_mm": -465.0, "thickness_mm": 7.0}),
    "liver only": ({}, {"top_mm": 20.0, "bottom_mm": -160.0}),
}
SMALL = ("plain", "slices of 7 mm, 128 x 128", "tumour and ascites")
DEMO_NAMES = {"arterial": Phase.ARTERIAL_LATE}
MOST_S, MOST_MB = 5.0, 1500.0


def readings(variations: tuple[str, ...]) -> Iterator[tuple[str, Phase, PhaseReading]]:
    """Variation, true phase and reading of every body."""
    for name in variations:
        patient, how = VARIATIONS[name]
        for phase in PHASES:
            body = Body(phase=phase, **patient)  # type: ignore[arg-type]
            yield name, Phase(phase), look_at(volume(body, **how)).phase
    for rows, slices in ((128, 32), (256, 56)):
        phantom = Phantom("bench imaging", slices=slices, rows=rows)
        for one in DEMO_PHASES:
            true = DEMO_NAMES.get(one.name) or Phase(one.name)
            yield f"demo {rows}", true, look_at(read_volume(lying(phantom, one.name))).phase


def lying(phantom: Phantom, name: str) -> Iterator[Dataset]:
    """The demo's images with headers of another phase."""
    for image in phantom.images(phantom.phase(name)):  # type: ignore[arg-type]
        image.SeriesDescription = "delayed" if name == "arterial" else "early arterial"
        yield image


def one_series(slices: int) -> tuple[float, float, float]:
    """Seconds of wall and of processor to read and judge one series, and the highest memory in MB.
    Making the images is not counted.
    """
    phantom = Phantom("bench imaging speed", slices=slices, rows=512)
    headers = phantom.headers(phantom.phases[2])
    chosen = set(slices_to_read([float(one.ImagePositionPatient[2]) for one in headers]))
    making = 0.0

    def images() -> Iterator[Dataset]:
        nonlocal making
        source = phantom.images(phantom.phases[2])
        for index in range(slices):
            began = time.process_time()
            image = next(source)
            making += time.process_time() - began
            if index in chosen:
                yield image

    wall, cpu = time.perf_counter(), time.process_time()
    look_at(read_volume(images()))
    spent = time.perf_counter() - wall - making
    memory = highest_resident_mb()
    return spent, time.process_time() - cpu - making, memory


@click.command()
@click.option("--variations", type=int, default=len(VARIATIONS), help="How many of them.")
@click.option("--slices", type=int, default=450, help="Images of the series that is timed.")
def main(variations: int, slices: int) -> bool:
    """Read bodies of known phase and time one series."""
    names = SMALL[:variations] if variations <= len(SMALL) else tuple(VARIATIONS)
    pairs: Counter[tuple[Phase, Phase]] = Counter()
    wrong = []
    for name, true, reading in readings(names):
        pairs[true, reading.phase] += 1
        if reading.phase is not true:
            wrong.append((name, true.value, reading.phase.value, reading.evidence[0]))
    _show(pairs)
    for one in wrong:
        click.echo("  ".join(one))
    spent, cpu, memory = one_series(slices)
    click.echo(f"{slices} images: {spent:.1f} s ({cpu:.1f} s of processor), {memory:.0f} MB")
    total = sum(pairs.values())
    misled = sum(1 for one in wrong if one[2] != Phase.INDETERMINATE.value)
    click.echo(f"{total - len(wrong)} of {total} right, {misled} misled")
    kept = misled == 0 and len(wrong) * 20 <= total and cpu <= MOST_S and memory <= MOST_MB
    keep(
        "imaging",
        {
            "bodies": total,
            "right": total - len(wrong),
            "misled": misled,
            "wrong": wrong,
            "seconds": spent,
            "processor_s": cpu,
            "memory_mb": memory,
            "bar_kept": kept,
        },
    )
    return kept


def _show(pairs: Counter[tuple[Phase, Phase]]) -> None:
    seen = [one for one in Phase if any(one in pair for pair in pairs)]
    table = Table(title="By making (rows) and as read (columns)")
    table.add_column("")
    for one in seen:
        table.add_column(one.value, justify="right")
    for true in seen:
        if any(pair[0] is true for pair in pairs):
            table.add_row(true.value, *(str(pairs[true, read] or ".") for read in seen))
    Console().print(table)


if __name__ == "__main__":
    as_program(main)
