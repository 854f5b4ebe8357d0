"""The published minima of the future liver remnant, each family with its own denominator.

Tables: PMC6422720 (Kishi, Vauthey, Shoup, Schindl, Shindoh, Azoulay, Shirabe), s00261-021-03262-x
(steatosis consensus), s00268-010-0663-5 (injured liver), PMC3692017 (body weight).
"""

from __future__ import annotations

import math
from typing import Final

from server.annotations.decision import Answers, Missing, Option, Trust
from server.annotations.organs.liver import formulae
from server.annotations.organs.liver.remnant import Family, Index, Limit, gaps, number, positive

TABLE: Final = "PMC6422720 table 1"
INJURED: Final = "s00268-010-0663-5 (severe steatosis, chemotherapy injury, cholestasis)"
NORMAL, FATTY, SEVERE, FIBROTIC = (
    "normal",
    "steatosis_or_chemotherapy",
    "severe_steatosis_or_sinusoidal_injury_or_cholestasis",
    "fibrosis_or_cirrhosis",
)
FLR = {"flr_ml": "Future liver remnant"}
BODY = {"height_cm": "Height", "weight_kg": "Weight"}
ANYTHING: Final = math.inf


def _standardised(answers: Answers) -> Index:
    flr, bsa, missing = _flr_and_body(answers)
    if flr is None or bsa is None:
        return Index(0, ANYTHING, missing)
    stlv_ml = formulae.stlv_vauthey_ml(bsa)
    if stlv_ml <= 0:  # the formula is made for adults; below 0.63 m2 it gives nothing
        return Index(0, ANYTHING, (Missing("/height_cm", "Too small for the adult formula."),))
    value = formulae.sflr_percent(flr, stlv_ml)
    return Index(value, value)


def _measured(answers: Answers) -> Index:
    flr, total = positive(answers, "flr_ml"), positive(answers, "total_liver_ml")
    tumour, typed = number(answers, "tumour_ml"), number(answers, "flr_percent")
    missing = gaps(
        answers, {**FLR, "total_liver_ml": "Whole liver volume", "tumour_ml": "Tumour volume"}
    )
    if flr is not None and total is not None:
        if tumour is None:
            # Without the tumour the liver is taken at its largest, so this is the least it can be.
            return Index(100 * flr / total, ANYTHING, missing)
        if 0 <= tumour < total:
            value = formulae.flr_percent(flr, total, tumour)
            return Index(value, value)
        return Index(0, ANYTHING, (Missing("/tumour_ml", "Not smaller than the whole liver."),))
    if typed is not None and 0 <= typed <= 100:
        return Index(typed, typed)
    return Index(0, ANYTHING, missing)


def _per_body_weight(answers: Answers) -> Index:
    flr, weight = positive(answers, "flr_ml"), positive(answers, "weight_kg")
    if flr is None or weight is None:
        return Index(0, ANYTHING, gaps(answers, {**FLR, "weight_kg": "Weight"}))
    value = formulae.flr_body_weight_percent(flr, weight)
    return Index(value, value)


def _per_body_surface(answers: Answers) -> Index:
    flr, bsa, missing = _flr_and_body(answers)
    if flr is None or bsa is None:
        return Index(0, ANYTHING, missing)
    value = formulae.flr_body_surface_ml_m2(flr, bsa)
    return Index(value, value)


def _flr_and_body(answers: Answers) -> tuple[float | None, float | None, tuple[Missing, ...]]:
    flr = positive(answers, "flr_ml")
    height, weight = positive(answers, "height_cm"), positive(answers, "weight_kg")
    bsa = formulae.bsa_mosteller_m2(height, weight) if height and weight else None
    return flr, bsa, gaps(answers, {**FLR, **BODY})


STANDARDISED: Final = Family(
    id="flr-standardised",
    title="Standardised FLR (Vauthey)",
    version="PMC6422720",
    source=TABLE,
    unit="%",
    denominator="the liver volume by Vauthey's formula (Mosteller body surface)",
    index=_standardised,
    limits=(
        Limit("FLR-S-KISHI", NORMAL, 20, f"Kishi; {TABLE}", Trust.SOURCED, "kishi-20"),
        Limit("FLR-S-VAUTHEY", NORMAL, 25, f"Vauthey 2000; {TABLE}", Trust.SOURCED, "vauthey-25"),
        Limit(
            "FLR-S-SHINDOH",
            FATTY,
            30,
            f"Shindoh (chemotherapy over 3 months); {TABLE}; s00261-021-03262-x (steatosis)",
            Trust.SOURCED,
        ),
        Limit("FLR-S-INJURED", SEVERE, 40, INJURED, Trust.SOURCED),
    ),
    options=(
        Option("normal", ("kishi-20", "vauthey-25"), "kishi-20", "Minimum for a normal liver."),
    ),
)

MEASURED: Final = Family(
    id="flr-measured",
    title="Measured FLR",
    version="PMC6422720",
    source=TABLE,
    unit="%",
    denominator="the measured liver without tumour",
    index=_measured,
    limits=(
        Limit("FLR-M-SHOUP", NORMAL, 25, f"Shoup; {TABLE}", Trust.SOURCED, "shoup-25"),
        Limit("FLR-M-SCHINDL", NORMAL, 26.6, f"Schindl; {TABLE}", Trust.SOURCED, "schindl-26.6"),
        Limit("FLR-M-INJURED", SEVERE, 40, INJURED, Trust.SOURCED),
        Limit("FLR-M-AZOULAY", FIBROTIC, 40, f"Azoulay (Child A); {TABLE}", Trust.SOURCED),
    ),
    drawn=True,
    options=(
        Option("normal", ("shoup-25", "schindl-26.6"), "shoup-25", "Minimum for a normal liver."),
    ),
)

_DISEASED: Final = "FLR to body weight in diseased liver: general knowledge, no publication found"
BODY_WEIGHT: Final = Family(
    id="flr-body-weight",
    title="FLR to body weight",
    version="PMC3692017",
    source="PMC3692017 table 1",
    unit="%",
    denominator="body weight (1 mL taken as 1 g)",
    index=_per_body_weight,
    limits=(
        Limit("FLR-W-NORMAL", NORMAL, 0.5, "PMC3692017 table 1", Trust.SOURCED),
        *(
            Limit(f"FLR-W-DISEASED-{number_}", background, 0.8, _DISEASED, Trust.GENERAL_KNOWLEDGE)
            for number_, background in enumerate((FATTY, SEVERE, FIBROTIC), start=1)
        ),
    ),
)

BODY_SURFACE: Final = Family(
    id="flr-body-surface",
    title="FLR to body surface",
    version="PMC6422720",
    source=TABLE,
    unit="mL/m²",
    denominator="body surface (Mosteller)",
    index=_per_body_surface,
    limits=(
        Limit("FLR-A-SHIRABE-1", SEVERE, 250, f"Shirabe (injured liver); {TABLE}", Trust.SOURCED),
        Limit("FLR-A-SHIRABE-2", FIBROTIC, 250, f"Shirabe (injured liver); {TABLE}", Trust.SOURCED),
    ),
)

FAMILIES: Final = (STANDARDISED, MEASURED, BODY_WEIGHT, BODY_SURFACE)
