"""MR and PET whose headers lie or say too little, and those that are in order and must not be blamed."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID

from server.imaging.assessing import assess
from server.imaging.choosing import is_candidate
from server.imaging.facts import SeriesFacts, facts_of
from server.imaging.findings import Verdict
from server.imaging.headers import Header, of_dataset, of_json
from server.imaging.phase import Phase, PhaseReading
from server.imaging.protocols import protocol_named
from server.imaging.roles import Role
from server.imaging.sequences import Kind, b_values_of, kind_of
from server.imaging.stored import from_json, to_json
from server.imaging.tracer import Tracer, tracer_of
from tests.imaging.made_series import AXIAL, CORONAL, MR, ON, header, liver, series

PT = "1.2.840.10008.5.1.4.1.1.128"
SAGITTAL = ("0", "1", "0", "0", "0", "-1")
T2: dict[str, Any] = {"EchoTime": 100, "RepetitionTime": 4500, "SliceThickness": 3}
T1: dict[str, Any] = {
    "EchoTime": 1.4,
    "RepetitionTime": 4,
    "SliceThickness": 3,
    "MRAcquisitionType": "3D",
}
PLACES = [3.3 * number for number in range(30)]


def mr(uid: str, text: str, places: list[float] = PLACES, **other: Any) -> list[Header]:
    """An MR series whose slices lie at these places along their normal."""
    along = {AXIAL: 2, CORONAL: 1, SAGITTAL: 0}[other.get("ImageOrientationPatient", AXIAL)]
    images = []
    for number, place in enumerate(places, 1):
        position = [-110.0, -110.0, -110.0]
        position[along] = place
        usual = {
            "SOPClassUID": MR,
            "Modality": "MR",
            "SeriesDescription": text,
            "SeriesInstanceUID": f"1.2.3.{uid}",
            "SOPInstanceUID": f"1.2.3.{uid}.{number}",
            "Rows": 256,
            "Columns": 256,
            "PixelSpacing": ["0.9", "0.9"],
            "ImagePositionPatient": position,
            "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        }
        values = {name: one(number) if callable(one) else one for name, one in other.items()}
        images.append(header(number, **{**usual, **values}))
    return images


def rectum(**other: list[Header]) -> list[list[Header]]:
    """All that a radiologist wants of a rectum, with single series replaced."""
    usual = {
        "axial": mr("1", "T2 tse tra", **T2),
        "sagittal": mr("2", "T2 tse sag", ImageOrientationPatient=SAGITTAL, **T2),
        "coronal": mr("3", "T2 tse cor", ImageOrientationPatient=CORONAL, **T2),
        "diffusion": diffusion("ep2d_diff", DiffusionBValue=800),
    }
    return list({**usual, **other}.values())


def diffusion(text: str, places: list[float] = PLACES, **other: Any) -> list[Header]:
    coarse: dict[str, Any] = {
        "Rows": 128,
        "Columns": 128,
        "PixelSpacing": ["2.6", "2.6"],
        "SliceThickness": 4,
    }
    return mr("4", text, places, **{**coarse, **other})


def judged(stacks: list[list[Header]], protocol: str) -> tuple[dict[str, str], Verdict]:
    found = assess([facts_of(one) for one in stacks], [protocol_named(protocol)], ON)
    beside = ("missing_pet_ct", "missing_chest_ct", "missing_abdomen_ct", "body_size_missing")
    severities = {one.id: one.severity.printed for one in found.findings if one.id not in beside}
    return severities, found.verdict


def test_a_rectum_as_it_should_be_is_not_blamed() -> None:
    assert judged(rectum(), "rectum-mri") == ({}, Verdict.ADEQUATE)


@pytest.mark.parametrize(
    ("which", "images", "id_", "verdict"),
    [
        ("axial", mr("1", "ax T2", PLACES[:5], **T2), "coverage_short", Verdict.INADEQUATE),
        ("axial", mr("1", "ax T2 loc", **T2), "missing_t2_axial", Verdict.INADEQUATE),
        ("axial", mr("1", "ax T2", **T1), "sequence_doubtful", Verdict.INADEQUATE),
        ("diffusion", diffusion("ep2d_diff", DiffusionBValue=50), "diffusion_weak",
         Verdict.LIMITED),
        ("diffusion", diffusion("ep2d_diff"), "diffusion_unknown", Verdict.ADEQUATE),
    ],
)  # fmt: skip
def test_what_a_series_of_the_rectum_lacks_is_said(
    which: str, images: list[Header], id_: str, verdict: Verdict
) -> None:
    found, reached = judged(rectum(**{which: images}), "rectum-mri")
    assert id_ in found
    assert reached is verdict


def test_b_values_in_the_makers_own_attributes_double_no_slice() -> None:
    thrice = [place for place in PLACES for _ in range(3)]
    found, verdict = judged(rectum(diffusion=diffusion("diff b0_400_800", thrice)), "rectum-mri")
    assert (found, verdict) == ({}, Verdict.ADEQUATE)


@pytest.mark.parametrize(
    ("said", "b_values"),
    [
        ({"DiffusionBValue": 800, "SeriesDescription": "b50"}, (800,)),
        ({"SequenceName": "*ep_b800t", "SeriesDescription": "b50"}, (800,)),
        ({"SeriesDescription": "ep2d_diff_b50_400_800_tra"}, (50, 400, 800)),
        ({"SeriesDescription": "DWI b=1000"}, (1000,)),
        ({"SeriesDescription": "DWI tra"}, ()),
    ],
)
def test_b_values_are_read_where_they_are(said: dict[str, Any], b_values: tuple[int, ...]) -> None:
    assert b_values_of([header(**said)]) == b_values


@pytest.mark.parametrize(
    ("description", "timing", "kind"),
    [
        ("Difusão b800", {}, Kind.DIFFUSION),
        ("拡散強調", {}, Kind.DIFFUSION),
        ("ADC图", {}, Kind.ADC),
        ("T1 同相位", {}, Kind.T1_IN_OUT),
        ("T1 dinâmico", {}, Kind.T1_DYNAMIC),
        ("colangio RM 3D", {}, Kind.MRCP),
        ("3D cor", {"EchoTime": 700, "RepetitionTime": 3000}, Kind.MRCP),
        ("FAT: Ax LAVA", {}, Kind.UNKNOWN),
        ("ax T2", {"EchoTime": 4}, Kind.UNKNOWN),
        ("t1_fl2d", {"EchoTime": lambda n: (2.3, 4.6)[n % 2]}, Kind.T1_IN_OUT),
        ("T1 vibe", {"EchoTime": 90}, Kind.UNKNOWN),
        ("T1 opposition de phase", {}, Kind.T1_IN_OUT),
        ("T1 gegenphasig", {}, Kind.T1_IN_OUT),
        ("T1 OP", {}, Kind.T1_IN_OUT),
        ("逆位相", {}, Kind.T1_IN_OUT),
        ("T2 con supresión grasa", {}, Kind.T2_FAT_SAT),
        ("T2 脂肪抑制", {}, Kind.T2_FAT_SAT),
        ("DWIBS", {}, Kind.DIFFUSION),
        ("CPRM", {}, Kind.MRCP),
        ("T2* map", {}, Kind.UNKNOWN),
        ("T1 mapping", {}, Kind.UNKNOWN),
    ],
)
def test_the_kind_of_a_sequence_is_told_in_many_languages_and_by_its_echoes(
    description: str, timing: dict[str, Any], kind: Kind
) -> None:
    assert facts_of(mr("1", description, **timing)).kind is kind


@pytest.mark.parametrize(
    "text", ["MRCP loc", "3-pl Loc", "Survey", "ASSET calibration", "repérage", "位置決め"]
)
def test_planning_images_are_localisers_in_other_words_too(text: str) -> None:
    assert facts_of(mr("1", text)).role is Role.LOCALISER


def test_kinds_of_picture_are_no_moments_of_a_dynamic_series() -> None:
    kinds = ("IN_PHASE", "OPP_PHASE", "WATER", "FAT")
    fourfold = [place for place in PLACES for _ in kinds]

    def of_dixon(number: int) -> list[str]:
        return ["DERIVED", "PRIMARY", "DIXON", kinds[number % 4]]

    native = facts_of(mr("1", "LAVA Flex nativ", fourfold, ImageType=of_dixon, **T1))
    wants = {want.id: want for want in protocol_named("liver-mri").wants}
    fits = {
        id_
        for id_, want in wants.items()
        if is_candidate(native, protocol_named("liver-mri"), want)
    }
    assert (native.spacing.passes, native.spacing.duplicates_mm) == (4, ())
    assert fits == {"native", "t1_in_out"}


def test_a_dynamic_dixon_series_is_told_apart_by_moment_and_kind() -> None:
    places = [place for place in PLACES for _ in range(6)]
    both = mr(
        "1", "LAVA Flex dyn", places,
        ImageType=lambda n: ["DERIVED", "PRIMARY", "DIXON", ("WATER", "FAT")[n % 2]],
        TemporalPositionIdentifier=lambda n: (n - 1) // 2 % 3 + 1,
    )  # fmt: skip
    facts = facts_of(both)
    assert (facts.spacing.passes, facts.spacing.duplicates_mm) == (6, ())
    protocol = protocol_named("liver-mri")
    assert all(is_candidate(facts, protocol, want) for want in protocol.wants[:3])


@pytest.mark.parametrize(
    ("images", "id_", "verdict"),
    [
        (mr("1", "brain t1 KM", [0.0, 5.0, 10.0], **T1), "coverage_short", Verdict.INADEQUATE),
        (mr("1", "brain DWI", [5.0 * n for n in range(25)]), "missing_brain", Verdict.INADEQUATE),
        (mr("1", "brain t1", [4.0 * n for n in range(35)], **T1), "missing_brain_contrast",
         Verdict.LIMITED),
    ],
)  # fmt: skip
def test_a_brain_needs_its_length_its_anatomy_and_contrast(
    images: list[Header], id_: str, verdict: Verdict
) -> None:
    found, reached = judged([images], "brain-mri")
    assert id_ in found
    assert reached is verdict


PLANAR: dict[str, Any] = {"ScanningSequence": "EP", "EchoTime": 60, "RepetitionTime": 6000}


def private(group: int, creator: str, offset: int, vr: str, value: Any, **other: Any) -> Dataset:
    """A diffusion image with its b-value in an attribute of a maker's own alone."""
    image = Dataset()
    image.SOPClassUID, image.Modality, image.SeriesDescription = UID(MR), "MR", "pelvis"
    for keyword, one in {**PLANAR, **other}.items():
        setattr(image, keyword, one)
    image.private_block(group, creator, create=True).add_new(offset, vr, value)
    return image


GE, SIEMENS = (0x0043, "GEMS_PARM_01", 0x39, "IS"), (0x0019, "SIEMENS MR HEADER", 0x0C, "IS")
PHILIPS = (0x2001, "Philips Imaging DD 001", 0x03, "FL")
UNITED = (0x0065, "Image Private Header", 0x09, "FD")


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(
    ("image", "b"),
    [
        (private(*GE, [1000000800, 8, 0, 0]), (800,)),
        (private(*GE, [800, 8, 0, 0]), (800,)),
        (private(*SIEMENS, "800"), (800,)),
        (private(*PHILIPS, 800.0), (800,)),
        (private(*UNITED, 800.0), (800,)),
        (private(0x0043, "GEMS_ACQU_01", 0x39, "IS", "800"), ()),
        (private(0x0019, "GEMS_PARM_01", 0x0C, "IS", "800"), ()),
        (private(*SIEMENS, "800000"), ()),
        (private(*GE, "800", SeriesDescription="Ax LAVA", ScanningSequence="GR"), ()),
    ],
)
def test_a_makers_own_b_value_is_read_where_its_creator_is_that_maker(
    image: Dataset, b: tuple[int, ...], implicit: bool
) -> None:
    stream = BytesIO()
    image.save_as(stream, implicit_vr=implicit, little_endian=True)
    stream.seek(0)
    read = dcmread(stream, force=True)
    for headers in (of_dataset(read), of_json(image.to_json_dict())):
        kind, why = kind_of(headers)
        assert (b_values_of(headers) if kind is Kind.DIFFUSION else ()) == b
        assert not b or "private attribute of" in why


def test_b_values_of_canon_stand_in_the_comments_of_canon_alone() -> None:
    for manufacturer, b in (("CANON_MEC", (1000,)), ("SIEMENS", ())):
        image = Dataset()
        image.Modality, image.SOPClassUID, image.Manufacturer = "MR", UID(MR), manufacturer
        image.SeriesDescription, image.ImageComments = "DWI", "b=1000(0.445,0.000,0.895)"
        assert b_values_of(of_dataset(image)) == b


# PET

WHOLE_PET: dict[str, Any] = {
    "SOPClassUID": PT,
    "Modality": "PT",
    "SliceThickness": 5,
    "CorrectedImage": ["DECY", "ATTN"],
    "Units": "BQML",
    "DecayCorrection": "START",
    "RadionuclideTotalDose": "300000000",
    "RadionuclideHalfLife": "6586.2",
    "RadiopharmaceuticalStartTime": "233000",
    "Radiopharmaceutical": "FDG -- fluorodeoxyglucose",
    "AcquisitionTime": "003000",
}


def pet(**other: Any) -> SeriesFacts:
    return facts_of(mr("1", "PET WB", [5.0 * n for n in range(200)], **{**WHOLE_PET, **other}))


@pytest.mark.parametrize(
    ("other", "lacks", "minutes"),
    [
        ({}, (), 60),
        ({"Units": "CNTS"}, ("units",), 60),
        ({"Units": "CNTS", "Manufacturer": "Philips Medical Systems"}, (), 60),
        ({"Units": "GML", "RadionuclideTotalDose": None}, (), 60),
        ({"DecayCorrection": "NONE"}, ("decay",), 60),
        ({"RadionuclideTotalDose": "0"}, ("dose",), 60),
        ({"RadiopharmaceuticalStartTime": None}, ("injection_time",), None),
        ({"RadiopharmaceuticalStartTime": "120000"}, ("injection_time",), None),
        ({"DecayCorrection": "ADMIN", "RadionuclideHalfLife": None}, (), 60),
        ({"Radiopharmaceutical": "PSMA-1007"}, (), None),
    ],
)
def test_what_uptake_values_of_a_pet_lack_is_told(
    other: dict[str, Any], lacks: tuple[str, ...], minutes: int | None
) -> None:
    facts = pet(**other)
    assert (facts.uptake_lacks, facts.uptake_min) == (lacks, minutes)
    assert from_json(to_json(facts)).uptake_lacks == lacks


@pytest.mark.parametrize(
    ("started", "said"),
    [("233000", None), ("231000", "info"), ("234500", "info"), ("235000", "advice")],
)
def test_a_pet_taken_early_or_late_is_said(started: str, said: str | None) -> None:
    found = assess([pet(RadiopharmaceuticalStartTime=started)], [protocol_named("pet-ct")], ON)
    severities = {one.id: one.severity.printed for one in found.findings}
    assert severities.get("pet_uptake_time") == said


def test_the_tracer_is_read_from_a_file_and_from_the_archives_metadata() -> None:
    image, tracer = Dataset(), Dataset()
    image.SOPClassUID, image.Modality = UID(PT), "PT"
    image.Units, image.DecayCorrection, image.AcquisitionTime = "BQML", "START", "080000"
    tracer.RadiopharmaceuticalStartTime, tracer.Radiopharmaceutical = "070000", "FDG"
    tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = 3e8, 6586.2
    image.RadiopharmaceuticalInformationSequence = [tracer]
    for headers in (of_dataset(image), of_json(image.to_json_dict())):
        assert tracer_of(headers) == Tracer((), 60)


def test_an_enhanced_pet_is_judged_like_the_others() -> None:
    image, tracer, unit, mapping, shared = (Dataset() for _ in range(5))
    image.SOPClassUID, image.Modality, image.NumberOfFrames = UID(f"{PT[:-3]}130"), "PT", 2
    image.AttenuationCorrected = image.DecayCorrected = "YES"
    image.DecayCorrectionDateTime = "20261110080000"
    tracer.RadiopharmaceuticalStartDateTime, tracer.Radiopharmaceutical = "20261110070000", "FDG"
    tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = 3e8, 6586.2
    image.RadiopharmaceuticalInformationSequence = [tracer]
    unit.CodeValue, unit.CodingSchemeDesignator = "Bq/ml", "UCUM"
    mapping.MeasurementUnitsCodeSequence = [unit]
    shared.RealWorldValueMappingSequence = [mapping]
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = [Dataset(), Dataset()]
    for place, frame in enumerate(image.PerFrameFunctionalGroupsSequence):
        lies, taken = Dataset(), Dataset()
        lies.ImagePositionPatient = [0, 0, 5 * place]
        taken.FrameAcquisitionDateTime = "20261110080000"
        frame.PlanePositionSequence, frame.FrameContentSequence = [lies], [taken]
    for headers in (of_dataset(image), of_json(image.to_json_dict())):
        facts = facts_of(headers)
        assert (facts.role, facts.images, facts.attenuation_corrected) == (Role.PET, 2, True)
        assert (facts.uptake_lacks, facts.uptake_min) == ((), 60)
    del image.DecayCorrectionDateTime
    unit.CodeValue = "{counts}/s"
    assert tracer_of(of_dataset(image)).lacks == ("units", "decay")


def test_a_projection_of_a_pet_is_no_pet() -> None:
    assert pet(ImageType=["DERIVED", "SECONDARY", "MIP"]).role is Role.MIP


# CT


def test_a_series_that_is_called_what_is_missing_is_explained() -> None:
    lie = series(
        Phase.PORTAL_VENOUS,
        "1.2.3.77",
        pixel_phase=PhaseReading(Phase.ARTERIAL_LATE, 0.9, ("seen",)),
        description="portal venous",
    )
    kept = [one for one in liver() if one.phase.used is not Phase.PORTAL_VENOUS]
    found = assess([*kept, lie], [protocol_named("liver-ct")], ON)
    (said,) = [one for one in found.findings if one.id == "phase_disagreement"]
    assert said.subjects == ("1.2.3.77",)
    assert found.verdict is Verdict.INADEQUATE


def test_a_chest_that_is_called_with_contrast_and_shows_none_is_explained() -> None:
    lie = series(
        header_phase=PhaseReading(Phase.INDETERMINATE, 0.0, ("said",), contrast=True),
        pixel_phase=PhaseReading(Phase.NATIVE, 0.9, ("seen",), contrast=False),
        regions_said=frozenset({"chest"}),
    )
    found = {one.id for one in assess([lie], [protocol_named("lung")], ON).findings}
    assert {"missing_chest_contrast", "phase_disagreement"} <= found


def test_a_thumbnail_is_neither_adequate_nor_does_it_tell_a_phase() -> None:
    small = [replace(one, rows=96, columns=96) for one in liver()]
    found = assess(small, [protocol_named("liver-ct")], ON)
    assert found.verdict is Verdict.INADEQUATE
    assert not any(one.can_be_looked_at for one in small)
    assert all(replace(one, rows=128, columns=128).can_be_looked_at for one in small)
