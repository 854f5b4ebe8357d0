"""A new instance is made to belong to the patient and the study of the images beside it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

# PS3.3 C.7.1.1 and C.7.2.1: type 1 and 2, then what is copied only where the images have it.
_ALWAYS = (
    "StudyInstanceUID",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)
_WHERE_PRESENT = (
    "IssuerOfPatientID",
    "PatientAge",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "StudyDescription",
    "TimezoneOffsetFromUTC",
)
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")


def let_belong(dataset: Dataset, reference: Dataset) -> None:
    """Give `dataset` the patient and study attributes of `reference`, unvalidated: it must match
    its study even where that breaks a rule, and a warning would put identity into the log.
    """
    for keyword in (*_ALWAYS, *_WHERE_PRESENT):
        value = reference.get(keyword)
        if value in (None, ""):
            dataset.pop(keyword, None)
            if keyword in _WHERE_PRESENT:
                continue
        tag = tag_for_keyword(keyword) or 0
        plain = str(value) if isinstance(value, PersonName) else "" if value is None else value
        dataset[tag] = DataElement(
            tag, dictionary_VR(keyword), plain, validation_mode=config.IGNORE
        )


def local_time(moment: datetime, reference: Dataset) -> datetime:
    """An aware moment in the study's TimezoneOffsetFromUTC, or in UTC where it has none."""
    match = _OFFSET.fullmatch(str(reference.get("TimezoneOffsetFromUTC", "")).strip())
    if match is None:
        return moment.astimezone(UTC)
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return moment.astimezone(timezone(-offset if match[1] == "-" else offset))
