"""Words to choose from: who asks, why, how consent was given. Pure."""

from __future__ import annotations

from typing import Final

# Requirement 10: "Requests on someone else's behalf" (004 L4-7).
ASKERS: Final[dict[str, str]] = {
    "hospital": "The treating hospital",
    "doctor": "The patient's own doctor",
    "patient": "The patient",
    "relative": "A relative",
    "friend": "A friend",
}
ASKS_FOR_THEMSELVES: Final = "patient"

# Requirement 52, reasons to seek a second opinion: 001 L19 and L21; 002 L23-39.
REASONS: Final[dict[str, str]] = {
    "unresectable": "The tumour was called unresectable",
    "rare_or_complex": "Rare or complex tumour",
    "new_rare": "New diagnosis of a rare cancer",
    "borderline": "Borderline case",
    "high_risk_operation": "A high-risk operation is planned",
    "limited_experience": "Limited local experience with the operation",
    "plan_changed": "The plan was changed",
    "colorectal_metastases": "Colorectal liver metastases",
    "pancreas_borderline": "Borderline or locally advanced pancreatic cancer",
    "gastric_peritoneal": "Gastric cancer with limited peritoneal disease",
    "sarcoma_margins": "Sarcoma with borderline margins",
    "treatment_failed": "Treatment failed",
    "biomarkers_incomplete": "Biomarker testing is incomplete",
    "before_major_treatment": "Before major surgery, radiotherapy or transplantation",
    "no_options": "No options are left locally",
}

CONSENT_WAYS: Final[dict[str, str]] = {
    "written": "Signed on paper",
    "electronic": "Signed electronically",
    "by_message": "By e-mail or message",
    "spoken": "Spoken, with a witness",
    "guardian": "By a legal guardian",
}

TREATMENT_KINDS: Final[dict[str, str]] = {
    "chemotherapy": "Chemotherapy",
    "targeted": "Targeted therapy",
    "immunotherapy": "Immunotherapy",
    "radiotherapy": "Radiotherapy",
    "chemoradiotherapy": "Chemoradiotherapy",
    "surgery": "Operation",
    "operation_abandoned": "Operation begun and given up",
    "local": "Ablation, TACE, HAIC or another local treatment",
    "embolisation": "Portal vein embolisation",
    "drainage": "Drainage or stent",
    "other": "Other treatment",
}
OPERATIONS: Final = frozenset({"surgery", "operation_abandoned"})

# RECIST 1.1: complete and partial response, stable and progressive disease.
RESPONSES: Final[dict[str, str]] = {
    "": "not said",
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progression",
    "not_assessed": "not assessed yet",
}

TASK_KINDS: Final[dict[str, str]] = {
    "reconstruction_3d": "3-D reconstruction from the centre",
    "translation": "Translation",
    "records": "Records to be asked for",
    "other": "Something else",
}

SPECIMEN_KINDS: Final[dict[str, str]] = {
    "ffpe_block": "FFPE block",
    "he_slide": "Slide, H&E",
    "ihc_slide": "Slide, immunohistochemistry",
    "unstained_slide": "Slide, unstained",
    "frozen": "Frozen tissue",
    "other": "Other",
}
