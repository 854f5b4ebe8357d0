"""The research export's Observations, of every organ: valid R4, coded, and without a word of anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fhirclient.models.bundle import Bundle  # type: ignore[import-untyped]

from server.annotations.organs import ORGANS
from server.figures.research_fhir import of_nobody
from server.opinions.fhir import fhir_bundle
from tests.opinions.assessments import example

EXAMPLES = [(organ.id, name) for organ in ORGANS.values() for name in organ.examples()]
# What may be text in such a bundle: addresses of code systems, codes, units, ids and references.
PLAIN = {"resourceType", "id", "fullUrl", "reference", "system", "code", "unit", "status", "type"}


def texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Every string with the name of its element."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, list):
        for one in value:
            yield from texts(one, name)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from texts(one, key)


@pytest.mark.parametrize(("organ", "name"), EXAMPLES)
def test_the_observations_of_every_organ_are_valid_and_hold_codes_alone(
    organ: str, name: str
) -> None:
    said = of_nobody(fhir_bundle(example(organ, name)), "0123456789abcdef0123")
    # fhirclient's models are of R4 (4.0.1): unknown, missing and mistyped elements raise.
    assert Bundle(said, strict=True).as_json() == said
    observations = [one["resource"] for one in said["entry"]][1:]
    assert observations
    for one in observations:
        assert one["code"]["coding"], json.dumps(one)
    assert {key for key, _ in texts(said)} - PLAIN == {"value"}
