"""Answers are put into words by the organ's own form, and silence is not "no contact"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.annotations import organs, summary
from server.annotations.organs.schema_file import unfolded
from server.annotations.summary import CRITERIA_TITLE
from server.opinions.document import Conversion, Row, Section, Verdict
from server.opinions.recorded import (
    UNDECIDED,
    entered_volume,
    measured_thresholds,
    recorded_fields,
    remaining_sections,
    vessel_contacts,
    words,
)

ORGANS = Path(organs.__file__).parent


@pytest.fixture(scope="module")
def pancreas() -> dict[str, Any]:
    return unfolded(ORGANS / "pancreas" / "schema.json")


@pytest.fixture(scope="module")
def liver() -> dict[str, Any]:
    return unfolded(ORGANS / "liver" / "schema.json")


def test_every_vessel_of_the_form_appears_and_an_unanswered_one_is_not_assessed(
    pancreas: dict[str, Any],
) -> None:
    contacts = vessel_contacts({}, pancreas)
    assert len(contacts) == len(pancreas["properties"]["vessels"]["properties"])
    assert {contact.state for contact in contacts} == {"not_assessed"}
    assert {contact.contact_deg for contact in contacts} == {None}


def test_vessels_stand_in_the_order_and_with_the_names_of_the_form(
    pancreas: dict[str, Any],
) -> None:
    names = [contact.name for contact in vessel_contacts({}, pancreas)]
    assert names[0] == "Superior mesenteric artery"
    assert names[2] == "Coeliac axis"


def test_a_contact_is_read_with_its_choices_in_words(pancreas: dict[str, Any]) -> None:
    answers = {
        "vessels": {
            "sma": {"contact_deg": 0, "contact_kind": "haze_only"},
            "ca": {"contact_deg": "not_visible", "note": "stent"},
            "smv_pv": {
                "contact_deg": 270.0,
                "contact_kind": "solid",
                "contour": "unilateral_narrowing",
                "thrombus": "bland",
                "reconstructable": "yes",
                "short_segment": True,
                "note": "behind the neck",
            },
        }
    }
    by_name = {contact.name: contact for contact in vessel_contacts(answers, pancreas)}
    artery = by_name["Superior mesenteric artery"]
    assert (artery.state, artery.contact_deg, artery.kind) == ("measured", 0, "haze_only")
    assert by_name["Coeliac axis"].state == "not_visible"
    assert by_name["Coeliac axis"].note == "stent"
    vein = by_name["Superior mesenteric and portal vein"]
    assert vein.contact_deg == 270
    assert vein.contour == "narrowed on one side"
    assert vein.reconstructable == "yes"
    assert vein.note == "Short segment: yes\nbehind the neck"


def test_a_contact_says_on_which_image_it_was_seen_and_that_this_supports_it_no_more(
    pancreas: dict[str, Any],
) -> None:
    seen = {
        "kind": "angle",
        "image_number": 34,
        "series": "series 4 portal venous",
        "value": 118,
        "unit": "deg",
        "state": "unsupported",
        "because": "study_detached",
    }
    answers = {
        "vessels": {"sma": {"contact_deg": 118, "note": "see there"}, "ca": {"contact_deg": 0}},
        "evidence": {"/vessels/sma/contact_deg": seen},
    }
    by_name = {contact.name: contact for contact in vessel_contacts(answers, pancreas)}
    assert by_name["Superior mesenteric artery"].note == (
        "see there\nSeen on series 4 portal venous, image 34 "
        "(angle 118°; its study belongs to this case no more)"
    )
    assert by_name["Coeliac axis"].note == ""


def test_a_livers_vessel_is_read_with_patency_and_invasion(liver: dict[str, Any]) -> None:
    answers = {"vessels": {"main_pv": {"contact_deg": 200, "patency": "occluded", "invaded": True}}}
    contact = vessel_contacts(answers, liver)[0]
    assert contact.contour == "occluded"
    assert contact.note == "Invaded: yes"


def test_of_a_clear_vessel_only_what_the_form_does_not_assume_is_noted(
    liver: dict[str, Any],
) -> None:
    clear = {"contact_deg": 0, "invaded": False, "present": False}
    by_name = {c.name: c for c in vessel_contacts({"vessels": {"replaced_ha": clear}}, liver)}
    assert by_name["Replaced or accessory hepatic artery"].note == "Present: no"


def test_the_opinions_own_fields_come_from_the_answers(pancreas: dict[str, Any]) -> None:
    fields = recorded_fields(
        {
            "verdict": "conversion_then_reassess",
            "verdict_reason": "CA 19-9",
            "answer_to_question": "Yes, later.",
            "recommendation": {"text": "Chemotherapy first."},
            "conditions": ["no progression"],
            "capability_needed": ["haic"],
            "reassess_after": {"event": "four cycles", "date": "2027-01-15", "finding": "SMA"},
            "confidence": "moderate",
            "imaging_adequacy": "limited",
            "limits": "stent",
            "missing_data": "CT of the chest",
        },
        pancreas,
    )
    assert fields["verdict"] == Verdict(
        "conversion_then_reassess", "Conversion therapy, then reassess"
    )
    assert fields["recommendation"] == "Chemotherapy first."
    assert fields["capabilities"] == ("hepatic arterial infusion chemotherapy",)
    assert fields["conversion"] == Conversion("", "four cycles, 2027-01-15", ("SMA",))
    assert fields["limits"] == ("Imaging: limited", "stent", "Missing: CT of the chest")


def test_without_answers_the_verdict_says_that_none_was_chosen(pancreas: dict[str, Any]) -> None:
    fields = recorded_fields({}, pancreas)
    assert fields["verdict"] == UNDECIDED
    assert fields["conversion"] is None


def test_a_remnant_entered_by_hand_has_the_same_formula_and_band_as_a_measured_one() -> None:
    volume = entered_volume({"flr_ml": 420.0, "total_liver_ml": 1650, "tumour_ml": 150})
    assert volume is not None
    assert volume.flr_percent == pytest.approx(28.0)
    assert volume.band_percent == pytest.approx((25.2, 30.8))
    assert volume.uncertainty_trust == "unpublished"


@pytest.mark.parametrize(
    ("answers", "expected_percent"),
    [
        ({"flr_ml": 420.0}, None),
        ({"flr_percent": 31.0}, 31.0),
        ({"flr_ml": 420.0, "total_liver_ml": 100, "tumour_ml": 150}, None),
    ],
)
def test_a_remnant_has_a_percentage_only_where_one_follows(
    answers: dict[str, float], expected_percent: float | None
) -> None:
    volume = entered_volume(answers)
    assert volume is not None
    assert volume.flr_percent == expected_percent


def test_without_a_remnant_there_is_no_volume() -> None:
    assert entered_volume({"total_liver_ml": 1650}) is None


def test_only_thresholds_of_the_measured_denominator_are_drawn_beside_a_measured_remnant() -> None:
    fibrotic = measured_thresholds({"background": "fibrosis_or_cirrhosis"})
    assert [threshold.percent for threshold in fibrotic] == [40]
    assert "Azoulay" in fibrotic[0].source
    normal = measured_thresholds({"background": "normal"})
    assert [threshold.percent for threshold in normal] == [25, 26.6]
    volume = entered_volume({"flr_percent": 30.0})
    assert volume is not None
    assert {threshold.denominator for threshold in normal} == {volume.denominator}
    assert measured_thresholds({"background": "not_assessed"}) == measured_thresholds({}) == ()


def test_numbers_are_worded_with_their_unit() -> None:
    field = {"x-margin": {"unit_text": "mm"}}
    assert words(34, field) == "34\N{NO-BREAK SPACE}mm"
    assert words(False, {}) == "no"
    assert words(None, {}) == ""


def test_findings_printed_elsewhere_are_not_printed_twice_and_no_other_is_lost(
    pancreas: dict[str, Any],
) -> None:
    sections = [
        Section("Tumour", (Row("Site of the tumour", "head"), Row("Reason", "of the tumour"))),
        Section("Arteries", (Row("Superior mesenteric artery", "120°"), Row("New field", "x"))),
        Section("Veins", (Row("Inferior vena cava", "not assessed"),)),
        Section("Imaging", (Row("Imaging", "limited"), Row("Phase", "portal"))),
        Section("Opinion", (Row("Verdict", "v"), Row("Reassess: Date", "d"), Row("Reason", "r"))),
        Section(CRITERIA_TITLE, (Row("NCCN", "Borderline"),)),
    ]
    assert remaining_sections(sections, pancreas) == (
        sections[0],
        Section("Arteries", (Row("New field", "x"),)),
        Section("Imaging", (Row("Phase", "portal"),)),
    )


def test_the_summary_of_the_annotations_room_is_understood(pancreas: dict[str, Any]) -> None:
    summarised = summary.Section("Tumour", (summary.Row("Site", "head", "seen twice"),))
    assert remaining_sections([summarised], pancreas) == (
        Section("Tumour", (Row("Site", "head", "seen twice"),)),
    )
