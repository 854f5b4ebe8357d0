"""The answers in words, as the written opinion prints them."""

from __future__ import annotations

from typing import Any

import pytest

from server.annotations.organs import ORGANS, Organ
from server.annotations.summary import CRITERIA_TITLE, Row, Section, sections
from tests.annotations.pancreas_world import pancreas, touched

PANCREAS, LIVER = ORGANS["pancreas"], ORGANS["liver"]


def read(organ: Organ, answers: dict[str, Any]) -> dict[str, Row]:
    found = sections(organ, answers, organ.evaluate(answers))
    return {row.label: row for section in found for row in section.rows}


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
def test_every_vessel_is_named_and_those_not_spoken_of_are_not_assessed(organ: Organ) -> None:
    rows = read(organ, {})
    for schema in organ.schema["properties"]["vessels"]["properties"].values():
        assert rows[schema["x-margin"]["label"]].value_text == "not assessed"


def test_a_vessel_reads_as_one_line_with_degrees_first() -> None:
    vein = touched(200, contour="bilateral_narrowing", extends_to=["splenic_vein", "imv"])
    text = read(PANCREAS, pancreas(smv_pv=vein))["Superior mesenteric and portal vein"].value_text
    assert text == (
        "200°, solid contact, contour: narrowed on both sides, thrombus: none, "
        "reconstructable: yes, extends to: Splenic vein; Inferior mesenteric vein"
    )


def test_units_and_words_are_printed_and_codes_are_not() -> None:
    rows = read(LIVER, LIVER.examples()["icca-left-ducts"])
    assert rows["Future liver remnant (FLR)"].value_text == "910 mL"
    assert rows["Height"].value_text == "180 cm"
    assert rows["Tumour"].value_text in ("intrahepatic cholangiocarcinoma", "120 mL")
    assert rows["Segments involved"].value_text == "II; III; IV"
    assert rows["Verdict"].value_text == "Resectable with conditions"
    assert "resectable_with_conditions" not in str(rows.values())


def test_what_was_not_answered_is_left_out_unless_a_signature_needs_it() -> None:
    rows = read(PANCREAS, {})
    assert "CA 19-9" not in rows
    assert rows["Verdict"].value_text == "not stated"
    assert rows["Recommendation"].value_text == "not stated"


def test_a_gap_says_which_criteria_it_leaves_undecided() -> None:
    rows = read(PANCREAS, pancreas(ca={"contact_deg": "not_visible"}))
    assert rows["Coeliac axis"].value_text == "not visible"
    titles = ", ".join(ruleset.title for ruleset in PANCREAS.rulesets)
    assert rows["Coeliac axis"].note == f"leaves {titles} undecided"
    assert rows["Aorta"].note == ""


def test_the_criteria_come_last_with_rule_source_and_trust() -> None:
    answers = pancreas(aorta=touched(90))
    last = sections(PANCREAS, answers, PANCREAS.evaluate(answers))[-1]
    assert last.title == CRITERIA_TITLE
    assert len(last.rows) == len(PANCREAS.rulesets)
    row = last.rows[0]
    assert (row.label, row.value_text) == (
        "NCCN (v1.2022), nccn-2022 version 1.2022",
        "Locally advanced",
    )
    assert row.note.startswith("N-LA-4: Aorta contact 90°")
    assert "PMC7603933" in row.note and "derived" in row.note


def test_hidden_fields_are_not_printed() -> None:
    labels = read(LIVER, LIVER.examples()["crlm-right-adequate"])
    assert LIVER.schema["properties"]["flr_source"]["x-margin"]["label"] == "Volumes from"
    assert "Volumes from" not in labels


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
def test_sections_follow_the_form_and_none_is_empty(organ: Organ) -> None:
    titles = [section["title"] for section in organ.schema["x-margin"]["sections"]]
    for answers in organ.examples().values():
        found: list[Section] = sections(organ, answers, [])
        assert [section.title for section in found] == [
            title for title in titles if title in {section.title for section in found}
        ]
        assert all(section.rows for section in found)
