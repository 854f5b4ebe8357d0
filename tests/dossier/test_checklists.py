"""The checklists as data: every organ has one, every item says why and where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.annotations.organs import ORGANS
from server.dossier import checklist
from server.dossier.checklist import Checklist, ChecklistBroken, Need, chosen, of_organ

ALL = list(checklist.checklists().values())
REQUIREMENT_5 = {"her2", "cldn18_2", "pd_l1", "msi", "fgfr2b", "kras_g12c", "egfr"}


@pytest.mark.parametrize("organ", sorted(ORGANS))
def test_every_organ_has_a_checklist_of_its_own(organ: str) -> None:
    assert of_organ(organ)[0].id == organ


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
def test_every_item_says_why_in_which_format_and_from_which_requirement(one: Checklist) -> None:
    for item in one.items:
        assert item.why.endswith(".")
        assert item.format
        assert "requirement" in item.source


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
def test_the_records_of_requirement_3_and_4_stand_in_every_checklist(one: Checklist) -> None:
    assert {item.id for item in one.items} >= {
        "images",
        "question",
        "pathology_report",
        "biomarkers",
        "radiology_reports",
        "operative_report",
        "endoscopy_report",
        "oncologist_letters",
        "treatment_history",
        "medication",
        "blood_tests",
        "patient_questions",
        "slides",
    }


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
def test_an_abandoned_operation_makes_its_report_mandatory(one: Checklist) -> None:
    report = one.item("operative_report")
    assert report is not None
    assert report.need_under({}) is Need.WELCOME
    assert report.need_under({"operated_before": True}) is Need.EXPECTED
    assert report.need_under({"operation_abandoned": True}) is Need.REQUIRED
    both = {"operated_before": True, "operation_abandoned": True}
    assert report.need_under(both) is Need.REQUIRED
    assert report.reason_under(both) == "operation_abandoned"


def test_the_biomarkers_that_the_requirements_name_can_all_be_typed() -> None:
    known = checklist.markers()
    assert set(known) >= REQUIREMENT_5
    assert {one for one in known if known[one].trust == "source_document"} == REQUIREMENT_5
    assert all("not tested" in marker.results for marker in known.values())


def test_gastric_cancer_asks_for_its_biomarkers_and_liver_cancer_for_none() -> None:
    gastric, hcc = checklist.checklists()["gastric"], checklist.checklists()["liver-hcc"]
    assert set(gastric.markers) == {"her2", "cldn18_2", "pd_l1", "msi", "fgfr2b"}
    assert hcc.markers == ()


def test_each_cancer_asks_for_its_tumour_marker() -> None:
    asked = {
        one.id: {name for item in one.items for name in item.quantities}
        for one in checklist.checklists().values()
    }
    assert "ca19_9" in asked["pancreas"]
    assert "afp" in asked["liver-hcc"]
    assert "cea" in asked["liver-crlm"]
    assert "cea" in asked["rectum"]


def test_a_case_gets_the_checklist_chosen_for_it_or_that_of_its_organ() -> None:
    assert chosen("liver", "liver-hcc").id == "liver-hcc"
    assert chosen("liver", "").id == "liver"
    assert chosen("liver", "pancreas").id == "liver"
    assert chosen("something", "").id == "generic"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('id = "x"\norgan = "liver"\ntitle = "Liver"\nsurprise = 1', "surprise"),
        ('id = "x-y"\n[[item]]\nid = "images"\nneed = "urgent"', "urgent"),
        ('id = "x-y"\n[[item]]\nid = "images"\nkinds = ["novel"]', "novel"),
        ('id = "x-y"\n[[item]]\nid = "images"\nquantities = ["mana"]', "mana"),
        ('id = "x-y"\nmarkers = ["ozone"]', "ozone"),
        ('id = "x-y"\n[[item]]\nid = "brand_new"\ntitle = "No more is said"', "brand_new"),
        (
            'id = "x-y"\n[[item]]\nid = "images"\n[[item.raised]]\nwhen = "it_rains"\nneed = "required"',
            "it_rains",
        ),
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    real = Path(checklist.__file__).parent / "checklists"
    for name in ("core.toml", "markers.toml", "schema.json"):
        (tmp_path / name).write_bytes((real / name).read_bytes())
    filled = (
        text if "organ" in text else text.replace("\n", '\norgan = "liver"\ntitle = "Liver"\n', 1)
    )
    (tmp_path / "mine.toml").write_text(filled)
    monkeypatch.setattr(checklist, "_FOLDER", tmp_path)
    with pytest.raises(ChecklistBroken, match=r"mine\.toml") as refused:
        checklist.checklists.__wrapped__()
    assert said in str(refused.value)
