"""Orthanc's own identifiers, computed from the DICOM ones. Pure."""

from __future__ import annotations

import hashlib


def orthanc_id(
    PatientID: str,
    StudyInstanceUID: str | None = None,
    SeriesInstanceUID: str | None = None,
    SOPInstanceUID: str | None = None,
) -> str:
    """The identifier Orthanc gives to a patient, study, series or instance.

    It is the SHA-1 of the DICOM identifiers joined by `|`, each without the spaces at its ends, a
    missing one counting as empty text, written as five groups of eight hexadecimal digits (Orthanc
    Book, "Orthanc identifiers"). Because the identifiers of all levels above go into it, an
    identifier computed from a study, a series and an instance exists in the archive only if the
    three belong together.
    """
    levels = [PatientID]
    for uid in (StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID):
        if uid is None:
            break
        levels.append(uid)
    digest = hashlib.sha1(
        "|".join(level.strip() for level in levels).encode(), usedforsecurity=False
    ).hexdigest()
    return "-".join(digest[start : start + 8] for start in range(0, 40, 8))
