"""`margin segment`: a liver or a tumour grown from a point, without a home or a database."""

from __future__ import annotations

import json
from pathlib import Path

import click
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from server.cli.home import complaints
from server.cli.resection import Point
from server.cli.volumes import ImagesNotFound
from server.dicom.geometry import Vector
from server.volumetry.drawn import draw
from server.volumetry.growth import GROWTHS, Organ


@click.command("segment")
@click.argument("images", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--organ", type=click.Choice(list(GROWTHS)), default="liver", help="What the point lies in."
)
@click.option("--seed", type=Point(), required=True, help="A point in it, in mm in the patient.")
@click.option("--series", help="Which series of the folder, by its SeriesInstanceUID.")
@click.option(
    "--liver",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A SEG of the liver on the same images, in which a tumour stays.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The SEG to write.",
)
def segment(
    images: Path,
    organ: Organ,
    seed: Vector,
    series: str | None,
    liver: Path | None,
    out: Path,
) -> None:
    """Grow a liver or a tumour from a point in the CT series in IMAGES; the SEG is to be corrected."""
    with complaints():
        found = draw(
            _series(images, series),
            organ,
            seed,
            liver_seg=liver.read_bytes() if liver else None,
            tell=lambda doing, percent: click.echo(f"{percent:3d} %  {doing}", err=True),
        )
        out.write_bytes(found.seg)
    click.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))


def _series(folder: Path, wanted: str | None) -> list[Dataset]:
    """The images of one series of a folder. Raises ImagesNotFound where it is not clear which."""
    found: dict[str, list[Dataset]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            image = dcmread(path)
        except (InvalidDicomError, OSError):
            continue
        if "ImagePositionPatient" in image and "Rows" in image:
            found.setdefault(str(image.get("SeriesInstanceUID", "")), []).append(image)
    if wanted is None and len(found) == 1:
        return next(iter(found.values()))
    if wanted in found:
        return found[wanted]
    there = ", ".join(sorted(found)) or "none"
    raise ImagesNotFound(
        f"{folder} does not hold just the one series of images; it holds: {there}.",
        remedy="Name the series with --series.",
    )
