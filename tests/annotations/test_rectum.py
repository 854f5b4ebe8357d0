"""Rectum: margins, depths, nodes and compartments at their boundaries."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.decision import Evaluation, Trust
from server.annotations.organs.rectum import RECTUM
from server.annotations.organs.rectum.findings import COMPARTMENTS, STRUCTURES, VESSELS
from server.annotations.organs.rectum.nodes import STATIONS
from tests.annotations.categories import category_of

Answers = dict[str, Any]
CLEAR: Answers = {
    "disease": "recurrent",
    "structures": dict.fromkeys(STRUCTURES, "clear"),
    "compartments": dict.fromkeys(COMPARTMENTS, "clear"),
    "sacrum_level": "none",
    "vessels": {name: {"contact_deg": 0} for name in VESSELS},
    "sidewall_circumferential": False,
    "hydronephrosis": False,
    "sciatic_notch": False,
    "primary_stage_iv": False,
    "m_status": "m0",
}


def said(ruleset: str, answers: Answers, **options: str) -> Evaluation:
    return RECTUM.ruleset(ruleset).evaluate(answers, options)


def code(ruleset: str, answers: Answers, **options: str) -> str:
    return category_of(said(ruleset, answers, **options))


def within(group: str, **values: Any) -> Answers:
    """The clear case with some parts of a group otherwise."""
    return {**CLEAR, group: {**CLEAR[group], **values}}


@pytest.mark.parametrize(
    ("distance", "involved", "threatened"),
    [
        (0, "involved", "involved"),
        (0.1, "involved", "threatened"),
        (1.0, "involved", "threatened"),
        (1.1, "clear", "clear"),
        ("not_assessed", "clear..involved", "clear..involved"),
    ],
)
def test_one_millimetre_is_involved_and_more_is_clear(
    distance: object, involved: str, threatened: str
) -> None:
    answers = {"mrf_distance_mm": distance}
    assert code("mrf-esgar-2016", answers) == involved
    assert code("mrf-esgar-2016", answers, at_1_mm="threatened") == threatened


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (0, "within_wall"),
        (0.9, "T3a"),
        (1, "T3b"),
        (5, "T3b"),
        (5.1, "T3c"),
        (15, "T3c"),
        (15.1, "T3d"),
    ],
)
def test_the_depth_makes_the_sub_stage(depth: float, expected: str) -> None:
    assert code("t3-depth", {"extramural_depth_mm": depth}) == expected


def test_at_5_mm_both_sub_stages_begin() -> None:
    assert code("t3-depth", {"extramural_depth_mm": 5}, at_5_mm="T3c") == "T3c"


# (short axis, suspicious shapes, after radiotherapy, suspicious): ESGAR 2016.
NODES = [
    (9.0, 0, False, False),
    (9.1, 0, False, True),
    (5.0, 2, False, True),
    (5.0, 1, False, False),
    (9.0, 1, False, False),
    (4.9, 2, False, False),
    (4.9, 3, False, True),
    (0, 3, False, False),
    (4.9, 3, True, False),
    (5.0, 0, True, True),
]


@pytest.mark.parametrize(("size", "shapes", "after", "suspicious"), NODES)
def test_a_mesorectal_node_is_judged_by_size_and_shape(
    size: float, shapes: int, after: bool, suspicious: bool
) -> None:
    names = ("round", "irregular_border", "heterogeneous")
    node = {"short_axis_mm": size} | {name: i < shapes for i, name in enumerate(names)}
    answers = {"mesorectal_node": node, "after_radiotherapy": after}
    assert code("nodes-esgar-2016", answers) == ("suspicious" if suspicious else "not_suspicious")


@pytest.mark.parametrize(
    ("node", "expected", "missing"),
    [
        ({"short_axis_mm": 9.1}, "suspicious", set()),
        (
            {"short_axis_mm": 6, "round": True, "irregular_border": False},
            "not_suspicious..suspicious",
            {"/mesorectal_node/heterogeneous"},
        ),
        (
            {"short_axis_mm": 6, "round": False, "irregular_border": False},
            "not_suspicious",
            set(),
        ),
    ],
)
def test_a_shape_not_stated_leaves_a_node_open_only_where_it_matters(
    node: Answers, expected: str, missing: set[str]
) -> None:
    answers = {"mesorectal_node": node, "after_radiotherapy": False}
    found = said("nodes-esgar-2016", answers)
    assert code("nodes-esgar-2016", answers) == expected
    assert {one.pointer for one in found.missing} == missing


@pytest.mark.parametrize(
    ("station", "size", "after", "suspicious"),
    [
        ("obturator_left", 6.9, False, False),
        ("obturator_left", 7, False, True),
        ("internal_iliac_right", 7, False, True),
        ("internal_iliac_right", 3.9, True, False),
        ("internal_iliac_right", 4, True, True),
        ("obturator_left", 6, True, False),
        ("obturator_left", 6.1, True, True),
        ("inguinal_left", 30, False, False),
    ],
)
def test_lateral_nodes_have_other_sizes_before_and_after_radiotherapy(
    station: str, size: float, after: bool, suspicious: bool
) -> None:
    sizes = dict.fromkeys(STATIONS, 0) | {station: size}
    answers = {"node_short_axis_mm": sizes, "after_radiotherapy": after}
    found = said("lateral-nodes", answers)
    assert code("lateral-nodes", answers) == ("suspicious" if suspicious else "not_suspicious")
    assert found.fired[0].trust == Trust.GENERAL_KNOWLEDGE
    assert found.capabilities == (("lateral_node_dissection",) if suspicious else ())


def test_without_a_word_on_radiotherapy_a_lateral_node_between_the_sizes_is_open() -> None:
    sizes = dict.fromkeys(STATIONS, 0) | {"internal_iliac_left": 5}
    found = said("lateral-nodes", {"node_short_axis_mm": sizes})
    assert found.interval
    assert [missing.pointer for missing in found.missing] == ["/after_radiotherapy"]


@pytest.mark.parametrize(
    ("station", "centile", "rounded"),
    [
        ("external_iliac_left", 5.3, 6),
        ("common_iliac_left", 5.3, 6),
        ("internal_iliac_left", 4.4, 5),
        ("inguinal_left", 6.3, 7),
        ("mesorectal", 3.9, 4),
    ],
)
def test_a_node_at_its_upper_normal_limit_is_normal(
    station: str, centile: float, rounded: float
) -> None:
    def answers(size: float) -> Answers:
        sizes = dict.fromkeys(STATIONS, 0.0)
        if station == "mesorectal":
            return {"node_short_axis_mm": sizes, "mesorectal_node": {"short_axis_mm": size}}
        return {
            "node_short_axis_mm": sizes | {station: size},
            "mesorectal_node": {"short_axis_mm": 0},
        }

    for limit, option in ((centile, "95th-centile"), (rounded, "rounded-up")):
        assert code("pelvic-node-size", answers(limit), limit=option) == "normal"
        assert code("pelvic-node-size", answers(limit + 0.1), limit=option) == "enlarged"


@pytest.mark.parametrize(
    ("count", "deposits", "expected"),
    [
        (0, False, "N0"),
        (0, True, "N1c"),
        (1, True, "N1a"),
        (2, False, "N1b"),
        (3, False, "N1b"),
        (4, False, "N2a"),
        (6, False, "N2a"),
        (7, False, "N2b"),
    ],
)
def test_the_number_of_nodes_makes_n(count: int, deposits: bool, expected: str) -> None:
    answers = {"suspicious_node_count": count, "tumour_deposits": deposits}
    assert code("tnm8-cn", answers) == expected


@pytest.mark.parametrize(
    ("score", "expected"),
    [("emvi2", "negative"), ("emvi3", "positive"), ("not_assessed", "negative..positive")],
)
def test_venous_invasion_is_positive_from_three(score: str, expected: str) -> None:
    assert code("emvi", {"emvi": score}) == expected


@pytest.mark.parametrize(
    ("level", "expected", "capability"),
    [
        ("none", "free", ()),
        ("internal", "internal", ("intersphincteric_resection",)),
        ("intersphincteric", "intersphincteric", ("extralevator_excision",)),
        ("external", "not_preserved", ("extralevator_excision",)),
        ("levator", "not_preserved", ("extralevator_excision",)),
    ],
)
def test_the_sphincter_says_what_the_operation_needs(
    level: str, expected: str, capability: tuple[str, ...]
) -> None:
    assert code("sphincter", {"sphincter": level}) == expected
    assert said("sphincter", {"sphincter": level}).capabilities == capability


@pytest.mark.parametrize("name", STRUCTURES)
def test_an_invaded_structure_is_t4b_and_beyond_tme_and_contact_leaves_it_open(name: str) -> None:
    invaded, touched = (within("structures", **{name: v}) for v in ("invaded", "contact"))
    for ruleset, ends in (
        ("tnm8-t4", ("below_t4", "T4b")),
        ("beyond-tme", ("within_tme", "beyond_tme")),
    ):
        assert code(ruleset, invaded) == ends[1]
        assert code(ruleset, touched) == "..".join(ends)
        assert code(ruleset, touched, contact="not-invaded") == ends[0]
        assert code(ruleset, CLEAR) == ends[0]


@pytest.mark.parametrize("name", VESSELS)
def test_an_invaded_vessel_is_t4b_and_beyond_tme_and_contact_leaves_it_open(name: str) -> None:
    for ruleset, ends in (
        ("tnm8-t4", ("below_t4", "T4b")),
        ("beyond-tme", ("within_tme", "beyond_tme")),
    ):
        lost = ({"invaded": True}, {"patency": "occluded"}, {"thrombus": "tumour"})
        for how in ({"contact_deg": 200} | one for one in lost):
            assert code(ruleset, within("vessels", **{name: how})) == ends[1]
        touched = within("vessels", **{name: {"contact_deg": 200}})
        assert code(ruleset, touched, contact="not-invaded") == "..".join(ends)
        [missing] = said(ruleset, touched).missing
        assert missing.pointer == f"/vessels/{name}/invaded"
        abutted = within("vessels", **{name: {"contact_deg": 200, "invaded": False}})
        assert code(ruleset, abutted) == ends[0]


@pytest.mark.parametrize("name", COMPARTMENTS)
def test_every_compartment_but_the_mesorectum_and_its_peritoneum_is_beyond(name: str) -> None:
    answers = within("compartments", **{name: "invaded"})
    inside = name in ("central", "peritoneal_reflection")
    assert code("beyond-tme", answers) == ("within_tme" if inside else "beyond_tme")
    assert code("tnm8-t4", answers) == ("T4a" if name == "peritoneal_reflection" else "below_t4")


HISTORIC: dict[str, tuple[Answers, str]] = {
    "nothing": ({}, "not_listed"),
    "M1": ({"m_status": "m1"}, "listed"),
    "stage IV primary": ({"primary_stage_iv": True}, "listed"),
    "sacrum at S3": ({"sacrum_level": "s3"}, "not_listed"),
    "sacrum at S2": ({"sacrum_level": "s2"}, "listed"),
    "sidewall alone": ({"sidewall_circumferential": True}, "not_listed"),
    "hydronephrosis alone": ({"hydronephrosis": True}, "not_listed"),
    "sidewall with hydronephrosis": (
        {"sidewall_circumferential": True, "hydronephrosis": True},
        "listed",
    ),
    "external iliac at 180": (
        {"vessels": {**CLEAR["vessels"], "external_iliac_artery_left": {"contact_deg": 180}}},
        "not_listed",
    ),
    "external iliac at 181": (
        {"vessels": {**CLEAR["vessels"], "external_iliac_vein_right": {"contact_deg": 181}}},
        "listed",
    ),
    "internal iliac encased": (
        {"vessels": {**CLEAR["vessels"], "internal_iliac_artery_left": {"contact_deg": 360}}},
        "not_listed",
    ),
    "pubic bone": (within("structures", pubic_bone="invaded"), "listed"),
    "sciatic notch": ({"sciatic_notch": True}, "listed"),
}


@pytest.mark.parametrize(("change", "expected"), HISTORIC.values(), ids=HISTORIC)
def test_the_historic_list_is_read_as_printed(change: Answers, expected: str) -> None:
    answers = {**CLEAR, **change}
    assert code("exenteration-historic", answers) == expected
    flags = {flag.id for flag in said("exenteration-historic", answers).flags}
    assert "centre_dependent" in flags and "not_addressed" not in flags


def test_the_historic_list_does_not_speak_of_a_primary_tumour() -> None:
    found = said("exenteration-historic", {**CLEAR, "disease": "primary"})
    assert "not_addressed" in {flag.id for flag in found.flags}


def test_what_is_invaded_says_what_the_operation_needs() -> None:
    answers = within("structures", prostate="invaded", ureter_left="invaded") | {
        "sacrum_level": "s4",
        "vessels": {**CLEAR["vessels"], "internal_iliac_vein_left": {"contact_deg": 90}},
    }
    assert set(said("beyond-tme", answers).capabilities) == {
        "pelvic_exenteration",
        "ureter_reconstruction",
        "sacrectomy",
        "iliac_vein_reconstruction",
    }


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"ct": "t1_t2"}, "/ct"),
        ({"ct": "t3a", "extramural_depth_mm": 1}, "/ct"),
        ({"ct": "t3c", "extramural_depth_mm": 4.9}, "/ct"),
        ({"ct": "t3d", "extramural_depth_mm": 15}, "/ct"),
        ({"structures": {"bladder": "invaded"}}, "/ct"),
        ({"sacrum_level": "s4"}, "/compartments/posterior"),
        (
            {"vessels": {"internal_iliac_artery_left": {"contact_deg": 90}}},
            "/compartments/lateral",
        ),
        (
            {"vessels": {"internal_iliac_artery_left": {"contact_deg": 0, "invaded": True}}},
            "/vessels/internal_iliac_artery_left/invaded",
        ),
    ],
)
def test_answers_that_cannot_both_be_true_stop_the_signature(wrong: Answers, pointer: str) -> None:
    signed = RECTUM.examples()["mid-t3b-clear-margin"]
    merged = {
        name: {**signed[name], **value} if isinstance(value, dict) else value
        for name, value in wrong.items()
    }
    assert pointer in [problem.pointer for problem in RECTUM.to_sign({**signed, **merged})]


@pytest.mark.parametrize(("stage", "depth_mm"), [("t3a", 0.9), ("t3b", 5), ("t3c", 5), ("t4a", 3)])
def test_a_depth_goes_with_each_sub_stage_that_is_printed_for_it(
    stage: str, depth_mm: float
) -> None:
    signed = RECTUM.examples()["mid-t3b-clear-margin"]
    assert RECTUM.to_sign({**signed, "ct": stage, "extramural_depth_mm": depth_mm}) == []


def test_signing_asks_for_a_reason_where_the_margin_is_involved() -> None:
    signed = RECTUM.examples()["mid-t3b-clear-margin"]
    assert RECTUM.to_sign(signed) == []
    involved = {**signed, "mrf_distance_mm": 1}
    assert [problem.pointer for problem in RECTUM.to_sign(involved)] == ["/verdict_reason"]


def test_an_occluded_external_iliac_vessel_is_derived_and_not_told_as_degrees() -> None:
    vessel = {"contact_deg": 90, "patency": "occluded", "thrombus": "none"}
    vessels = {**CLEAR["vessels"], "external_iliac_vein_left": vessel}
    [fired] = said("exenteration-historic", {**CLEAR, "vessels": vessels}).fired
    assert (fired.rule, fired.trust.value) == ("EX-8", "derived")
    assert fired.text == "Occluded, taken as encased: Left external iliac vein."
