"""Words to choose from when an outcome is entered. Pure."""

from __future__ import annotations

from typing import Final

COURSES: Final[dict[str, str]] = {
    "operated": "Operated",
    "not_operated": "Not operated",
    "pending": "Not decided yet",
}
PLACES: Final[dict[str, str]] = {
    "referring_hospital": "At the referring hospital",
    "reviewing_centre": "At the reviewer's centre",
    "elsewhere": "Elsewhere",
}
# Residual tumour (R) classification of the UICC: general knowledge, not verified here.
RESECTION_MARGINS: Final[dict[str, str]] = {
    "R0": "R0, no residual tumour",
    "R1": "R1, microscopic",
    "R2": "R2, macroscopic",
    "not_known": "not known",
}
# Dindo D, Demartines N, Clavien PA. Ann Surg 2004;240:205-213: general knowledge, not verified here.
COMPLICATION_GRADES: Final[dict[str, str]] = {
    "none": "none",
    "I": "I",
    "II": "II",
    "IIIa": "IIIa",
    "IIIb": "IIIb",
    "IVa": "IVa",
    "IVb": "IVb",
    "V": "V, death",
    "not_known": "not known",
}
DEATH: Final = "V"
COMPLICATION_SOURCE: Final = "Clavien-Dindo, Ann Surg 2004;240:205-213"
CONVERTED: Final[dict[str, str]] = {
    "yes": "yes, it became resectable",
    "no": "no, tried without success",
    "not_tried": "no such treatment was given",
    "not_known": "not known",
}
# Requirements 53 to 57 and 33 name these ways to make a tumour resectable.
CONVERSION_THERAPIES: Final[dict[str, str]] = {
    "chemotherapy": "Chemotherapy",
    "chemotherapy_targeted": "Chemotherapy with a targeted drug",
    "immunotherapy": "Immunotherapy, alone or combined",
    "chemoradiotherapy": "Chemoradiotherapy",
    "intra_arterial": "HAIC, TACE or radioembolisation",
    "volume_augmentation": "Growth of the remnant (PVE, LVD, two stages)",
    "other": "Something else",
}
NOT_OPERATED_REASONS: Final[dict[str, str]] = {
    "patients_wish": "The patient's wish",
    "unfit": "Not fit for the operation",
    "progression": "Progression",
    "unresectable_at_exploration": "Unresectable at exploration",
    "other": "Something else",
}
VITAL_STATUSES: Final[dict[str, str]] = {"alive": "alive", "dead": "dead", "unknown": "not known"}
FLR_METHODS: Final[dict[str, str]] = {
    "ct_volumetry": "CT volumetry",
    "mri_volumetry": "MRI volumetry",
    "other": "another method",
}

# Requirement 43 (001 L24-31): several of them may be true of one opinion.
FINDINGS: Final[dict[str, str]] = {
    "resectable": "Resectable, though called unresectable",
    "convertible": "Could become resectable after conversion therapy",
    "other_approach": "Another surgical approach recommended",
    "neoadjuvant": "Further neoadjuvant therapy before surgery",
    "trial": "Clinical trial found",
    "confirmed": "Original plan confirmed",
}

_LIVER: Final[dict[str, str]] = {
    "right_hepatectomy": "Right hepatectomy",
    "extended_right_hepatectomy": "Extended right hepatectomy",
    "left_hepatectomy": "Left hepatectomy",
    "extended_left_hepatectomy": "Extended left hepatectomy",
    "segmental_resection": "Segmental or wedge resection",
    "two_stage_hepatectomy": "Two-stage hepatectomy",
    "alpps": "ALPPS",
    "transplantation": "Transplantation",
}
_OF_ORGAN: Final[dict[str, dict[str, str]]] = {
    "pancreas": {
        "pancreatoduodenectomy": "Pancreatoduodenectomy",
        "distal_pancreatectomy": "Distal pancreatectomy",
        "total_pancreatectomy": "Total pancreatectomy",
    },
    "liver": _LIVER,
    "perihilar": {**_LIVER, "bile_duct_resection": "Resection of the bile duct alone"},
    "rectum": {
        "anterior_resection": "Anterior resection (TME)",
        "abdominoperineal_resection": "Abdominoperineal resection",
        "pelvic_exenteration": "Pelvic exenteration",
    },
    "lung": {
        "lobectomy": "Lobectomy",
        "sleeve_resection": "Sleeve resection",
        "bilobectomy": "Bilobectomy",
        "pneumonectomy": "Pneumonectomy",
        "segmentectomy": "Segmentectomy or wedge resection",
    },
    "gastric": {
        "total_gastrectomy": "Total gastrectomy",
        "distal_gastrectomy": "Distal gastrectomy",
        "proximal_gastrectomy": "Proximal gastrectomy",
    },
    "sarcoma": {
        "multivisceral_resection": "Resection en bloc with other organs",
        "simple_resection": "Resection without other organs",
    },
}


def operations(organ: str) -> dict[str, str]:
    """The operations offered for an organ, the last one "another"."""
    return {**_OF_ORGAN.get(organ, {"resection": "Resection"}), "other": "Another operation"}
