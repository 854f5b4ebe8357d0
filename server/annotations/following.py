"""Target lesions followed over a patient's time points: RECIST 1.1, and mRECIST for the liver.

Reads the targets that every organ's form holds (`target_1` to `target_5`, `response`) from the signed
answers of earlier cases and the ones at hand. The first time point that names a target is the baseline.
Pure; the criteria themselves stand in `server.annotations.response`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.annotations.decision import Answers
from server.annotations.organs.organ import Organ
from server.annotations.organs.scale import group, number_of, word_of
from server.annotations.response import (
    MOST_TARGETS,
    Assessment,
    MeasurementsRefused,
    NonTarget,
    Target,
    Visit,
    baseline_problems,
    mrecist,
    recist_1_1,
    sum_mm,
)

SLOTS: Final = tuple(f"target_{number}" for number in range(1, MOST_TARGETS + 1))
_NODES: Final = ("lymph_node", "portal_node")
_NON_TARGET: Final = tuple(one.value for one in NonTarget)


@dataclass(frozen=True)
class Followed:
    """What one set of criteria makes of the targets: the sum in mm, and the response to a baseline.

    `assessment` is None at a baseline and where nothing can be compared; `notes` say why, and what was
    taken for granted.
    """

    criteria: str
    sum_mm: float | None
    assessment: Assessment | None
    notes: tuple[str, ...]

    @property
    def label(self) -> str:
        """The response in words, or that this is where counting begins."""
        return self.assessment.response.label if self.assessment else "Baseline"

    @property
    def text(self) -> str:
        """Numbers and reasons in one line."""
        if self.assessment is None:
            return "" if self.sum_mm is None else f"Sum of diameters {self.sum_mm:g} mm."
        found = [self.assessment.because]
        for words, percent in (
            ("baseline", self.assessment.from_baseline_percent),
            ("nadir", self.assessment.from_nadir_percent),
        ):
            if percent is not None:
                found.append(f"{percent:+.1f} % against the {words}.")
        return " ".join(found)

    def to_json(self) -> dict[str, Any]:
        """The response as plain JSON values."""
        return {
            "criteria": self.criteria,
            "label": self.label,
            "text": self.text,
            "sum_mm": self.sum_mm,
            "assessment": self.assessment.to_json() if self.assessment else None,
            "notes": list(self.notes),
        }


def followed(organ: Organ, answers: Answers, earlier: Sequence[Answers]) -> list[Followed]:
    """The responses at `answers`; `earlier` are the time points before, oldest first.

    Empty where no target is named at any of them. Never raises for answers of a wrong shape.
    """
    found = [_followed("RECIST 1.1", "diameter_mm", answers, earlier)]
    if "viable_mm" in organ.schema["properties"][SLOTS[0]]["properties"]:
        found.append(_followed("mRECIST", "viable_mm", answers, earlier))
    return [one for one in found if one is not None]


def _followed(
    criteria: str, key: str, answers: Answers, earlier: Sequence[Answers]
) -> Followed | None:
    since = next((at for at, one in enumerate(earlier) if _slots(one, key)), None)
    if since is None:
        slots = _slots(answers, key)
        if not slots:
            return None
        targets = _targets(answers, slots, key)
        notes = tuple(problem.message for problem in baseline_problems(targets))
        return Followed(criteria, sum_mm(targets), None, notes)
    slots = _slots(earlier[since], key)
    visits = [_visit(one, slots, key) for one in (*earlier[since:], answers)]
    judge = recist_1_1 if criteria == "RECIST 1.1" else mrecist
    notes = _notes(answers, slots, key)
    try:
        assessment = judge(visits[0], visits[1:-1], visits[-1])
    except MeasurementsRefused as refused:
        return Followed(criteria, None, None, (refused.detail, *notes))
    return Followed(criteria, assessment.sum_mm, assessment, notes)


def _slots(answers: Answers, key: str) -> tuple[str, ...]:
    """The targets that have a size, or are said to be too small for one."""
    return tuple(
        slot
        for slot in SLOTS
        if number_of(group(answers, slot).get(key)) is not None
        or group(answers, slot).get("too_small") is True
    )


def _targets(answers: Answers, slots: Sequence[str], key: str) -> tuple[Target, ...]:
    return tuple(_target(group(answers, slot), slot, key) for slot in slots)


def _target(given: Mapping[str, Any], slot: str, key: str) -> Target:
    site = given.get("site")
    return Target(
        organ=str(site or slot),
        mm=number_of(given.get(key)),
        node=site in _NODES,
        portal_node=site == "portal_node",
        too_small=given.get("too_small") is True,
    )


def _visit(answers: Answers, slots: Sequence[str], key: str) -> Visit:
    beside = group(answers, "response")
    word = word_of(beside.get("non_target"), _NON_TARGET)
    targets = _targets(answers, slots, key)
    return Visit(
        # A target is the same lesion by its number, whatever its site is called later.
        targets=tuple(
            Target(slot, one.mm, one.node, one.portal_node, one.too_small)
            for slot, one in zip(slots, targets, strict=True)
        ),
        non_target=NonTarget(word) if word else NonTarget.NOT_EVALUATED,
        new_lesion=beside.get("new_lesion") is True,
        multiphase=beside.get("multiphase") is not False,
    )


def _notes(answers: Answers, slots: Sequence[str], key: str) -> tuple[str, ...]:
    """What was not said, and is taken as none."""
    beside, notes = group(answers, "response"), []
    if not isinstance(beside.get("new_lesion"), bool):
        notes.append("Not stated whether there is a new lesion.")
    if word_of(beside.get("non_target"), _NON_TARGET) is None:
        notes.append("Non-target lesions not stated.")
    if key == "viable_mm" and not isinstance(beside.get("multiphase"), bool):
        notes.append("Not stated whether there is an arterial phase; taken as there.")
    added = [slot.replace("_", " ") for slot in _slots(answers, key) if slot not in slots]
    if added:
        notes.append(f"Not followed since the baseline, and not counted: {', '.join(added)}.")
    return tuple(notes)
