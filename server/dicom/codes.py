"""Codes of anatomy as DICOM uses them: SNOMED CT with the context group (CID) that lists them.

Scheme, value and meaning are those of PS3.16; the CID named in each comment is one whose table
holds the code. Where no context group has a code for exactly one structure (first jejunal branches,
second-order ducts), the nearest one above it is used and the organ's schema says `code_relation:
broader`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Code:
    """One coded concept: Code Value (0008,0100), Coding Scheme Designator (0008,0102) and Code
    Meaning (0008,0104)."""

    value: str
    scheme: str
    meaning: str


def _sct(value: str, meaning: str) -> Code:
    return Code(value, "SCT", meaning)


LIVER: Final = _sct("10200004", "Liver")  # CID 4
PANCREAS: Final = _sct("15776009", "Pancreas")  # CID 4

SUPERIOR_MESENTERIC_ARTERY: Final = _sct("42258001", "Superior mesenteric artery")  # CID 12112
MESENTERIC_ARTERY: Final = _sct("86570000", "Mesenteric artery")  # CID 3604
CELIAC_AXIS: Final = _sct("57850000", "Celiac Axis")  # CID 12112
HEPATIC_ARTERY: Final = _sct("76015000", "Hepatic artery")  # CID 3010
COMMON_HEPATIC_ARTERY: Final = _sct("66559000", "Common Hepatic Artery")  # CID 12112
PROPER_HEPATIC_ARTERY: Final = _sct("18112008", "Proper Hepatic Artery")  # CID 12112
RIGHT_HEPATIC_ARTERY: Final = _sct("69421009", "Right Branch of Hepatic Artery")  # CID 12112
LEFT_HEPATIC_ARTERY: Final = _sct("21807003", "Left Branch of Hepatic Artery")  # CID 12112
GASTRODUODENAL_ARTERY: Final = _sct("37274004", "Gastroduodenal Artery")  # CID 12112
SPLENIC_ARTERY: Final = _sct("22083002", "Splenic artery")  # CID 12112
ABDOMINAL_AORTA: Final = _sct("7832008", "Abdominal aorta")  # CID 3010

PORTAL_VEIN: Final = _sct("32764006", "Portal vein")  # CID 12114
RIGHT_PORTAL_VEIN: Final = _sct("73931004", "Right Main Branch of Portal Vein")  # CID 12114
LEFT_PORTAL_VEIN: Final = _sct("70253006", "Left Main Branch of Portal Vein")  # CID 12114
# In SNOMED CT's DICOM subset, in no context group.
UMBILICAL_PORTION: Final = _sct("284639000", "Structure of umbilical portion of portal vein")
MESENTERIC_VEIN: Final = _sct("128583004", "Mesenteric vein")  # CID 3607
SUPERIOR_MESENTERIC_VEIN: Final = _sct("90771006", "Superior Mesenteric Vein")  # CID 12114
INFERIOR_MESENTERIC_VEIN: Final = _sct("32859001", "Inferior Mesenteric Vein")  # CID 12114
SPLENIC_VEIN: Final = _sct("35819009", "Splenic vein")  # CID 12114
INFERIOR_VENA_CAVA: Final = _sct("64131007", "Inferior vena cava")  # CID 3010
HEPATIC_VEIN: Final = _sct("8993003", "Hepatic vein")  # CID 12114
RIGHT_HEPATIC_VEIN: Final = _sct("272998002", "Right Hepatic Vein")  # CID 12114
MIDDLE_HEPATIC_VEIN: Final = _sct("273099000", "Middle Hepatic Vein")  # CID 12114
LEFT_HEPATIC_VEIN: Final = _sct("273202007", "Left Hepatic Vein")  # CID 12114
INFERIOR_RIGHT_HEPATIC_VEIN: Final = _sct("397425002", "Inferior Right Hepatic Vein")  # CID 12114

BILE_DUCT: Final = _sct("28273000", "Bile duct")  # CID 4

COUINAUD_SEGMENTS: Final[dict[str, Code]] = {  # CID 7170; it does not divide IV into a and b
    "I": _sct("71133005", "Couinaud hepatic segment I"),
    "II": _sct("277956007", "Couinaud hepatic segment II"),
    "III": _sct("277957003", "Couinaud hepatic segment III"),
    "IV": _sct("277958008", "Couinaud hepatic segment IV"),
    "V": _sct("277959000", "Couinaud hepatic segment V"),
    "VI": _sct("277960005", "Couinaud hepatic segment VI"),
    "VII": _sct("277961009", "Couinaud hepatic segment VII"),
    "VIII": _sct("277962002", "Couinaud hepatic segment VIII"),
}

PRIMARY_NEOPLASM: Final = _sct("372087000", "Neoplasm, Primary")  # CID 7159
SECONDARY_NEOPLASM: Final = _sct("14799000", "Neoplasm, Secondary")  # CID 7159
LESION: Final = _sct("52988006", "Lesion")  # CID 7159
THROMBUS: Final = _sct("396339007", "Thrombus")  # CID 7156


def known_codes() -> dict[str, Code]:
    """Every code of this module by its value."""
    single = (code for code in globals().values() if isinstance(code, Code))
    return {code.value: code for code in (*single, *COUINAUD_SEGMENTS.values())}
