"""Volumes, body size and the indices of the future liver remnant (FLR). Pure arithmetic.

Units: mL, cm, kg, m2; percentages as 0-100. Every function raises ValueError when a divisor or a
body measure is not above zero; none of them judges what it computes.
"""

from __future__ import annotations

import math


def bsa_mosteller_m2(height_cm: float, weight_kg: float) -> float:
    """Body surface area in m2, Mosteller 1987: sqrt(height x weight / 3600) [general knowledge]."""
    return math.sqrt(_above_zero(height_cm) * _above_zero(weight_kg) / 3600)


def bsa_dubois_m2(height_cm: float, weight_kg: float) -> float:
    """Body surface area in m2, Du Bois 1916: 0.007184 x height^0.725 x weight^0.425
    [general knowledge]."""
    return 0.007184 * _power(height_cm, 0.725) * _power(weight_kg, 0.425)


def body_mass_index_kg_m2(height_cm: float, weight_kg: float) -> float:
    """Weight over the square of the height."""
    return weight_kg / (_above_zero(height_cm) / 100) ** 2


def stlv_vauthey_ml(bsa_m2: float) -> float:
    """Standardised total liver volume in mL, Vauthey 2002 (PMC6422720 table 1)."""
    return -794.41 + 1267.28 * bsa_m2


def stlv_urata_ml(bsa_m2: float) -> float:
    """Standardised total liver volume in mL, Urata 1995 (PMC6422720 table 1)."""
    return 706.2 * bsa_m2 + 2.4


def stlv_um_dubois_ml(bsa_dubois_m2_: float) -> float:
    """Standardised total liver volume in mL, Um 2015, for a Du Bois body surface area."""
    return 908.204 * bsa_dubois_m2_ - 464.728


def stlv_um_mosteller_ml(bsa_mosteller_m2_: float) -> float:
    """Standardised total liver volume in mL, Um 2015, for a Mosteller body surface area."""
    return 893.485 * bsa_mosteller_m2_ - 439.169


def stlv_feng_ml(bsa_m2: float) -> float:
    """Standardised total liver volume in mL, Feng 2017."""
    return 758.259 * bsa_m2 - 124.272


def stlv_yu_ml(height_cm: float, weight_kg: float) -> float:
    """Standardised total liver volume in mL, Yu: 21.585 x weight^0.732 x height^0.225."""
    return 21.585 * _power(weight_kg, 0.732) * _power(height_cm, 0.225)


def liver_weight_chan_g(weight_kg: float, *, male: bool) -> float:
    """Liver weight in g, Chan 2006: 218 + 12.3 x weight + 51 for men."""
    return 218 + 12.3 * _above_zero(weight_kg) + (51 if male else 0)


def liver_weight_chouker_g(weight_kg: float, age_years: float, *, male: bool) -> float | None:
    """Liver weight in g, Chouker 2004, for ages 16 to 70; None for others, whom it does not cover."""
    weight_kg = _above_zero(weight_kg)
    if 16 <= age_years <= 50:
        return 452 + 16.34 * weight_kg + 11.85 * age_years - (0 if male else 166)
    if 50 < age_years <= 70:
        return 1390 + 15.94 * weight_kg - 12.86 * age_years
    return None


def stlv_yoshizumi_ml(bsa_m2: float) -> float:
    """Standardised total liver volume in mL, Yoshizumi 2003 [general knowledge, not verified]."""
    return 772 * _above_zero(bsa_m2)


def stlv_johnson_ml(bsa_m2: float) -> float:
    """Standardised total liver volume in mL, Johnson 2005 [general knowledge, not verified]."""
    return 1000 * 0.722 * _power(bsa_m2, 1.176)


def stlv_heinemann_ml(bsa_m2: float) -> float:
    """Standardised total liver volume in mL, Heinemann 1999 [general knowledge, not verified]."""
    return 1072.8 * _above_zero(bsa_m2) - 345.7


def tumour_free_ml(total_liver_ml: float, tumour_ml: float) -> float:
    """Liver volume without tumour, in mL (PMC6422720). Raises ValueError if nothing is left."""
    return _above_zero(total_liver_ml - tumour_ml)


def flr_percent(flr_ml: float, total_liver_ml: float, tumour_ml: float) -> float:
    """Measured FLR in per cent of the tumour-free liver: 100 x FLR / (TLV - TV) (PMC6422720)."""
    return 100 * flr_ml / tumour_free_ml(total_liver_ml, tumour_ml)


def sflr_percent(flr_ml: float, stlv_ml: float) -> float:
    """Standardised FLR in per cent of a formula's liver volume (PMC6422720, PMC3632508)."""
    return 100 * flr_ml / _above_zero(stlv_ml)


def flr_body_weight_percent(flr_ml: float, weight_kg: float) -> float:
    """FLR in per cent of body weight, at 1.0 g/mL by convention (PMC3692017 table 1)."""
    return 100 * flr_ml / (1000 * _above_zero(weight_kg))


def flr_body_surface_ml_m2(flr_ml: float, bsa_m2: float) -> float:
    """FLR in mL per m2 of body surface (PMC7893452)."""
    return flr_ml / _above_zero(bsa_m2)


def dh_pp(sflr_before_percent: float, sflr_after_percent: float) -> float:
    """Degree of hypertrophy in percentage points of standardised FLR (PMC3632508)."""
    return sflr_after_percent - sflr_before_percent


def kgr_pp_per_week(dh_pp_: float, days: float) -> float:
    """Kinetic growth rate in percentage points per week over `days` (PMC3632508)."""
    return dh_pp_ / (_above_zero(days) / 7)


def relative_growth_percent(flr_before_ml: float, flr_after_ml: float) -> float:
    """Growth in per cent of the earlier FLR (PMC4430776; some papers call this one "DH")."""
    return 100 * (flr_after_ml - flr_before_ml) / _above_zero(flr_before_ml)


def _power(value: float, exponent: float) -> float:
    return math.pow(_above_zero(value), exponent)


def _above_zero(value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{value:g} is not above zero")
    return value
