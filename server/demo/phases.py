"""How the tissues of the phantoms look in each phase of a contrast study, in HU.

Attenuations follow the order of enhancement of each phase; they are plausible, not measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from server.demo.anatomy import Tissue

PhaseName = Literal["native", "arterial", "portal_venous", "delayed"]


@dataclass(frozen=True)
class Phase:
    """One pass through the body: `delay_s` after the start of the bolus (None: before any
    contrast), and the attenuation in HU of what enhances.
    """

    name: PhaseName
    description: str
    series_number: int
    delay_s: int | None
    attenuation_hu: dict[Tissue, int]


ALWAYS_HU: Final[dict[Tissue, int]] = {
    Tissue.AIR: -1000,
    Tissue.TABLE: -780,
    Tissue.SKIN: 20,
    Tissue.FAT: -102,
    Tissue.MUSCLE: 54,
    Tissue.CORTICAL_BONE: 640,
    Tissue.CANCELLOUS_BONE: 190,
    Tissue.SPINAL_CANAL: 26,
    Tissue.LUNG: -860,
    Tissue.STOMACH: 14,
    Tissue.BOWEL_GAS: -920,
    Tissue.BOWEL: 26,
    Tissue.GALLBLADDER: 9,
}


def _enhancing(
    liver: int,
    spleen: int,
    cortex: int,
    medulla: int,
    aorta: int,
    cava: int,
    portal: int,
    hepatic: int,
    pancreas: int,
    tumour: int,
    rim: int,
) -> dict[Tissue, int]:
    return {
        Tissue.LIVER: liver,
        Tissue.SPLEEN: spleen,
        Tissue.KIDNEY_CORTEX: cortex,
        Tissue.KIDNEY_MEDULLA: medulla,
        Tissue.AORTA: aorta,
        Tissue.MESENTERIC_ARTERY: aorta - 6,
        Tissue.INFERIOR_VENA_CAVA: cava,
        Tissue.PORTAL_VEIN: portal,
        Tissue.HEPATIC_VEIN: hepatic,
        Tissue.PANCREAS: pancreas,
        Tissue.TUMOUR: tumour,
        Tissue.TUMOUR_RIM: rim,
    }


# A tumour that takes up less than the liver, with a rim in the arterial phase, as metastases do.
PHASES: Final[tuple[Phase, ...]] = (
    Phase(
        "native", "Abdomen native", 2, None, _enhancing(58, 47, 33, 32, 42, 40, 41, 40, 42, 38, 42)
    ),
    Phase(
        "arterial",
        "Abdomen arterial 35 s",
        3,
        35,
        _enhancing(72, 128, 185, 92, 320, 96, 128, 66, 116, 52, 104),
    ),
    Phase(
        "portal_venous",
        "Abdomen portal venous 70 s",
        4,
        70,
        _enhancing(114, 124, 192, 158, 152, 138, 174, 166, 98, 62, 92),
    ),
    Phase(
        "delayed",
        "Abdomen delayed 180 s",
        5,
        180,
        _enhancing(92, 98, 148, 162, 112, 110, 108, 106, 78, 74, 84),
    ),
)
