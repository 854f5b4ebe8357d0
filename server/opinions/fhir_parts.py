"""The small parts of FHIR R4 (4.0.1) that the bundle of an opinion is made of. Pure.

Codes come from the same sources as in the structured report: SNOMED CT, LOINC and DICOM where they have
one, our own scheme 99MARGIN (docs/opinion-formats.md) for everything else; none is invented.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from server.opinions.wording import printable

MARGIN: Final = "urn:margin:99MARGIN"
SCT: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
UCUM: Final = "http://unitsofmeasure.org"
DICOM_UID: Final = "urn:dicom:uid"
_SYSTEMS: Final = {"SCT": SCT, "LN": LOINC, "DCM": DCM, "99MARGIN": MARGIN}
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
_NAMESPACE: Final = uuid.UUID("6f0b8d0a-5f0e-5c57-9a83-6d0f2f6f3b11")

# The verdict's codes of 99MARGIN, as the structured report has them.
VERDICT_CODES: Final = {
    "resectable_now": ("V_RESECTABLE", "Resectable now"),
    "resectable_with_conditions": ("V_CONDITIONS", "Resectable with conditions"),
    "conversion_then_reassess": ("V_CONVERSION", "Conversion therapy, then reassess"),
    "not_resectable_here": ("V_NOT_HERE", "Not resectable at this centre"),
    "insufficient_imaging": ("V_IMAGING", "Imaging is insufficient to judge"),
    "metastatic_no_surgery": ("V_METASTATIC", "Metastatic, no surgery"),
}

Resource = dict[str, Any]


def resource(kind: str, key: str, **elements: Any) -> Resource:
    """A resource whose id follows from `key`: the same opinion gives the same ids. Elements that are
    None or empty are left out, as FHIR asks.
    """
    identity = str(uuid.uuid5(_NAMESPACE, f"{kind} {key}"))
    return {"resourceType": kind, "id": identity, **present(elements)}


def present(elements: Mapping[str, Any]) -> dict[str, Any]:
    """The elements that hold something; an underscore behind a name that Python reserves goes."""
    return {
        name.rstrip("_"): value
        for name, value in elements.items()
        if value not in (None, "", [], {}, ())
    }


def reference(to: Resource) -> dict[str, str]:
    """A reference to a resource of the same bundle."""
    return {"reference": f"urn:uuid:{to['id']}", "type": to["resourceType"]}


def coded(system: str, code: str, display: str) -> dict[str, Any]:
    """A CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def own(code: str, display: str) -> dict[str, Any]:
    """A CodeableConcept of the scheme 99MARGIN."""
    return coded(MARGIN, code, display)


def of_form(said: Mapping[str, str]) -> dict[str, Any]:
    """A CodeableConcept of a code as an organ's form gives it."""
    return coded(_SYSTEMS.get(said["scheme"], MARGIN), said["value"], said["meaning"])


def terminology(system: str, code: str, display: str) -> dict[str, Any]:
    """A CodeableConcept of one of HL7's own code systems."""
    return coded(_TERMINOLOGY + system, code, display)


def quantity(value: float, unit: str, ucum: str) -> dict[str, Any]:
    """A Quantity with its unit as printed and in UCUM."""
    return {"value": value, "unit": unit, "system": UCUM, "code": ucum}


def absent(reason: str, words: str) -> dict[str, Any]:
    """Why there is no value: a code of data-absent-reason."""
    display = reason.replace("-", " ").title()  # as HL7's code system writes it: "Not Performed"
    return {**terminology("data-absent-reason", reason, display), "text": words}


def instant(moment: datetime | None) -> str | None:
    """A moment as FHIR's instant, to the second, with its offset."""
    return moment.replace(microsecond=0).isoformat() if moment else None


def note(*texts: str) -> list[dict[str, str]]:
    """Annotations, one for each text that says something."""
    return [{"text": said(text)} for text in texts if text.strip()]


def said(text: str) -> str:
    """Free text without what no reader can show."""
    return printable(text).strip()
