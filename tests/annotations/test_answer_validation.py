"""Wrong answers are refused at their field in words, hostile ones too, and nothing raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.annotations.organs import ORGANS, Organ
from server.annotations.validation import problems

PANCREAS, LIVER = ORGANS["pancreas"], ORGANS["liver"]
VESSELS = [
    (organ, name)
    for organ in ORGANS.values()
    for name in organ.schema["properties"]["vessels"]["properties"]
]
OUTSIDE = [-1, 361, 400, 1.5, "45", True, None, [], {}, "none", 10**30, float("nan")]


@pytest.mark.parametrize(("organ", "name"), VESSELS, ids=[f"{o.id}-{n}" for o, n in VESSELS])
def test_an_impossible_angle_is_refused_at_every_vessel(organ: Organ, name: str) -> None:
    for value in OUTSIDE:
        found = problems(organ, {"vessels": {name: {"contact_deg": value}}})
        assert [problem.pointer for problem in found] == [f"/vessels/{name}/contact_deg"], value


@pytest.mark.parametrize(("organ", "name"), VESSELS, ids=[f"{o.id}-{n}" for o, n in VESSELS])
def test_every_possible_contact_is_taken_at_every_vessel(organ: Organ, name: str) -> None:
    for value in (0, 1, 180, 360, 90.0, "not_assessed", "not_visible"):
        assert problems(organ, {"vessels": {name: {"contact_deg": value}}}) == []


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300, True])
def test_what_is_no_finite_number_is_refused_at_every_number(organ: Organ, value: object) -> None:
    numbers = [field for field in organ.fields if field.schema.get("type") in ("number", "integer")]
    assert numbers
    for field in numbers:
        answers: Any = value
        for step in reversed(field.path):
            answers = {step: answers}
        found = problems(organ, answers)
        assert [problem.pointer for problem in found] == [field.pointer]


def test_the_message_names_the_field_the_remedy_and_what_was_given() -> None:
    [problem] = problems(PANCREAS, {"vessels": {"sma": {"contact_deg": 400}}})
    assert problem.message == (
        "Contact of the SMA must be a whole number of degrees from 0 to 360, "
        'or "not_assessed" or "not_visible"; 400 was given.'
    )


@pytest.mark.parametrize(
    ("organ", "answers", "pointer", "words"),
    [
        (LIVER, {"height_cm": 17}, "/height_cm", "from 50 to 250; 17 was given"),
        (LIVER, {"height_cm": 1.7}, "/height_cm", "cm from 50 to 250; 1.7 was given"),
        (LIVER, {"weight_kg": 9}, "/weight_kg", "kg from 10 to 350"),
        (LIVER, {"flr_ml": 0}, "/flr_ml", "above 0 and below 10000"),
        (LIVER, {"flr_ml": 10000}, "/flr_ml", "below 10000; 10000 was given"),
        (LIVER, {"flr_ml": "420 mL"}, "/flr_ml", "a number of mL"),
        (LIVER, {"flr_l": 0.4}, "/flr_l", 'Did you mean "flr_ml"?'),
        (LIVER, {"flr_percent": 101}, "/flr_percent", "per cent from 0 to 100"),
        (LIVER, {"segments_involved": ["IX"]}, "/segments_involved/0", '"VIII"'),
        (LIVER, {"segments_involved": ["II", "II"]}, "/segments_involved", "twice"),
        (LIVER, {"background": "fatty"}, "/background", '"fibrosis_or_cirrhosis"'),
        (LIVER, {"flr_source": "a b"}, "/flr_source", "letters, digits"),
        (LIVER, {"flr_source": "typed\n"}, "/flr_source", "letters, digits"),
        (PANCREAS, {"site": None}, "/site", "nothing (null) was given"),
        (PANCREAS, {"vessels": {"aorta": 90}}, "/vessels/aorta", "an object"),
        (PANCREAS, {"vessels": {"jugular": {}}}, "/vessels/jugular", "not a field of the vessels"),
        (
            PANCREAS,
            {"vessels": {"sma": {"contact_cm": 4}}},
            "/vessels/sma/contact_cm",
            'Did you mean "contact_deg"?',
        ),
        (PANCREAS, {"ecog": 5}, "/ecog", "from 0 to 4"),
        (PANCREAS, {"ca19_9_u_ml": -1}, "/ca19_9_u_ml", "U/mL from 0"),
        (PANCREAS, {"node_proven": "yes"}, "/node_proven", "true or false"),
        (PANCREAS, {"verdict": "operable"}, "/verdict", '"resectable_now"'),
        (PANCREAS, {"recommendation": "operate"}, "/recommendation", "an object"),
        (PANCREAS, {"recommendation": {"txt": "x"}}, "/recommendation/txt", '"text"'),
        (PANCREAS, {"conditions": [""]}, "/conditions/0", "some text"),
        (PANCREAS, {"reassess_after": {"date": "2027-02-30"}}, "/reassess_after/date", "YYYY-MM"),
        (PANCREAS, {"limits": "x" * 4001}, "/limits", "at most 4000 characters"),
        (PANCREAS, {"a/b~c": 1}, "/a~1b~0c", "not a field of the pancreas form"),
        (PANCREAS, {"limits": "half \ud800"}, "/limits", "cannot be kept"),
        (PANCREAS, {"limits": "nul \x00"}, "/limits", "cannot be kept"),
    ],
)
def test_a_wrong_answer_is_refused_at_its_field_with_a_remedy(
    organ: Organ, answers: dict[str, Any], pointer: str, words: str
) -> None:
    found = problems(organ, answers)
    assert [problem.pointer for problem in found] == [pointer]
    assert words in found[0].message


def test_every_wrong_field_is_named_and_the_right_ones_are_not() -> None:
    answers = {"site": "head", "ecog": 9, "vessels": {"sma": {"contact_deg": 90}, "ca": {"x": 1}}}
    assert [p.pointer for p in problems(PANCREAS, answers)] == ["/ecog", "/vessels/ca/x"]


def deep(levels: int) -> dict[str, Any]:
    inside: dict[str, Any] = {}
    for _ in range(levels):
        inside = {"vessels": inside}
    return inside


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
@pytest.mark.parametrize(
    "answers",
    [
        None,
        [],
        "text",
        5,
        float("inf"),
        deep(100_000),
        {"vessels": [[[[[[[[[[[]]]]]]]]]]]},
        {str(number): number for number in range(20_000)},
        {"limits": "x" * 10_000_000},
        {"x" * 1_000_000: 1},
        {5: 1},
        {"limits": b"bytes"},
        {"conditions": ["x"] * 100_000},
        {"ecog": 10**5000},
        {"ecog": -float("inf")},
        {"\ud800": 1},
    ],
    ids=lambda value: type(value).__name__,
)
def test_hostile_answers_are_refused_and_nothing_raises(organ: Organ, answers: object) -> None:
    found = problems(organ, answers)
    assert 1 <= len(found) <= 100
    for problem in found:
        assert len(problem.message) < 1000
        assert len(problem.pointer) < 1000
        json.dumps([problem.pointer, problem.message]).encode("utf-8")


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.sampled_from(["not_assessed", "solid", "m1", "typed", "", "2027-01-01"])
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["sma", "contact_deg", "rhv", "in_remnant", "date", "extends_to", "zz"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_json_is_judged_evaluated_and_held_for_signing_without_raising(
    organ: Organ, data: st.DataObject
) -> None:
    names = st.sampled_from(sorted(organ.schema["properties"]))
    answers = data.draw(st.dictionaries(names, ANYTHING, max_size=6))
    for problem in problems(organ, answers):
        assert problem.pointer and problem.message
    assert len(organ.evaluate(answers)) == len(organ.rulesets)
    assert isinstance(organ.to_sign(answers), list)
