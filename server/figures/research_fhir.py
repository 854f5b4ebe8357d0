"""The coded findings of an opinion as FHIR R4 Observations of nobody. Pure.

What may leave is listed; everything else of the opinion's own bundle stays behind: people, organisations,
studies, report, narrative, notes, texts, days, identifiers, and ids, which are made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from server.opinions.fhir_parts import reference, resource

_CODING: Final = ("system", "code")
_QUANTITY: Final = ("value", "unit", "system", "code")
_PLAIN: Final = ("status", "valueInteger", "valueBoolean")
_CONCEPTS: Final = ("code", "valueCodeableConcept", "bodySite", "method", "dataAbsentReason")


def of_nobody(bundle: Mapping[str, Any], pseudonym: str) -> dict[str, Any]:
    """A bundle of the opinion's Observations alone, about a Patient who is a pseudonym."""
    patient = resource("Patient", f"research {pseudonym}")
    found = [
        one["resource"]
        for one in bundle["entry"]
        if one["resource"]["resourceType"] == "Observation"
    ]
    kept = [
        resource(
            "Observation",
            f"research {pseudonym} {place}",
            subject=reference(patient),
            **_kept(one),
        )
        for place, one in enumerate(found)
    ]
    return {
        **resource("Bundle", f"research {pseudonym}", type="collection"),
        "identifier": {"system": "urn:margin:research", "value": pseudonym},
        "entry": [
            {"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in (patient, *kept)
        ],
    }


def _kept(said: Mapping[str, Any]) -> dict[str, Any]:
    """The elements of an Observation, or of a component of one, that may leave."""
    found: dict[str, Any] = {name: said[name] for name in _PLAIN if name in said}
    for name in _CONCEPTS:
        if name in said and (codings := _codings(said[name])):
            found[name] = {"coding": codings}
    if "valueQuantity" in said:
        quantity = said["valueQuantity"]
        found["valueQuantity"] = {key: quantity[key] for key in _QUANTITY if key in quantity}
    components = [_kept(one) for one in said.get("component", ())]
    if wanted := [one for one in components if len(one) > 1]:
        found["component"] = wanted
    return found


def _codings(concept: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {key: one[key] for key in _CODING if key in one}
        for one in concept.get("coding", ())
        if "code" in one
    ]
