"""Child-Pugh, ALBI, MELD, MELD-Na, Makuuchi: the vectors, the boundaries, and what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.decision import Trust
from server.annotations.organs.liver import LIVER
from server.annotations.organs.liver.albi import albi
from server.annotations.organs.liver.makuuchi import by_bilirubin, by_icg
from server.annotations.organs.liver.meld import meld, meld_na


def said(ruleset: str, answers: dict[str, Any], **options: str) -> dict[str, Any]:
    return LIVER.ruleset(ruleset).evaluate(answers, options).to_json()


def child(
    bilirubin_mg_dl: float, albumin_g_dl: float, inr: float, ascites: str, mind: str
) -> dict[str, Any]:
    return {
        "bilirubin_mg_dl": bilirubin_mg_dl,
        "albumin_g_dl": albumin_g_dl,
        "inr": inr,
        "ascites": ascites,
        "encephalopathy": mind,
    }


@pytest.mark.parametrize(
    ("answers", "points", "category"),
    [
        (child(1.9, 3.6, 1.6, "none", "none"), 5, "A"),
        (child(2.0, 3.5, 1.7, "none", "none"), 8, "B"),
        (child(3.0, 2.8, 2.3, "mild", "none"), 9, "B"),
        (child(3.1, 2.7, 2.4, "moderate_severe", "grade_1_2"), 14, "C"),
        (child(3.1, 2.7, 2.4, "moderate_severe", "grade_3_4"), 15, "C"),
    ],
)
def test_child_pugh_matches_its_vectors(
    answers: dict[str, Any], points: int, category: str
) -> None:
    found = said("child-pugh", answers)
    assert (found["score"]["value"], found["score"]["unit"]) == (points, "points")
    assert found["category"] == category
    assert found["missing"] == []


@pytest.mark.parametrize(
    ("field", "value", "points"),
    [
        ("bilirubin_umol_l", 33.9, 1),
        ("bilirubin_umol_l", 34, 2),
        ("bilirubin_umol_l", 51, 2),
        ("bilirubin_umol_l", 51.1, 3),
        ("bilirubin_mg_dl", 1.99, 1),
        ("bilirubin_mg_dl", 2.0, 2),
        ("bilirubin_mg_dl", 3.0, 2),
        ("bilirubin_mg_dl", 3.01, 3),
        ("albumin_g_l", 35.1, 1),
        ("albumin_g_l", 35, 2),
        ("albumin_g_l", 28, 2),
        ("albumin_g_l", 27.9, 3),
        ("albumin_g_dl", 2.8, 2),
        ("inr", 1.69, 1),
        ("inr", 1.7, 2),
        ("inr", 2.3, 2),
        ("inr", 2.31, 3),
    ],
)
def test_a_bound_of_child_pugh_holds_in_the_unit_it_was_reported_in(
    field: str, value: float, points: int
) -> None:
    best = child(0.5, 5.0, 1.0, "none", "none")
    other = {"bilirubin": "bilirubin_mg_dl", "albumin": "albumin_g_dl"}.get(field.split("_")[0])
    answers = {name: known for name, known in best.items() if name != other} | {field: value}
    assert said("child-pugh", answers)["score"]["value"] == 4 + points


def test_another_albumin_bound_is_an_option() -> None:
    answers = child(0.5, 2.9, 1.0, "none", "none")
    assert said("child-pugh", answers)["score"]["value"] == 6
    assert said("child-pugh", answers, albumin_low="3.0")["score"]["value"] == 7


def test_what_child_pugh_misses_counts_one_to_three_points() -> None:
    answers = child(3.1, 2.7, 2.4, "none", "none")
    del answers["encephalopathy"]
    found = said("child-pugh", answers)
    assert (found["score"]["least"], found["score"]["most"]) == (11, 13)
    assert found["score"]["value"] is None
    assert found["category"] == "C"  # certain, although the points are not
    assert [one["pointer"] for one in found["missing"]] == ["/encephalopathy"]
    found = said("child-pugh", {})
    assert (found["interval"], found["score"]["least"]) == (["A", "C"], 5)
    assert len(found["missing"]) == 5


@pytest.mark.parametrize(
    ("bilirubin", "albumin", "score", "grade"),
    [
        (10, 45, -3.165, "1"),
        (17.1, 40, -2.586, "2"),
        (17.1, 35, -2.161, "2"),
        (34, 30, -1.539, "2"),
        (50, 25, -1.004, "3"),
    ],
)
def test_albi_matches_its_vectors(
    bilirubin: float, albumin: float, score: float, grade: str
) -> None:
    assert albi(bilirubin, albumin) == pytest.approx(score, abs=5e-4)
    found = said("albi", {"bilirubin_umol_l": bilirubin, "albumin_g_l": albumin})
    assert (found["score"]["value"], found["category"]) == (pytest.approx(score), grade)


def test_the_grades_of_albi_end_where_they_are_printed() -> None:
    # With bilirubin 10 µmol/L the score is 0.66 - 0.085 x albumin: 2.60 at 38.35, 1.39 at 24.12 g/L.
    for albumin, grade in ((38.36, "1"), (38.35, "2"), (24.12, "2"), (24.11, "3")):
        found = said("albi", {"bilirubin_umol_l": 10, "albumin_g_l": albumin})
        assert found["category"] == grade, albumin


@pytest.mark.parametrize(
    ("bilirubin", "inr", "creatinine", "points"),
    [(1.9, 1.2, 1.3, 13), (0.8, 0.9, 0.7, 6), (4, 1.8, 1.9, 24)],
)
def test_meld_matches_its_vectors(
    bilirubin: float, inr: float, creatinine: float, points: int
) -> None:
    assert meld(bilirubin, inr, creatinine) == points
    answers = {"bilirubin_mg_dl": bilirubin, "inr": inr, "creatinine_mg_dl": creatinine}
    found = said("meld", {**answers, "dialysis": "no"})
    assert (found["category"], found["score"]["value"]) == (str(points), points)


def test_creatinine_is_capped_and_dialysis_counts_as_the_cap() -> None:
    assert meld(1, 1, 4.0) == meld(1, 1, 17) == meld(1, 1, 0.9, dialysis=True)
    assert meld(60, 20, 18) == 40


def test_dialysis_is_never_guessed() -> None:
    answers = {"bilirubin_mg_dl": 1.9, "inr": 1.2, "creatinine_mg_dl": 1.3}
    found = said("meld", answers)
    assert found["interval"] == ["13", str(meld(1.9, 1.2, 1.3, dialysis=True))]
    assert [one["pointer"] for one in found["missing"]] == ["/dialysis"]
    assert said("meld", {**answers, "dialysis": "not_assessed"})["interval"] == found["interval"]


@pytest.mark.parametrize(
    ("points", "sodium", "expected"),
    [(11, 125, 11), (12, 137, 12), (12, 140, 12), (12, 125, 23), (24, 130, 28), (40, 120, 40)],
)
def test_sodium_counts_from_a_meld_of_twelve_and_within_its_range(
    points: int, sodium: float, expected: int
) -> None:
    assert meld_na(points, sodium) == expected


def test_sodium_is_missed_only_where_it_could_matter() -> None:
    mild = {"bilirubin_umol_l": 10, "inr": 1.0, "creatinine_umol_l": 80, "dialysis": "no"}
    assert said("meld-na", mild)["category"] == "6"
    found = said("meld-na", {**mild, "bilirubin_umol_l": 200})
    assert [one["pointer"] for one in found["missing"]] == ["/sodium_mmol_l"]


@pytest.mark.parametrize(
    ("mg_dl", "code"),
    [
        (1.0, "trisectionectomy_or_bisectionectomy"),
        (1.1, "limited_resection"),
        (1.5, "limited_resection"),
        (1.6, "enucleation"),
        (1.9, "enucleation"),
        (2.0, "no_hepatectomy"),
    ],
)
def test_makuuchi_steps_by_bilirubin(mg_dl: float, code: str) -> None:
    assert by_bilirubin(mg_dl).code == code
    answers = {"bilirubin_mg_dl": mg_dl, "icg_r15_percent": 5, "ascites": "none"}
    found = LIVER.ruleset("makuuchi").evaluate(answers)
    assert found.category is not None and found.category.code == code
    assert [one.trust for one in found.fired] == [Trust.GENERAL_KNOWLEDGE]


@pytest.mark.parametrize(
    ("percent", "code"),
    [
        (9.9, "trisectionectomy_or_bisectionectomy"),
        (10, "left_hepatectomy_or_right_sectionectomy"),
        (19.9, "left_hepatectomy_or_right_sectionectomy"),
        (20, "segmentectomy"),
        (30, "limited_resection"),
        (40, "enucleation"),
    ],
)
def test_makuuchi_steps_by_icg(percent: float, code: str) -> None:
    assert by_icg(percent).code == code


def test_a_rising_bilirubin_hides_a_bad_icg_only_in_the_tree_to_the_letter() -> None:
    answers = {"bilirubin_mg_dl": 1.2, "icg_r15_percent": 45, "ascites": "none"}
    assert said("makuuchi", answers)["category"] == "enucleation"
    assert said("makuuchi", answers, tree="as-published")["category"] == "limited_resection"
    without = {"bilirubin_mg_dl": 1.2, "ascites": "none"}
    assert said("makuuchi", without, tree="as-published")["category"] == "limited_resection"
    assert said("makuuchi", without)["interval"] == ["limited_resection", "enucleation"]


def test_uncontrolled_ascites_allows_no_hepatectomy() -> None:
    assert said("makuuchi", {"ascites": "moderate_severe"})["category"] == "no_hepatectomy"
    found = said("makuuchi", {"ascites": "none"})
    pointers = [one["pointer"] for one in found["missing"]]
    assert pointers == ["/bilirubin_umol_l", "/icg_r15_percent"]
