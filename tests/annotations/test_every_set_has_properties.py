"""No published set of any organ stands outside the property that worse never reads better."""

from __future__ import annotations

import importlib
import pkgutil

import tests.annotations as room
from server.annotations.organs import ORGANS
from tests.annotations import test_criteria_properties as pancreas
from tests.annotations.finding_properties import FindingProperties

# Whose own property tests judge a case by every set that the organ has.
BY_ORGAN = {"liver": "liver_properties", "gastric": "gastric", "sarcoma": "sarcoma"}
WORSE = "test_a_worse_finding_never_improves"


def worlds() -> dict[str, set[str]]:
    """The sets in the world of every organ whose properties are written once for all."""
    for one in pkgutil.iter_modules(room.__path__):
        if one.name.endswith("_properties"):
            importlib.import_module(f"{room.__name__}.{one.name}")
    found = [one.world for one in FindingProperties.__subclasses__()]
    return {world.organ.id: {variant[0] for variant in world.variants()} for world in found}


def test_every_set_of_every_organ_is_asked_whether_worse_ever_reads_better() -> None:
    covered = worlds() | {"pancreas": {ruleset for ruleset, _ in pancreas.VARIANTS}}
    for organ, module in BY_ORGAN.items():
        names = dir(importlib.import_module(f"{room.__name__}.test_{module}"))
        assert any(name.startswith(WORSE) for name in names), organ
        covered[organ] = {one.id for one in ORGANS[organ].rulesets}
    sets = {organ.id: {one.id for one in organ.rulesets} for organ in ORGANS.values()}
    # Without published criteria there is no category to improve.
    assert sets.pop("generic") == {"verdict-only"}
    assert covered == sets
