"""Every set at every row of the boundary table, with its rules, flags and options."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.decision import Evaluation, Trust
from server.annotations.organs.pancreas import PANCREAS
from tests.annotations.boundary_table import CODES, COLUMNS, TABLE, Row
from tests.annotations.pancreas_world import pancreas, touched

R, BR, LA, M = CODES.values()
ROWS = {row.case: row for row in TABLE}
# The notes under the table: where a set's text is silent on what the row is about.
SILENT = {
    **{("P21", name): "Variant artery" for name in COLUMNS if name != "nccn-2022"},
    **{("P36", name): "IVC" for name in COLUMNS if name != "nccn-2022"},
    **{("P38", name): "First jejunal artery" for name in COLUMNS},
    **{("P39", name): "First jejunal vein" for name in COLUMNS},
    ("P16", "dpcg-2012"): "Aorta",
    ("P37", "dpcg-2012"): "Aorta",
    **{
        (f"P20-{to}", name): "CHA contact extending"
        for to in ("ca", "bifurcation", "pha")
        for name in ("mdacc-2006", "alliance-a021101", "dpcg-2012")
    },
}


def said(ruleset: str, answers: dict[str, Any], **options: str) -> Evaluation:
    return PANCREAS.ruleset(ruleset).evaluate(answers, options)


def code(ruleset: str, answers: dict[str, Any], **options: str) -> str | None:
    category = said(ruleset, answers, **options).category
    return category.code if category else None


def silences(evaluation: Evaluation) -> list[str]:
    return [flag.text for flag in evaluation.flags if flag.id == "not_addressed"]


@pytest.mark.parametrize("ruleset", COLUMNS)
@pytest.mark.parametrize("row", TABLE, ids=[row.case for row in TABLE])
def test_every_set_says_what_the_boundary_table_says(row: Row, ruleset: str) -> None:
    best, worst = row.ends(ruleset)
    found = said(ruleset, row.answers).to_json()
    if best == worst:
        assert (found["category"], found["interval"]) == (best, None)
    else:
        assert (found["category"], found["interval"]) == (None, [best, worst])
    assert bool(found["missing"]) == (best != worst)


@pytest.mark.parametrize("row", TABLE, ids=[row.case for row in TABLE])
def test_the_older_nccn_tables_differ_at_the_first_jejunal_branches_only(row: Row) -> None:
    ends = (LA, LA) if row.case in ("P38", "P39") else row.ends("nccn-2022")
    found = said("nccn-legacy", row.answers)
    assert found.best and found.worst
    assert (found.best.code, found.worst.code) == ends


def test_the_table_is_whole() -> None:
    numbers = {row.case.partition("-")[0] for row in TABLE}
    assert numbers == {f"P{n:02}" for n in range(1, 47)} | {"P30b"}
    assert all(len(row.cells) == len(COLUMNS) for row in TABLE)


@pytest.mark.parametrize(("case", "ruleset"), SILENT, ids=lambda value: str(value))
def test_where_a_text_is_silent_a_flag_says_so_in_words(case: str, ruleset: str) -> None:
    [text] = silences(said(ruleset, ROWS[case].answers))
    assert text.startswith(SILENT[case, ruleset])
    assert text.endswith(f"not addressed by {PANCREAS.ruleset(ruleset).title}.")


@pytest.mark.parametrize("case", ["P01", "P07", "P12", "P17", "P27"])
@pytest.mark.parametrize("ruleset", COLUMNS)
def test_where_a_text_speaks_no_silence_is_flagged(ruleset: str, case: str) -> None:
    assert silences(said(ruleset, ROWS[case].answers)) == []


def test_the_older_nccn_tables_speak_of_the_first_jejunal_branches() -> None:
    for case in ("P38", "P39"):
        found = said("nccn-legacy", ROWS[case].answers)
        assert [fired.rule for fired in found.fired] == ["N-LA-7"]
        assert silences(found) == []
    extending = pancreas(smv_pv=touched(30, extends_to=["first_jejunal_vein"]))
    assert code("nccn-legacy", extending) == LA
    assert code("nccn-2022", extending) == R


def test_contact_nobody_described_goes_on_to_no_vessel_that_is_clear() -> None:
    """A first jejunal vein seen clear leaves only the SMV/PV itself open, which is reconstructable."""
    unseen = {"contact_deg": "not_assessed", "reconstructable": "yes"}
    found = said("nccn-legacy", pancreas(smv_pv=unseen))
    assert found.best and found.worst
    assert (found.best.code, found.worst.code) == (R, BR)
    neither = said("nccn-legacy", pancreas(smv_pv=unseen, first_jejunal_vein=None))
    assert neither.worst and neither.worst.code == LA
    described = {"contact_deg": 30, "contour": "regular", "thrombus": "none"}
    assert said("nccn-legacy", pancreas(smv_pv={**described, "reconstructable": "yes"})).flags == ()


@pytest.mark.parametrize("ruleset", PANCREAS.rulesets, ids=lambda ruleset: ruleset.id)
@pytest.mark.parametrize("row", TABLE, ids=[row.case for row in TABLE])
def test_every_category_names_its_rules_source_and_trust(row: Row, ruleset: Any) -> None:
    found = ruleset.evaluate(row.answers)
    assert bool(found.fired) == (found.category is not None or found.best.code != R)
    for fired in found.fired:
        assert len(fired.source) > 10
        assert fired.text.endswith(".")
        assert isinstance(fired.trust, Trust)


@pytest.mark.parametrize("row", TABLE, ids=[row.case for row in TABLE])
def test_every_rule_of_the_japanese_set_is_marked_not_verified(row: Row) -> None:
    for fired in said("jps-7", row.answers).fired:
        assert fired.trust.label == "not verified"


@pytest.mark.parametrize("ruleset", ["alliance-a021101", "iap-2017"])
@pytest.mark.parametrize("case", ["P08", "P12", "P33"])
def test_the_complement_of_borderline_is_marked_derived(case: str, ruleset: str) -> None:
    fired = said(ruleset, ROWS[case].answers).fired
    assert {one.trust for one in fired} == {Trust.DERIVED}


@pytest.mark.parametrize(
    ("ruleset", "option", "cases"),
    [
        ("nccn-2022", {"appleby": "LA"}, {"P14": LA}),
        ("nccn-legacy", {"appleby": "LA"}, {"P14": LA}),
        ("ahpba-2009", {"artery": "below-180"}, {"P06": BR, "P07": LA, "P08": LA}),
        (
            "ahpba-2009",
            {"vein": "over-180"},
            {"P22": R, "P23": R, "P24": R, "P25": R, "P26": R, "P27": BR, "P32": BR, "P35": LA},
        ),
        (
            "mdacc-2006",
            {"coeliac": "none-allowed"},
            {"P10": LA, "P11": LA, "P12": LA, "P13": LA, "P03": BR},
        ),
        (
            "iap-2017",
            {"artery": "below-180"},
            {"P06": BR, "P07": LA, "P10": BR, "P11": LA, "P13": LA, "P26": BR},
        ),
        ("iap-2017", {"vein": "over-180"}, {"P26": R, "P27": BR, "P30b": BR, "P32": BR}),
    ],
)
def test_an_option_moves_the_cases_its_sources_disagree_on(
    ruleset: str, option: dict[str, str], cases: dict[str, str]
) -> None:
    assert {case: code(ruleset, ROWS[case].answers, **option) for case in cases} == cases
    texts = [said(ruleset, ROWS[case].answers, **option).fired[0].text for case in cases]
    assert all(texts)


def test_with_its_artery_option_the_international_set_is_the_japanese_one() -> None:
    for row in TABLE:
        found = said("iap-2017", row.answers, artery="below-180")
        other = said("jps-7", row.answers)
        assert (found.best, found.worst) == (other.best, other.worst), row.case


@pytest.mark.parametrize(
    ("ruleset", "answers", "category"),
    [
        ("ahpba-2009", pancreas(cha=touched(300, short_segment=False)), LA),
        ("ahpba-2009", pancreas(cha=touched(90, short_segment=False)), BR),
        ("mdacc-2006", pancreas(cha=touched(300, short_segment=False)), LA),
        ("mdacc-2006", pancreas(cha=touched(90, reconstructable="no")), LA),
        ("mdacc-2006", pancreas(smv_pv=touched(360, contour="occluded", short_segment=False)), LA),
        ("alliance-a021101", pancreas(cha=touched(90, short_segment=False)), LA),
        ("iap-2017", pancreas(smv_pv=touched(90, beyond_inferior_duodenum=True)), R),
        ("iap-2017", pancreas(ca=touched(90, contour="unilateral_narrowing")), LA),
        ("iap-2017", pancreas(cha=touched(90, contour="deformed")), BR),
        ("dpcg-2012", pancreas(cha=touched(91)), LA),
    ],
)
def test_beside_the_table_the_words_of_each_set_decide(
    ruleset: str, answers: dict[str, Any], category: str
) -> None:
    assert code(ruleset, answers) == category


@pytest.mark.parametrize(
    ("ruleset", "vessels", "words"),
    [
        ("alliance-a021101", {"cha": touched(90)}, "segment as short"),
        ("ahpba-2009", {"cha": touched(300)}, "segment as short"),
        ("iap-2017", {"smv_pv": touched(200)}, "as not beyond the inferior border"),
    ],
)
def test_what_was_not_stated_and_would_decide_is_flagged(
    ruleset: str, vessels: dict[str, Any], words: str
) -> None:
    [text] = [f.text for f in said(ruleset, pancreas(**vessels)).flags if f.id == "default_taken"]
    assert words in text


@pytest.mark.parametrize("ruleset", ["nccn-2022", "dpcg-2012", "ahpba-2009"])
def test_what_a_set_does_not_ask_for_is_not_flagged_as_taken(ruleset: str) -> None:
    found = said(ruleset, pancreas(cha=touched(90)))
    assert "default_taken" not in {flag.id for flag in found.flags}


@pytest.mark.parametrize("ruleset", ["iap-2017", "jps-7"])
def test_contact_of_the_cha_without_its_neighbours_alone_is_borderline(ruleset: str) -> None:
    assert code(ruleset, pancreas(cha=touched(90))) == BR
    for neighbour in ("ca", "pha"):
        beside: dict[str, Any] = {"cha": touched(90), neighbour: touched(1)}
        assert code(ruleset, pancreas(**beside)) == LA
        unseen: dict[str, Any] = {**beside, neighbour: None}
        open_yet = said(ruleset, pancreas(**unseen))
        assert [step.code for step in open_yet.interval or ()] == [BR, LA]
        assert [one.pointer for one in open_yet.missing] == [f"/vessels/{neighbour}/contact_deg"]
    only = said(ruleset, pancreas(pha=touched(90)))
    assert only.category and only.category.code == R
    assert [f.text for f in only.flags if f.id == "not_addressed"] == [
        f"PHA contact 90° without the CHA: not addressed by {only.title}."
    ]
