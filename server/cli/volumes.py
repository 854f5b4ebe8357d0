"""`margin volumes`: a DICOM Segmentation measured, without a home or a database."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from server.annotations.judging import CaseRefused, Judge, as_json
from server.annotations.organs import organ_named
from server.annotations.organs.liver import formulae
from server.annotations.organs.liver.remnant import volume_contradictions
from server.cli.home import complaints
from server.foundation.errors import Invalid
from server.volumetry.contours import is_structure_set, outlined_source
from server.volumetry.counting import Count, count, count_structures
from server.volumetry.frames import SegmentationSource, series_among, source_of
from server.volumetry.remnant import (
    DENOMINATOR,
    FLR_UNCERTAINTY_PERCENT,
    UNCERTAINTY_TRUST,
    Volumes,
    remarks,
    share,
)

_DRAWN: Final = ("SEG", "RTDOSE")  # what has rows and is no image
PUBLISHED, NOT_VERIFIED = "published", "not_verified"
_COMPARED: Final = "as cited where formulae are compared, coefficients to be read again"
# Where each formula was read, by the first word of its name.
SOURCES: Final = {
    "mosteller": "Mosteller 1987, standard formula, general knowledge",
    "dubois": "Du Bois 1916, standard formula, general knowledge",
    "vauthey-2002": "PMC6422720 table 1",
    "urata-1995": "PMC6422720 table 1",
    "feng-2017": f"Feng 2017, {_COMPARED}",
    "um-2015": f"Um 2015, {_COMPARED}",
    "yu": f"Yu, {_COMPARED}",
    "chan-2006": f"Chan 2006, {_COMPARED}",
    "chouker-2004": f"Chouker 2004, {_COMPARED}",
    "yoshizumi-2003": "Yoshizumi 2003, general knowledge",
    "johnson-2005": "Johnson 2005, general knowledge",
    "heinemann-1999": "Heinemann 1999, general knowledge",
    "1.0": "PMC3692017; 1 mL taken as 1 g by convention",
}
Body = tuple[float, float]
BSA: Final[dict[str, Callable[[float, float], float]]] = {
    "mosteller": formulae.bsa_mosteller_m2,
    "dubois": formulae.bsa_dubois_m2,
}


class Measure(click.FloatRange):
    """A number within bounds; "nan", which no bound keeps out, is none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


def _of_form(field: str) -> Measure:
    """The bounds that the liver's form has for a field, so that the criteria take what is given."""
    said = organ_named("liver").schema["properties"][field]
    return Measure(said["minimum"], said["maximum"])


class ImagesNotFound(Invalid):
    """No file of the folder is an image of the series that the segmentation was drawn on."""


@click.command("volumes")
@click.argument("seg", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the images it was drawn on: their grid is used, and it must lie on it.",
)
@click.option("--height-cm", type=_of_form("height_cm"), help="For the standardised volumes.")
@click.option("--weight-kg", type=_of_form("weight_kg"), help="For the standardised volumes.")
@click.option("--age-years", type=Measure(0, 120), help="For the formula of Chouker.")
@click.option("--sex", type=click.Choice(["female", "male"]), help="For Chan and Chouker.")
@click.option("--background", help="Liver background: one of the form's own choices.")
def volumes(
    seg: Path,
    images: Path | None,
    height_cm: float | None,
    weight_kg: float | None,
    age_years: float | None,
    sex: str | None,
    background: str | None,
) -> None:
    """Print the volumes of SEG's segments, and the future liver remnant with its indices, as JSON."""
    if (height_cm is None) != (weight_kg is None):
        raise click.UsageError("Give --height-cm and --weight-kg together, or neither.")
    body = (height_cm, weight_kg) if height_cm is not None and weight_kg is not None else None
    for _, wrong in volume_contradictions({"height_cm": height_cm, "weight_kg": weight_kg}):
        raise click.UsageError(wrong)
    with complaints():
        data = seg.read_bytes()
        counted = _counted(data, images)
        printed = _printed(counted)
        if counted.remnant is not None:
            male = None if sex is None else sex == "male"
            printed["flr"] = _remnant(counted.remnant, body, male, age_years)
            printed["criteria"] = _criteria(counted.remnant, body, background)
    click.echo(json.dumps(printed, indent=2, ensure_ascii=False))


def _counted(data: bytes, folder: Path | None) -> Count:
    if is_structure_set(data):
        if folder is None:
            raise click.UsageError("Outlines need the images: name their folder with --images.")
        return count_structures(data, headers_of(outlined_source(data), folder))
    return count(data, headers_of(source_of(data), folder) if folder else ())


def headers_of(source: SegmentationSource, folder: Path) -> list[Dataset]:
    """The headers of the images in `folder` that belong to the series it was drawn on."""
    found: dict[str, list[Dataset]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            header = dcmread(path, stop_before_pixels=True)
        except (InvalidDicomError, OSError):
            continue
        if "Rows" in header and str(header.get("Modality", "")) not in _DRAWN:
            found.setdefault(str(header.get("SeriesInstanceUID", "")), []).append(header)
    images = {
        uid: {str(one.get("SOPInstanceUID", "")) for one in headers}
        for uid, headers in found.items()
    }
    wanted = series_among(source, images)
    if wanted not in found:
        there = f"; it holds series {', '.join(sorted(found)[:3])}" if found else ""
        raise ImagesNotFound(
            f"{folder} holds no image of series {wanted}, on which the "
            f"segmentation was drawn{there}.",
            remedy="Name the folder of that series.",
        )
    return found[wanted]


def _printed(counted: Count) -> dict[str, Any]:
    return {
        "label": counted.label,
        "segments": [
            {
                "number": one.number,
                "label": one.label,
                "code": one.code,
                "voxels": one.voxels,
                "volume_ml": round(one.volume_ml, 3),
                "sampling_error_percent": _rounded(one.sampling_error_percent),
                "surface_ml": round(one.surface_ml, 3),
                "surface_method": one.surface_method,
            }
            for one in counted.segments
        ],
        "spacing_mm": [round(value, 6) for value in counted.spacing_mm],
        "grid": counted.grid,
        "notes": list(counted.notes),
        "flr": None,
    }


def _remnant(
    found: Volumes, body: Body | None, male: bool | None, age_years: float | None
) -> dict[str, Any]:
    """Volumes of liver, remnant and tumour, the measured share, and every index that can be had."""
    percent = share(found)
    band = FLR_UNCERTAINTY_PERCENT / 100
    return {
        "liver_ml": _rounded(found.liver_ml),
        "flr_ml": _rounded(found.flr_ml),
        "tumour_ml": _rounded(found.tumour_ml),
        "flr_percent": _rounded(percent),
        "flr_percent_range": percent
        and [_rounded(percent * (1 - band)), _rounded(percent * (1 + band))],
        "denominator": DENOMINATOR,
        "uncertainty_percent": FLR_UNCERTAINTY_PERCENT,
        "uncertainty_trust": UNCERTAINTY_TRUST,
        "notes": list(remarks(found)),
        "body": None if body is None else {"height_cm": body[0], "weight_kg": body[1]},
        "indices": [] if body is None else indices_of(found, body, male, age_years),
    }


def indices_of(
    found: Volumes, body: Body, male: bool | None = None, age_years: float | None = None
) -> list[dict[str, Any]]:
    """Every index of the remnant for a body of (height in cm, weight in kg), each with its formula."""
    flr_ml, (height_cm, weight_kg) = found.flr_ml, body
    rows: list[dict[str, Any]] = []

    def add(name: str, value: float, unit: str, formula: str, trust: str = PUBLISHED) -> None:
        row = {"index": name, "value": _rounded(value), "unit": unit, "formula": formula}
        rows.append({**row, "trust": trust, "source": SOURCES[formula.split()[0]]})

    for bsa_name, bsa in BSA.items():
        area = bsa(height_cm, weight_kg)
        add("bsa", area, "m2", bsa_name, NOT_VERIFIED)
        if flr_ml is not None:
            add("flr_bsa", formulae.flr_body_surface_ml_m2(flr_ml, area), "mL/m2", bsa_name)
    for name, stlv_ml, trust in _standardised_ml(height_cm, weight_kg, male, age_years):
        add("stlv", stlv_ml, "mL", name, trust)
        if flr_ml is not None and stlv_ml > 0:
            add("sflr", formulae.sflr_percent(flr_ml, stlv_ml), "%", name, trust)
    if flr_ml is not None:
        add("flr_bw", formulae.flr_body_weight_percent(flr_ml, weight_kg), "%", "1.0 g/mL")
    return rows


def _standardised_ml(
    height_cm: float, weight_kg: float, male: bool | None, age_years: float | None
) -> list[tuple[str, float, str]]:
    """Every formula's total liver volume: its name, the volume in mL, and how far it is verified."""
    found = []
    for bsa_name, bsa in BSA.items():
        area = bsa(height_cm, weight_kg)
        found += [
            (f"vauthey-2002 ({bsa_name})", formulae.stlv_vauthey_ml(area), PUBLISHED),
            (f"urata-1995 ({bsa_name})", formulae.stlv_urata_ml(area), PUBLISHED),
            (f"feng-2017 ({bsa_name})", formulae.stlv_feng_ml(area), PUBLISHED),
            (f"yoshizumi-2003 ({bsa_name})", formulae.stlv_yoshizumi_ml(area), NOT_VERIFIED),
            (f"johnson-2005 ({bsa_name})", formulae.stlv_johnson_ml(area), NOT_VERIFIED),
            (f"heinemann-1999 ({bsa_name})", formulae.stlv_heinemann_ml(area), NOT_VERIFIED),
        ]
    dubois, mosteller = (BSA[name](height_cm, weight_kg) for name in ("dubois", "mosteller"))
    found += [
        ("um-2015 (dubois)", formulae.stlv_um_dubois_ml(dubois), PUBLISHED),
        ("um-2015 (mosteller)", formulae.stlv_um_mosteller_ml(mosteller), PUBLISHED),
        ("yu (height and weight)", formulae.stlv_yu_ml(height_cm, weight_kg), PUBLISHED),
    ]
    # Grams taken as millilitres: 1.0 g/mL by convention, clinical fact sheet 2.3.
    if male is not None:
        weight_g = formulae.liver_weight_chan_g(weight_kg, male=male)
        found.append(("chan-2006 (1.0 g/mL)", weight_g, PUBLISHED))
    if male is not None and age_years is not None:
        chouker_g = formulae.liver_weight_chouker_g(weight_kg, age_years, male=male)
        if chouker_g is not None:
            found.append(("chouker-2004 (1.0 g/mL)", chouker_g, PUBLISHED))
    return found


def _criteria(found: Volumes, body: Body | None, background: str | None) -> list[Any]:
    """What each of the liver's published sets says of these volumes."""
    answers: dict[str, Any] = {
        "flr_ml": found.flr_ml,
        "total_liver_ml": found.liver_ml,
        "tumour_ml": found.subtracted_ml,
        "background": background,
    }
    if body is not None:
        answers["height_cm"], answers["weight_kg"] = body
    given = {name: value for name, value in answers.items() if value is not None}
    results = [
        Judge.named("liver", ruleset.id).result(given) for ruleset in organ_named("liver").rulesets
    ]
    refused = next((one for one in results if isinstance(one, CaseRefused)), None)
    if refused is not None:
        raise refused
    return [as_json(one) for one in results]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
