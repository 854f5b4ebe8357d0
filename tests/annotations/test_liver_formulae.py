"""The formulae against the computed vectors of the fact sheet."""

from __future__ import annotations

import math

import pytest

from server.annotations.organs.liver import formulae as f

VECTORS = [  # height, weight, BSA M/D, Vauthey M/D, Urata M/D
    (170, 70, 1.8181, 1.8097, 1509.7, 1499.0, 1286.4, 1280.4),
    (165, 58, 1.6304, 1.6349, 1271.8, 1277.5, 1153.8, 1157.0),
    (180, 95, 2.1794, 2.1477, 1967.6, 1927.3, 1541.5, 1519.1),
    (150, 45, 1.3693, 1.3698, 940.9, 941.5, 969.4, 969.7),
]


@pytest.mark.parametrize("row", VECTORS, ids=[f"{row[0]}-{row[1]}" for row in VECTORS])
def test_body_surface_and_standardised_volumes_match_the_vectors(row: tuple[float, ...]) -> None:
    height, weight, mosteller, dubois, vauthey_m, vauthey_d, urata_m, urata_d = row
    bsa_m, bsa_d = f.bsa_mosteller_m2(height, weight), f.bsa_dubois_m2(height, weight)
    assert bsa_m == pytest.approx(mosteller, abs=5e-5)
    assert bsa_d == pytest.approx(dubois, abs=5e-5)
    assert f.stlv_vauthey_ml(bsa_m) == pytest.approx(vauthey_m, abs=0.05)
    assert f.stlv_vauthey_ml(bsa_d) == pytest.approx(vauthey_d, abs=0.05)
    assert f.stlv_urata_ml(bsa_m) == pytest.approx(urata_m, abs=0.05)
    assert f.stlv_urata_ml(bsa_d) == pytest.approx(urata_d, abs=0.05)


def test_the_other_formulae_match_their_vectors() -> None:
    bsa_m, bsa_d = f.bsa_mosteller_m2(170, 70), f.bsa_dubois_m2(170, 70)
    assert f.stlv_feng_ml(bsa_m) == pytest.approx(1254.3, abs=0.05)
    assert f.stlv_um_dubois_ml(bsa_d) == pytest.approx(1178.9, abs=0.05)
    assert f.stlv_um_mosteller_ml(bsa_m) == pytest.approx(1185.3, abs=0.05)
    assert f.stlv_yu_ml(170, 70) == pytest.approx(1536.8, abs=0.05)
    assert f.liver_weight_chan_g(70, male=True) == pytest.approx(1130)
    assert f.liver_weight_chan_g(70, male=False) == pytest.approx(1079)


def test_the_same_liver_crosses_the_thirty_per_cent_line_with_another_formula() -> None:
    bsa = f.bsa_mosteller_m2(170, 70)
    assert f.sflr_percent(420, f.stlv_vauthey_ml(bsa)) == pytest.approx(27.82, abs=0.005)
    assert f.sflr_percent(420, f.stlv_urata_ml(bsa)) == pytest.approx(32.65, abs=0.005)
    assert f.flr_percent(420, 1650, 150) == pytest.approx(28.00, abs=0.005)
    assert f.flr_percent(420, 1650, 0) == pytest.approx(25.45, abs=0.005)
    assert f.flr_body_weight_percent(420, 70) == pytest.approx(0.60, abs=0.005)
    assert f.flr_body_surface_ml_m2(420, bsa) == pytest.approx(231, abs=0.5)


def test_growth_between_time_points_matches_its_vectors() -> None:
    stlv = f.stlv_vauthey_ml(f.bsa_mosteller_m2(170, 70))
    growth = f.dh_pp(f.sflr_percent(420, stlv), f.sflr_percent(540, stlv))
    assert growth == pytest.approx(7.95, abs=0.005)
    assert f.kgr_pp_per_week(growth, 21) == pytest.approx(2.65, abs=0.005)
    assert f.relative_growth_percent(420, 540) == pytest.approx(28.57, abs=0.005)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_a_body_measure_that_is_not_above_zero_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="not above zero"):
        f.bsa_mosteller_m2(wrong, 70)
    with pytest.raises(ValueError, match="not above zero"):
        f.flr_body_weight_percent(420, wrong)


def test_a_tumour_as_large_as_the_liver_leaves_nothing_to_divide_by() -> None:
    with pytest.raises(ValueError, match="not above zero"):
        f.flr_percent(100, 1500, 1500)
