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

GASTRIC_ARTERY: Final = _sct("23771002", "Gastric Artery")  # CID 3827
RENAL_ARTERY: Final = _sct("2841007", "Renal artery")  # CID 4
RENAL_VEIN: Final = _sct("56400007", "Renal vein")  # CID 4
COMMON_ILIAC_ARTERY: Final = _sct("73634005", "Common iliac artery")  # CID 4
COMMON_ILIAC_VEIN: Final = _sct("46027005", "Common iliac vein")  # CID 4
EXTERNAL_ILIAC_ARTERY: Final = _sct("113269004", "External iliac artery")  # CID 4
EXTERNAL_ILIAC_VEIN: Final = _sct("63507001", "External iliac vein")  # CID 4
ANATOMICAL_STRUCTURE: Final = _sct("91723000", "Anatomical Structure")  # CID 7150

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

# Other organs: hilum, rectum, lung, stomach, retroperitoneum.
ABDOMINAL_WALL_MUSCLE: Final = _sct("1142228004", "Abdominal wall muscle")  # CID 7151
ADRENAL_GLAND: Final = _sct("23451007", "Adrenal gland")  # CID 4
# CID 7600
ANTERIOR_MEDIASTINAL_LYMPH_NODE: Final = _sct("5296000", "anterior mediastinal lymph node")
BLADDER: Final = _sct("89837001", "Bladder")  # CID 4
BRACHIOCEPHALIC_VEIN: Final = _sct("8887007", "Brachiocephalic vein")  # CID 6102
BRONCHUS: Final = _sct("955009", "Bronchus")  # CID 4
CARINA: Final = _sct("28700002", "Carina")  # CID 7151
CHEST_WALL: Final = _sct("78904004", "Chest wall")  # CID 6129
COCCYX: Final = _sct("64688005", "Coccyx")  # CID 4
COLON: Final = _sct("71854001", "Colon")  # CID 4
DIAPHRAGM: Final = _sct("5798000", "Diaphragm")  # CID 7151
DUODENUM: Final = _sct("38848004", "Duodenum")  # CID 4
ESOPHAGUS: Final = _sct("32849002", "Esophagus")  # CID 7151
EXTERNAL_ILIAC_LYMPH_NODE: Final = _sct("65349008", "external iliac lymph node")  # CID 7600
HEART: Final = _sct("80891009", "Heart")  # CID 7151
HILAR_LYMPH_NODE: Final = _sct("53074004", "hilar lymph node")  # CID 7600
HYPOGASTRIC_LYMPH_NODE: Final = _sct("69255009", "hypogastric lymph node")  # CID 7600
ILIAC_LYMPH_NODE: Final = _sct("84219008", "iliac lymph node")  # CID 7600
ILIUM: Final = _sct("22356005", "Ilium")  # CID 4
INGUINAL_LYMPH_NODE: Final = _sct("8928004", "inguinal lymph node")  # CID 7600
# CID 7600
INTERLOBAR_LYMPH_NODE_OF_THE_LUNG: Final = _sct("127919002", "interlobar lymph node of the lung")
INTERNAL_ILIAC_ARTERY: Final = _sct("90024005", "Internal iliac artery")  # CID 4
INTERNAL_ILIAC_VEIN: Final = _sct("40300007", "Internal iliac vein")  # CID 7151
INTRAPULMONARY_LYMPH_NODE: Final = _sct("196662004", "intrapulmonary lymph node")  # CID 7600
KIDNEY: Final = _sct("64033007", "Kidney")  # CID 7151
LOWER_LOBE_OF_LUNG: Final = _sct("90572001", "Lower lobe of lung")  # CID 7151
# CID 7600
LOWER_PARATRACHEAL_INCLUDING_AZYGOUS_LYMPH_NODE: Final = _sct(
    "127932007", "lower paratracheal (including azygous) lymph node"
)
LUNG: Final = _sct("39607008", "Lung")  # CID 4
# CID 7600
LYMPH_NODE_OF_AORTOPULMONARY_WINDOW: Final = _sct(
    "127938006", "lymph node of aortopulmonary window"
)
# CID 7600
LYMPH_NODE_OF_THE_PULMONARY_LIGAMENT: Final = _sct(
    "127941002", "lymph node of the pulmonary ligament"
)
MEDIASTINUM: Final = _sct("72410000", "Mediastinum")  # CID 4
MIDDLE_LOBE_OF_RIGHT_LUNG: Final = _sct("72481006", "Middle lobe of right lung")  # CID 7151
MUSCLE: Final = _sct("91727004", "Muscle")  # CID 7151
NERVE: Final = _sct("91728009", "Nerve")  # CID 7151
OBTURATOR_LYMPH_NODE: Final = _sct("36086000", "obturator lymph node")  # CID 7600
# CID 7600
PARA_AORTIC_LYMPH_NODE_OF_THE_ANTERIOR_MEDIASTINUM: Final = _sct(
    "127939003", "para-aortic lymph node of the anterior mediastinum"
)
# CID 7600
PARAESOPHAGEAL_LYMPH_NODE_BELOW_CARINA: Final = _sct(
    "127940001", "paraesophageal lymph node below carina"
)
PARARECTAL_LYMPH_NODE: Final = _sct("21875007", "pararectal lymph node")  # CID 7600
PELVIC_CAVITY_TRUE: Final = _sct("816991004", "Pelvic cavity, true")  # CID 7151
PERICARDIUM: Final = _sct("76848001", "Pericardium")  # CID 7151
PERINEUM: Final = _sct("38864007", "Perineum")  # CID 4
PERIPHERAL_NERVE: Final = _sct("84782009", "Peripheral nerve")  # CID 7151
# In SNOMED CT's DICOM subset, in no context group.
PERITONEUM_SEROUS_MEMBRANE_STRUCTURE: Final = _sct(
    "15425007", "Peritoneum (serous membrane) structure"
)
PLEURA: Final = _sct("3120008", "Pleura")  # CID 7151
PROSTATE: Final = _sct("41216001", "Prostate")  # CID 4
PULMONARY_ARTERY: Final = _sct("81040000", "Pulmonary artery")  # CID 4
PULMONARY_TRUNK: Final = _sct("45341000", "Pulmonary trunk")  # CID 6102
PULMONARY_VEIN: Final = _sct("122972007", "Pulmonary vein")  # CID 4
RECTUM: Final = _sct("34402009", "Rectum")  # CID 7151
RETROPERITONEUM: Final = _sct("82849001", "Retroperitoneum")  # CID 4
# CID 7600
RETROTRACHEAL_LYMPH_NODE_MEDIASTINAL: Final = _sct(
    "127931000", "retrotracheal lymph node (mediastinal)"
)
SACRUM: Final = _sct("54735007", "Sacrum")  # CID 4
SEMINAL_VESICLE: Final = _sct("64739004", "Seminal Vesicle")  # CID 7151
SKELETAL_MUSCLE: Final = _sct("127954009", "Skeletal muscle")  # CID 7710
SMALL_INTESTINE: Final = _sct("30315005", "Small intestine")  # CID 4
SPLEEN: Final = _sct("78961009", "Spleen")  # CID 4
STOMACH: Final = _sct("69695003", "Stomach")  # CID 4
SUBCARINAL_LYMPH_NODE: Final = _sct("28330007", "subcarinal lymph node")  # CID 7600
SUBCLAVIAN_ARTERY: Final = _sct("36765005", "Subclavian artery")  # CID 4
SUPERIOR_VENA_CAVA: Final = _sct("48345005", "Superior vena cava")  # CID 4
SUPRACLAVICULAR_LYMPH_NODE: Final = _sct("76838003", "supraclavicular lymph node")  # CID 7600
SYMPHYSIS_PUBIS: Final = _sct("82561000", "Symphysis pubis")  # CID 1000
THORACIC_AORTA: Final = _sct("113262008", "Thoracic aorta")  # CID 4
TRACHEA: Final = _sct("44567001", "Trachea")  # CID 4
TRANSVERSE_COLON: Final = _sct("485005", "Transverse colon")  # CID 6210
UPPER_LOBE_OF_LUNG: Final = _sct("45653009", "Upper lobe of lung")  # CID 7151
# CID 7600
UPPER_PARATRACHEAL_LYMPH_NODE_MEDIASTINAL: Final = _sct(
    "127927006", "upper paratracheal lymph node (mediastinal)"
)
URETER: Final = _sct("87953007", "Ureter")  # CID 7151
URETHRA: Final = _sct("13648007", "Urethra")  # CID 7151
UTERUS: Final = _sct("35039007", "Uterus")  # CID 4
VAGINA: Final = _sct("76784001", "Vagina")  # CID 7151
VAGUS_NERVE: Final = _sct("88882009", "Vagus nerve")  # CID 7151
VERTEBRA: Final = _sct("51282000", "Vertebra")  # CID 7151
VERTEBRAL_FORAMEN: Final = _sct("280734009", "Vertebral foramen")  # CID 6115


def known_codes() -> dict[str, Code]:
    """Every code of this module by its value."""
    single = (code for code in globals().values() if isinstance(code, Code))
    return {code.value: code for code in (*single, *COUINAUD_SEGMENTS.values())}
