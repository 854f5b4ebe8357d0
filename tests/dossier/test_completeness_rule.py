"""What is missing, from plain facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from server.dossier.checklist import Need, checklists
from server.dossier.completeness import (
    Completeness,
    ConsentFacts,
    Decision,
    Facts,
    ItemState,
    Standing,
    completeness,
)

PANCREAS = checklists()["pancreas"]
LUNG = checklists()["lung"]
BLOOD = frozenset({"ca19_9", "bilirubin", "albumin", "inr", "creatinine", "platelets"})
ENOUGH = Facts(studies=1, question=True, quantities=BLOOD)
WAIVED = Decision(Standing.WAIVED, "not needed", "Clara")
NOT_THERE = Decision(Standing.NOT_AVAILABLE, "no biopsy was taken", "Riverside")


def judged(facts: Facts) -> Completeness:
    return completeness(PANCREAS, facts)


def item(facts: Facts, name: str, of: Completeness | None = None) -> ItemState:
    return next(one for one in (of or judged(facts)).items if one.item.id == name)


def decided(**decisions: Decision) -> Mapping[str, Decision]:
    return decisions


def test_a_case_with_everything_required_is_complete() -> None:
    assert judged(ENOUGH).complete
    assert judged(ENOUGH).blocking == ()


def test_nothing_at_all_names_everything_required_in_phrases() -> None:
    said = judged(Facts()).blocking
    assert said[0] == "CT, MRI or PET-CT as DICOM"
    assert said[1] == "The focused question"
    assert said[2].startswith("Blood tests as values: CA 19-9, Total bilirubin, Albumin")
    assert len(said) == 3


@pytest.mark.parametrize("missing", sorted(BLOOD))
def test_one_missing_value_leaves_the_blood_tests_partly_received(missing: str) -> None:
    state = item(replace(ENOUGH, quantities=BLOOD - {missing}), "blood_tests")
    assert state.standing is Standing.PARTLY
    assert len(state.missing) == 1
    assert state.blocks


def test_the_laboratorys_pdf_alone_does_not_stand_for_its_values() -> None:
    facts = replace(ENOUGH, quantities=frozenset(), documents={"d1": frozenset({"blood_tests"})})
    state = item(facts, "blood_tests")
    assert state.standing is Standing.PARTLY
    assert state.documents == ("d1",)
    assert "not typed" in state.remark


def test_a_document_counts_by_its_kind_and_by_what_else_it_covers() -> None:
    facts = Facts(documents={"d1": frozenset({"clinic_letter", "operative_report"})})
    assert item(facts, "oncologist_letters").standing is Standing.RECEIVED
    assert item(facts, "operative_report").documents == ("d1",)
    assert item(facts, "radiology_reports").standing is Standing.OUTSTANDING


def test_a_waived_item_no_longer_blocks() -> None:
    facts = replace(ENOUGH, quantities=frozenset(), decisions=decided(blood_tests=WAIVED))
    assert judged(facts).complete
    assert item(facts, "blood_tests").standing is Standing.WAIVED


def test_what_is_required_and_not_available_waits_for_somebody_to_waive_it() -> None:
    facts = replace(ENOUGH, quantities=frozenset(), decisions=decided(blood_tests=NOT_THERE))
    state = item(facts, "blood_tests")
    assert state.standing is Standing.NOT_AVAILABLE
    assert state.blocks
    assert judged(facts).blocking == ("Blood tests as values",)


def test_what_is_only_expected_and_not_available_is_settled() -> None:
    facts = replace(ENOUGH, decisions=decided(pathology_report=NOT_THERE))
    assert item(facts, "pathology_report").settled
    assert "pathology_report" not in {one.item.id for one in judged(facts).wanted}


def test_what_arrives_after_all_counts_more_than_what_was_said_of_it() -> None:
    facts = replace(
        ENOUGH,
        decisions=decided(pathology_report=NOT_THERE),
        documents={"d1": frozenset({"pathology_report"})},
    )
    assert item(facts, "pathology_report").standing is Standing.RECEIVED


def test_an_abandoned_operation_blocks_until_its_report_is_here() -> None:
    facts = replace(ENOUGH, circumstances={"operation_abandoned": True})
    assert judged(facts).blocking == ("Operative report",)
    here = replace(facts, documents={"d1": frozenset({"operative_report"})})
    assert judged(here).complete


def test_no_treatment_given_settles_the_treatment_history() -> None:
    state = item(replace(ENOUGH, circumstances={"treated_before": False}), "treatment_history")
    assert state.standing is Standing.RECEIVED
    assert state.remark == "No treatment was given."
    given = item(replace(ENOUGH, circumstances={"treated_before": True}), "treatment_history")
    assert given.need is Need.REQUIRED
    assert given.blocks
    typed = replace(ENOUGH, circumstances={"treated_before": True}, entries={"treatment": 1})
    assert item(typed, "treatment_history").settled


@pytest.mark.parametrize(
    ("fill", "line"), [("medication", "medication"), ("patient_questions", "question")]
)
def test_a_typed_line_settles_its_item(fill: str, line: str) -> None:
    assert item(Facts(), fill).standing is Standing.OUTSTANDING
    assert item(Facts(entries={line: 1}), fill).standing is Standing.RECEIVED


def test_biomarkers_are_received_typed_or_as_a_report_and_partly_in_between() -> None:
    none = item(ENOUGH, "biomarkers")
    some = item(replace(ENOUGH, markers=frozenset({"msi"})), "biomarkers")
    every = item(replace(ENOUGH, markers=frozenset(PANCREAS.markers)), "biomarkers")
    report = replace(ENOUGH, documents={"d1": frozenset({"biomarker_report"})})
    assert (none.standing, some.standing) == (Standing.OUTSTANDING, Standing.PARTLY)
    assert "MSI or mismatch repair" not in some.missing
    assert every.standing is Standing.RECEIVED
    assert item(report, "biomarkers").standing is Standing.RECEIVED
    assert item(report, "biomarkers").remark.startswith("Not typed yet: MSI")


def test_slides_are_received_when_all_of_them_arrived() -> None:
    wanted = {"pathology_review": True}
    listed = replace(ENOUGH, circumstances=wanted, specimens=2, specimens_here=1)
    assert item(listed, "slides").remark == "1 of 2 arrived."
    assert item(listed, "slides").blocks
    arrived = replace(listed, specimens_here=2)
    assert item(arrived, "slides").standing is Standing.RECEIVED
    assert not item(replace(listed, circumstances={}), "slides").blocks


@pytest.mark.parametrize("asker", ["hospital", "doctor", "relative", "friend"])
def test_whoever_asks_for_another_needs_that_persons_consent(asker: str) -> None:
    without = replace(ENOUGH, consent=ConsentFacts(asker, given=False))
    assert judged(without).blocking == ("The patient's consent is not recorded.",)
    assert judged(replace(ENOUGH, consent=ConsentFacts(asker, given=True))).complete


def test_the_patient_needs_no_consent_but_may_revoke_one() -> None:
    assert judged(replace(ENOUGH, consent=ConsentFacts("patient", given=False))).complete
    revoked = ConsentFacts("patient", given=False, revoked=True)
    assert judged(replace(ENOUGH, consent=revoked)).blocking == (
        "The patient has revoked the consent.",
    )


def test_what_is_wanted_begins_with_the_required_and_leaves_out_the_welcome() -> None:
    wanted = completeness(LUNG, Facts()).wanted
    needs = [one.need for one in wanted]
    assert needs == sorted(needs, key=lambda need: need is not Need.REQUIRED)
    assert Need.WELCOME not in needs
    assert {"lung_function", "images"} <= {one.item.id for one in wanted}


def test_the_count_of_settled_items_is_by_need() -> None:
    assert judged(ENOUGH).settled_of(Need.REQUIRED) == (3, 3)
    assert judged(Facts()).settled_of(Need.REQUIRED) == (0, 3)
