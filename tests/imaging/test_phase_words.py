"""What descriptions say of the phase, in seven languages, and what they do not say."""

from __future__ import annotations

import pytest

from server.imaging.phase import Phase
from server.imaging.phase_words import seconds_in, told_by

SAID = {
    Phase.NATIVE: [
        "CT abdomen w/o contrast", "Liver non-contrast", "UNENHANCED", "C- LIVER", "no iv contrast",
        "Leber ohne KM", "Abdomen o. KM 5.0", "Thorax nativ", "Nativphase",
        "Abdomen sans injection", "sans IV", "sin contraste", "Fase simple", "s/ contraste",
        "sem contraste", "上腹部平扫", "腹部単純CT", "造影前",
    ],
    Phase.ARTERIAL_EARLY: [
        "early arterial", "fruehe arterielle Phase", "CTA abdomen", "früharteriell", "EAP",
        "artériel précoce", "arterial precoz",
        "arterial precoce", "动脉早期", "早期動脈相",
    ],
    Phase.ARTERIAL_LATE: [
        "Abdomen arterial", "ABD_ART_1.0", "late arterial", "Pancreatic phase", "Pankreasphase",
        "Späte arterielle Phase", "temps artériel", "artériel tardif", "fase arterial tardía",
        "Fase arterial", "a.p.", "A.P. 5.0", "LAP", "C+ A", "pankreatische Phase", "动脉期",
        "動脈期", "動脈相", "膵実質相", "胰腺期",
    ],
    Phase.PORTAL_VENOUS: [
        "PV 3.0 B30f", "Portal venous", "ABD_VEN_5.0", "portalvenös", "venöse Phase", "PortVen",
        "temps portal", "veineux", "fase portal", "v.p.", "P.V. 3.0", "C+ V",
        "venosa", "portovenosa", "门静脉期", "靜脈期",
        "門脈相",
    ],
    Phase.DELAYED: [
        "Delayed", "3 min delayed", "Equilibrium", "Late venous", "Spätphase", "Spaetphase", "temps tardif",
        "phase tardive", "fase tardía", "fase tardia", "Équilibre", "延迟期", "平衡期", "平衡相",
        "ABD DEL 5.0", "C+ D",
    ],
    Phase.HEPATOBILIARY: ["T1 VIBE HBP", "eThrive_20 MIN", "Hepatobiliary", "肝胆期", "肝細胞相"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("phase", "text"), [(phase, text) for phase, texts in SAID.items() for text in texts]
)
def test_a_description_names_its_phase(phase: Phase, text: str) -> None:
    assert {one.phase for one in told_by(text)} == {phase}
    assert all(one.contrast is (phase is not Phase.NATIVE) for one in told_by(text))


@pytest.mark.parametrize(
    "text",
    [
        "Intravenous", "part of liver", "airport", "start", "Port-a-Cath", "heart 3.0", "supply",
        "departement", "Carto", "portable", "TC del abdomen", "pre-op planning", "PANCREAS 1.0",
        "Thorax 1.0 I30f 3", "", "\x00\ufffd", "rapport", "ventral", "delta", "equipment",
        "AP 1.25", "CT A/P", "T.A.P.", "C.A.P.", "T1 VIBE w/o FS", "T1 without fat sat", "T1 ohne FS",
        "T1 sans saturation", "T1 sin sat grasa", "CT w/o oral", "T1 wo fs",
    ],
)  # fmt: skip
def test_a_word_inside_another_word_names_nothing(text: str) -> None:
    assert told_by(text) == ()


@pytest.mark.parametrize(
    "text", ["mit KM", "C+ A/P", "W CONTRAST", "avec injection", "con contraste", "com contraste",
             "增强", "造影CT", "post contrast", "VNC"],
)  # fmt: skip
def test_contrast_without_a_phase_is_told_as_such(text: str) -> None:
    assert {one.phase for one in told_by(text)} == {Phase.INDETERMINATE}
    assert {one.contrast for one in told_by(text)} == {True}


@pytest.mark.parametrize(
    "text", ["W/WO CONTRAST", "with and without contrast", "mit und ohne KM", "sin y con contraste"]
)
def test_with_and_without_says_neither(text: str) -> None:
    assert {one.contrast for one in told_by(text)} == {None}


def test_seconds_are_read_and_millimetres_are_not() -> None:
    assert list(seconds_in("Abdomen arterial 35 s")) == [35]
    assert list(seconds_in("門脈相 70秒")) == [70]
    assert list(seconds_in("Abdomen 5.0 mm 120 kV 3 s 900 s")) == []
