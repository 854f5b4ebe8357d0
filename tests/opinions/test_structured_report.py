"""The signed assessment as a DICOM structured report: written, read back by highdicom, validated."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path

import highdicom
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from server.annotations.organs import ORGANS
from server.opinions import coding
from server.opinions.assessment import AssessmentNotSigned
from server.opinions.imaging import Imaging
from server.opinions.structured_report import (
    SERIES_DESCRIPTION,
    AssessmentNotWritten,
    structured_report,
)
from tests.opinions import samples
from tests.opinions.assessments import (
    IMAGE,
    STUDY,
    assessment,
    example,
    groups,
    imaging,
    measured,
    reference,
    report,
    said,
    section,
    told,
    value_of,
)

DCIODVFY = shutil.which("dciodvfy")
EXAMPLES = [(organ.id, name) for organ in ORGANS.values() for name in organ.examples()]
DOCUMENTED = Path(__file__).parents[2] / "docs" / "opinion-formats.md"


@pytest.mark.parametrize(("organ", "name"), EXAMPLES, ids=["-".join(one) for one in EXAMPLES])
def test_every_example_of_every_organ_is_written_and_read_back(organ: str, name: str) -> None:
    signed = example(organ, name)
    read = report(signed)
    assert read.SOPClassUID == Comprehensive3DSRStorage
    assert read.content[0].ContentTemplateSequence[0].TemplateIdentifier == "1500"
    sets = section(read, "COMPUTED")
    assert [told(one.ContentSequence, "RULESET_ID") for one in sets] == [
        [one["ruleset"]] for one in signed.evaluations
    ]


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy (Debian: dicom3tools) is not installed")
@pytest.mark.parametrize("organ", ORGANS)
def test_dciodvfy_finds_no_error(organ: str, tmp_path: Path) -> None:
    assert DCIODVFY
    path = tmp_path / "report.dcm"
    for name in ORGANS[organ].examples():
        path.write_bytes(structured_report(example(organ, name), imaging()))
        done = subprocess.run([DCIODVFY, str(path)], capture_output=True, text=True, check=False)
        said_of = [line for line in done.stderr.splitlines() if "<99MARGIN>" not in line]
        assert said_of == ["Comprehensive3DSR"], f"{organ} {name}"


def test_the_report_belongs_to_patient_study_and_signer_of_the_opinion() -> None:
    read = report(example("pancreas", "head-borderline-sma"))
    assert read.SpecificCharacterSet == "ISO_IR 192"
    assert (str(read.PatientName), read.PatientID) == ("Müller^José", "P-1")
    assert (read.StudyInstanceUID, read.StudyDescription) == (STUDY, "CT Oberbauch")
    assert (read.Modality, read.SeriesDescription) == ("SR", SERIES_DESCRIPTION)
    assert (read.CompletionFlag, read.VerificationFlag) == ("COMPLETE", "VERIFIED")
    assert read.PreliminaryFlag == "PRELIMINARY"
    (observer,) = read.VerifyingObserverSequence
    assert observer.VerifyingObserverName == "Prof. A. Lindqvist^"
    assert observer.VerifyingOrganization == "Seahaven University Hospital"
    assert observer.VerificationDateTime == "20261121083015+0000"
    names = [
        one.observer_identifying_attributes.name for one in read.content.get_observer_contexts()
    ]
    assert names == ["Prof. A. Lindqvist^", "Margin"]


def test_the_same_signed_revision_gives_the_same_bytes_under_the_same_uid() -> None:
    signed = example("pancreas", "head-borderline-sma")
    assert structured_report(signed, imaging()) == structured_report(signed, imaging())
    assert report(signed).SOPInstanceUID == signed.report_instance_uid


def test_times_are_those_of_the_study() -> None:
    image = reference()
    image.TimezoneOffsetFromUTC = "+0530"
    read = report(example("pancreas", "head-resectable"), imaging(image=image))
    assert (read.ContentDate, read.ContentTime) == ("20261121", "140015")
    assert read.VerifyingObserverSequence[0].VerificationDateTime.endswith("+0530")


def test_a_vessel_carries_its_snomed_code_its_angle_and_its_coded_findings() -> None:
    found = groups(report(example("pancreas", "head-borderline-sma")))
    artery = found["Superior mesenteric artery"]
    assert [one.value.value for one in artery.finding_sites] == ["42258001"]
    assert artery.finding_type == coding.RELATION
    assert measured(artery) == {"CONTACT_ANGLE": (120.0, "deg")}
    assert said(artery) == {
        "CONTACT_STATE": "ASSESSED",
        "CONTACT_KIND": "SOLID",
        "CONTOUR": "REGULAR",
        "RECONSTRUCT": "NOT_STATED",
    }
    vein = found["Superior mesenteric and portal vein"]
    assert [one.value.value for one in vein.finding_sites] == ["90771006", "32764006"]
    assert said(vein)["CONTOUR"] == "NARROW_BOTH"
    assert said(vein)["SHORT_SEGMENT"] == coding.YES.value


def test_a_broader_code_is_narrowed_by_one_of_our_own() -> None:
    found = groups(report(example("pancreas", "head-borderline-sma")))
    (site,) = found["First jejunal branch of the SMA"].finding_sites
    assert site.value.value == "86570000"
    assert site.topographical_modifier.value == "pancreas/first_jejunal_artery"
    assert site.topographical_modifier.scheme_designator == "99MARGIN"


def test_what_was_not_assessed_is_said_and_never_an_angle() -> None:
    answers = {"vessels": {"ca": {"contact_deg": "not_visible", "note": "stent"}}}
    found = groups(report(assessment("pancreas", answers)))
    assert said(found["Coeliac axis"]) == {"CONTACT_STATE": "NOT_VISIBLE"}
    assert said(found["Aorta"]) == {"CONTACT_STATE": "NOT_ASSESSED"}
    assert all(measured(one) == {} for one in found.values())
    vessels = ORGANS["pancreas"].schema["properties"]["vessels"]["properties"]
    assert len(found) == len(vessels)


def test_questions_of_a_touched_vessel_that_were_not_answered_are_said_to_be_so() -> None:
    answers = {"vessels": {"smv_pv": {"contact_deg": 90}}}
    found = said(
        groups(report(assessment("pancreas", answers)))["Superior mesenteric and portal vein"]
    )
    assert {code for code, value in found.items() if value == "NOT_STATED"} == {
        "CONTACT_KIND",
        "CONTOUR",
        "THROMBUS",
        "RECONSTRUCT",
        "BEYOND_DUODENUM",
        "SHORT_SEGMENT",
    }


def test_structures_nodes_and_sides_of_other_organs_are_groups_too() -> None:
    answers = {
        "structures": {"ureter_left": "invaded"},
        "node_short_axis_mm": {"obturator_right": 8.5},
    }
    found = report(assessment("rectum", answers)).content.get_image_measurement_groups()
    by_side = {
        (one.finding_sites[0].value.value, one.finding_sites[0].laterality.value): one
        for one in found
        if one.finding_sites[0].laterality is not None
    }
    ureter = by_side["87953007", coding.LEFT.value]
    assert said(ureter) == {"INVOLVEMENT": "INVADED"}
    assert said(by_side["87953007", coding.RIGHT.value]) == {"INVOLVEMENT": "NOT_ASSESSED"}
    node = by_side["36086000", coding.RIGHT.value]
    assert node.finding_type == coding.NODE
    assert measured(node) == {"103340004": (8.5, "mm")}


def test_contact_that_extends_names_the_other_vessel_by_its_code() -> None:
    answers = {"vessels": {"cha": {"contact_deg": 90, "extends_to": ["ca", "hepatic_bifurcation"]}}}
    group = groups(report(assessment("pancreas", answers)))["Common hepatic artery"]
    extends = [
        one.value.value
        for one in group.get_qualitative_evaluations()
        if one.name.value == "EXTENDS_TO"
    ]
    assert extends == ["57850000", "HEPATIC_BIF"]


def test_a_line_that_names_no_structure_is_no_group() -> None:
    answers = {"vessels": {"structure_2": {"name": "Left adrenal vein", "contact_deg": 45}}}
    found = groups(report(assessment("generic", answers)))
    assert list(found) == ["Left adrenal vein"]


def test_computed_categories_and_the_surgeons_verdict_stand_apart() -> None:
    read = report(example("pancreas", "head-borderline-sma"))
    computed = section(read, "COMPUTED")
    nccn = next(one for one in computed if told(one.ContentSequence, "RULESET_ID") == ["nccn-2022"])
    assert told(nccn.ContentSequence, "CATEGORY") == ["nccn-2022/borderline"]
    assert told(nccn.ContentSequence, "RULESET_VERSION") == ["1.2022"]
    assert told(nccn.ContentSequence, "RULESET_SOURCE")
    assert any(text.startswith("N-BR-1: ") for text in told(nccn.ContentSequence, "RULE_FIRED"))
    judged = section(read, "SURGEON_OPINION")
    assert told(judged, "VERDICT")[0].startswith("V_")
    assert told(judged, "CONFIDENCE")[0].startswith("CONF_")
    assert told(judged, "SHA256") == [samples.SHA256]
    assert not {value_of(one.ConceptNameCodeSequence[0]) for one in judged} & {"CATEGORY"}


def test_an_undecided_set_gives_both_ends_and_what_is_missing() -> None:
    read = report(example("pancreas", "draft-first-minute"))
    nccn = section(read, "COMPUTED")[0].ContentSequence
    assert told(nccn, "CATEGORY") == []
    assert told(nccn, "CATEGORY_BEST") == ["nccn-2022/borderline"]
    assert told(nccn, "CATEGORY_WORST") == ["nccn-2022/locally_advanced"]
    assert told(nccn, "RULE_MISSING")


def test_the_library_names_every_series_and_one_image_of_it() -> None:
    (group,) = section(report(example("pancreas", "head-resectable")), "111028")
    uids = [item.UID for item in group.ContentSequence if item.ValueType == "UIDREF"]
    assert uids == [STUDY, f"{STUDY}.1"]
    (image,) = [item for item in group.ContentSequence if item.ValueType == "IMAGE"]
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == IMAGE
    (count,) = [item for item in group.ContentSequence if item.ValueType == "NUM"]
    assert count.MeasuredValueSequence[0].NumericValue == 120


def test_ohif_lists_it_as_text_and_draws_no_annotation_that_has_no_place() -> None:
    title = report(example("pancreas", "head-resectable")).ConceptNameCodeSequence[0]
    assert (title.CodeValue, title.CodingSchemeDesignator) == ("126001", "DCM")


def test_hostile_text_and_a_study_that_breaks_rules_are_written_all_the_same() -> None:
    answers = {"vessels": {"sma": {"contact_deg": 10, "note": samples.HOSTILE.answer}}}
    signed = assessment("pancreas", answers, answer=samples.HOSTILE.answer)
    image = reference()
    image.StudyInstanceUID = "1.2.3"
    image.PatientSex = "UNKNOWN"
    read = pydicom.dcmread(io.BytesIO(structured_report(signed, imaging(image=image))))
    assert read.PatientSex == "UNKNOWN"
    written = "".join(told(section_of(read, "SURGEON_OPINION"), "121077"))
    assert "<script>" in written
    assert not re.search("[\x00\x1b\u202e]", written)


def section_of(read: Dataset, code: str) -> list[Dataset]:
    return next(
        list(item.ContentSequence)
        for item in read.ContentSequence
        if value_of(item.ConceptNameCodeSequence[0]) == code
    )


def test_a_draft_is_not_written() -> None:
    signed = example("pancreas", "head-resectable")
    with pytest.raises(AssessmentNotSigned):
        type(signed)(samples.DRAFT, signed.organ, "r", {}, ())


def test_a_reference_that_is_no_image_of_a_study_is_refused() -> None:
    with pytest.raises(AssessmentNotWritten, match="StudyInstanceUID"):
        structured_report(example("pancreas", "head-resectable"), Imaging(Dataset()))


def test_every_question_about_a_structure_has_a_code_for_every_answer() -> None:
    for organ in ORGANS.values():
        for field in organ.fields:
            if not field.hints.get("code"):
                continue
            for child in field.children() or [field]:
                key = child.path[-1]
                concept = coding.CONCEPTS.get(key) or coding.CONCEPTS.get(field.path[0])
                texts = child.hints.get("widget") == "text"
                number = {key, field.path[0]} & set(coding.MEASURES)
                assert concept or texts or number, f"{organ.id}{child.pointer}"
                for value in () if number or not concept else child.schema.get("enum", ()):
                    assert value in concept.values, f"{organ.id}{child.pointer}: {value}"


def test_every_code_of_the_private_scheme_is_documented_and_means_one_thing() -> None:
    documented = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", DOCUMENTED.read_text(), re.M))
    used: dict[str, str] = {}
    for code in every_code():
        assert used.setdefault(code.value, code.meaning) == code.meaning
        assert len(code.value) <= 16
    assert used == {value: documented[value] for value in used}


def every_code() -> list[highdicom.sr.CodedConcept]:
    found = [one for one in vars(coding).values() if isinstance(one, Dataset)]
    for table in (coding.VOLUME_STATES, coding.CONTACT_STATES, coding.VERDICTS, coding.CONFIDENCES):
        found.extend(table.values())
    found.extend([*coding.STATUSES.values(), *coding.SPOKEN.values()])
    for concept in coding.CONCEPTS.values():
        found.extend((concept.name, *concept.values.values()))
    return [one for one in found if one.scheme_designator == coding.SCHEME]
