"""What kinds of documents there are and in which languages they come. Pure."""

from __future__ import annotations

from typing import Final

# The first words are what a coordinator reads in a list; the id is what is kept.
KINDS: Final[dict[str, str]] = {
    "pathology_report": "Pathology report",
    "biomarker_report": "Biomarker or IHC report",
    "radiology_report": "Radiology report",
    "operative_report": "Operative report",
    "endoscopy_report": "Endoscopy report",
    "clinic_letter": "Letter of an oncologist or clinic",
    "treatment_summary": "Treatment summary",
    "medication_list": "Medication list",
    "blood_tests": "Blood tests",
    "lung_function": "Lung function test",
    "questions": "Questions of the patient",
    "consent": "Consent of the patient",
    "custody": "Custody or courier paper",
    "model_3d": "3-D model or reconstruction",
    "photograph": "Photograph",
    "other": "Something else",
}
NOT_SAID: Final = "Not classified"

# ISO 639-1; the languages of the requirements' countries and their neighbours.
LANGUAGES: Final[dict[str, str]] = {
    "en": "English",
    "zh": "Chinese",
    "hi": "Hindi",
    "es": "Spanish",
    "de": "German",
    "fr": "French",
    "pt": "Portuguese",
    "it": "Italian",
    "ja": "Japanese",
    "ru": "Russian",
    "ar": "Arabic",
    "tr": "Turkish",
    "other": "another language",
}


def kind_words(kind: str) -> str:
    """A kind in words; a document that nobody looked at yet says so."""
    return KINDS.get(kind, NOT_SAID)


def language_words(language: str) -> str:
    """A language in words, or nothing where none was said."""
    return LANGUAGES.get(language, "")
