"""What a series is: by what machines wrote first, by what people typed last."""

from __future__ import annotations

from typing import Any

import pytest

from server.imaging.compression import compression_of
from server.imaging.headers import Header
from server.imaging.roles import Role, role_of
from server.imaging.sequences import Kind, kind_of
from server.imaging.spacing import spacing_of
from tests.imaging.made_series import CORONAL, MR, SECONDARY_CAPTURE, header, stack

IMAGE = "1.2.840.10008.5.1.4.1.1."


def role(images: list[Header]) -> Role:
    return role_of(images, spacing_of(images)).role


def pictures(**other: Any) -> list[Header]:
    return [
        header(n, SOPClassUID=SECONDARY_CAPTURE, ImagePositionPatient=None, **other)
        for n in range(1, 4)
    ]


def test_a_stack_of_ct_is_diagnostic() -> None:
    assert role(stack([index * 2.0 for index in range(30)])) is Role.DIAGNOSTIC


@pytest.mark.parametrize(
    ("uid", "expected"),
    [
        ("66.4", Role.SEGMENTATION),
        ("88.33", Role.STRUCTURED_REPORT),
        ("88.59", Role.KEY_OBJECTS),
        ("88.67", Role.DOSE_REPORT),
        ("11.1", Role.PRESENTATION_STATE),
        ("481.3", Role.STRUCTURE_SET),
        ("104.1", Role.DOCUMENT),
        ("104.3", Role.MODEL_3D),
        ("128", Role.PET),
        ("77.1.4", Role.PHOTOGRAPH),
        ("6.1", Role.ULTRASOUND),
        ("1.1", Role.PROJECTION),
        ("12.1", Role.PROJECTION),
    ],
)
def test_the_class_decides_whatever_the_modality_says(uid: str, expected: Role) -> None:
    assert role([header(1, SOPClassUID=IMAGE + uid)]) is expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({}, Role.SECONDARY_CAPTURE),
        ({"ConversionType": "DF"}, Role.SCANNED_FILM),
        ({"ConversionType": "SD"}, Role.SCANNED_DOCUMENT),
        ({"ConversionType": "SI"}, Role.PHOTOGRAPH),
        ({"Modality": "XC"}, Role.PHOTOGRAPH),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, Role.SCREENSHOT),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, Role.SCREENSHOT),
        ({"SeriesDescription": "Dose Report"}, Role.DOSE_REPORT),
        ({"SeriesDescription": "Dosisbericht Patientenprotokoll"}, Role.DOSE_REPORT),
    ],
)
def test_what_was_captured_is_told_apart(other: dict[str, Any], expected: Role) -> None:
    assert role(pictures(**other)) is expected


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["ORIGINAL", "PRIMARY", "LOCALIZER"], Role.LOCALISER),
        (["DERIVED", "SECONDARY", "MPR"], Role.MPR),
        (["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"], Role.MPR),
        (["DERIVED", "PRIMARY", "PROJECTION IMAGE"], Role.MIP),
        (["DERIVED", "SECONDARY", "VOLREN"], Role.VOLUME_RENDERING),
        (["ORIGINAL", "PRIMARY", "DOSE_INFO"], Role.DOSE_REPORT),
    ],
)
def test_image_type_decides_before_words(types: list[str], expected: Role) -> None:
    images = stack([n * 2.0 for n in range(30)], ImageType=types, SeriesDescription="Portal")
    assert role(images) is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Topogramm 0.6", Role.LOCALISER),
        ("SmartPrep Series", Role.BOLUS_TRACKING),
        ("PreMonitoring", Role.BOLUS_TRACKING),
        ("Thin MIP ax", Role.MIP),
        ("定位像", Role.LOCALISER),
        ("Abdomen portalvenös 1.0", Role.DIAGNOSTIC),
    ],
)
def test_words_decide_last(said: str, expected: Role) -> None:
    assert role(stack([n * 2.0 for n in range(30)], SeriesDescription=said)) is expected


def test_a_ct_that_is_a_colour_picture_is_a_screenshot() -> None:
    images = stack([0.0, 2.0], SamplesPerPixel=3, PhotometricInterpretation="RGB")
    assert role(images) is Role.SCREENSHOT


@pytest.mark.parametrize("allocated", [8, 16])
def test_a_ct_of_eight_bits_was_converted(allocated: int) -> None:
    images = stack([n * 2.0 for n in range(30)], BitsAllocated=allocated, BitsStored=8)
    assert role(images) is Role.SECONDARY_CAPTURE


def test_one_place_watched_many_times_is_bolus_tracking() -> None:
    images = [header(n, 50.0, AcquisitionTime=f"1000{n:02d}") for n in range(12)]
    assert role(images) is Role.BOLUS_TRACKING


def test_ct_across_the_body_axis_is_reformatted() -> None:
    images = [
        header(
            n,
            None,
            ImageOrientationPatient=CORONAL,
            ImagePositionPatient=[0, n * 2.0, 0],
        )
        for n in range(1, 30)
    ]
    assert role(images) is Role.MPR


def test_a_few_images_in_three_directions_are_a_localiser() -> None:
    sagittal = ("0", "1", "0", "0", "0", "-1")
    images = [
        header(n * 5 + k, None, SOPClassUID=MR, Modality="MR", ImageOrientationPatient=cosines,
               ImagePositionPatient=[k * 9.0, k * 9.0, k * 9.0])
        for n, cosines in enumerate((("1", "0", "0", "0", "1", "0"), CORONAL, sagittal))
        for k in range(5)
    ]  # fmt: skip
    assert role(images) is Role.LOCALISER


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"SeriesDescription": "t1_vibe_dixon_tra_bh_in"}, Kind.T1_IN_OUT),
        ({"SeriesDescription": "T1 in/opp phase"}, Kind.T1_IN_OUT),
        ({"SeriesDescription": "eTHRIVE dyn 1"}, Kind.T1_DYNAMIC),
        ({"SeriesDescription": "t2_haste_cor"}, Kind.T2),
        ({"SeriesDescription": "T2 FS ax"}, Kind.T2_FAT_SAT),
        ({"SeriesDescription": "ep2d_diff_b50_400_800"}, Kind.DIFFUSION),
        ({"SeriesDescription": "ax", "DiffusionBValue": "800"}, Kind.DIFFUSION),
        ({"SeriesDescription": "ADC (10^-6)"}, Kind.ADC),
        ({"SeriesDescription": "MRCP radial"}, Kind.MRCP),
        ({"SeriesDescription": "ax", "EchoTime": "95", "RepetitionTime": "4000"}, Kind.T2),
        ({"SeriesDescription": "ax", "EchoTime": "2.3", "RepetitionTime": "120"}, Kind.T1),
        ({"SeriesDescription": "ax"}, Kind.UNKNOWN),
    ],
)
def test_mr_sequences_are_told_by_physics_and_words(other: dict[str, Any], expected: Kind) -> None:
    assert kind_of(stack([0.0, 4.0], SOPClassUID=MR, Modality="MR", **other))[0] is expected


@pytest.mark.parametrize(
    ("other", "lossy", "ratio", "lies"),
    [
        ({}, False, None, False),
        ({"LossyImageCompression": "00"}, False, None, False),
        ({"LossyImageCompression": "01"}, True, None, False),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": "12"}, True, 12.0, False),
        ({"LossyImageCompressionRatio": ["4", "9.5"]}, True, 9.5, False),
        (
            {"LossyImageCompression": "00", "TransferSyntaxUID": "1.2.840.10008.1.2.4.50"},
            True,
            None,
            True,
        ),
        ({"TransferSyntaxUID": "1.2.840.10008.1.2.4.51"}, True, None, True),
        ({"TransferSyntaxUID": "1.2.840.10008.1.2.4.70"}, False, None, False),
        ({"TransferSyntaxUID": "1.2.840.10008.1.2.4.90"}, False, None, False),
    ],
)
def test_loss_is_told_by_flag_ratio_and_syntax(
    other: dict[str, Any], lossy: bool, ratio: float | None, lies: bool
) -> None:
    found = compression_of([header(1), header(2, **other)])
    assert (found.is_lossy, found.ratio, found.flag_lies) == (lossy, ratio, lies)
