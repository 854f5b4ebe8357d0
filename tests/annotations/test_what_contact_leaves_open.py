"""Contact without a stated invasion is no assessed absence of one: every set leaves it open."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from server.annotations.fields import Field
from server.annotations.organs import ORGANS, Organ

Answers = dict[str, Any]


def _base(organ: Organ) -> Answers:
    """An example that can be signed as it stands."""
    return next(one for one in organ.examples().values() if not organ.to_sign(one))


def _with(answers: Answers, field: Field, value: Any) -> Answers:
    changed = deepcopy(answers)
    *groups, name = field.path
    place = changed
    for group in groups:
        place = place.setdefault(group, {})
    place[name] = value
    return changed


def _pairs(organ: Organ) -> list[tuple[str, Answers, Answers]]:
    """Each structure and vessel of the form: the same case with contact alone, and with invasion."""
    base, found = _base(organ), []
    for field in organ.fields:
        if {"contact", "invaded"} <= set(field.schema.get("enum", ())):
            touched, invaded = (_with(base, field, value) for value in ("contact", "invaded"))
            found.append((field.pointer, touched, invaded))
        elif field.path[-1] == "invaded" and field.path[0] == "vessels":
            vessel = next(one for one in organ.fields if one.path == field.path[:-1])
            touched = _with(base, vessel, {"contact_deg": 90})
            found.append((field.pointer, touched, _with(touched, field, True)))
    return found


@pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
def test_contact_alone_may_be_invasion_for_every_set_of_every_organ(organ: Organ) -> None:
    for pointer, touched, invaded in _pairs(organ):
        for open_yet, decided in zip(organ.evaluate(touched), organ.evaluate(invaded), strict=True):
            where = f"{open_yet.ruleset} at {pointer}"
            assert open_yet.worst == decided.worst, where
            if open_yet.best and decided.best:
                assert open_yet.best <= decided.best, where


def test_every_organ_that_asks_for_invasion_is_held_to_it() -> None:
    asking = {organ.id for organ in ORGANS.values() if _pairs(organ)}
    assert asking == {*ORGANS} - {"pancreas"}
