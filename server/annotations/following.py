"""Target lesions followed over a patient's time points: RECIST 1.1, and mRECIST for the liver.

Reads the targets that every organ's form holds (`target_1` to `target_5`, `response`) from the signed
answers of earlier cases and the ones at hand. The first time point that names a target is the baseline.
Pure; the criteria themselves stand in `server.annotations.response`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.annotations.decision import Answers
from server.annotations.evidence import EVIDENCE, why_unsupported
from server.annotations.fields import capitalised, pointer
from server.annotations.organs.organ import Organ
from server.annotations.organs.scale import group, number_of, word_of
from server.annotations.response import (
    MOST_TARGETS,
    TOO_SMALL_MM,
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
from server.annotations.slices import Slices

SLOTS: Final = tuple(f"target_{number}" for number in range(1, MOST_TARGETS + 1))
_NODES: Final = ("lymph_node", "portal_node")
SOURCES: Final = {
    "RECIST 1.1": "PMC2755245 table 3",
    "mRECIST": "PMC9747269 table 11; what it leaves open is not verified",
}
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
    def source(self) -> str:
        """The publication of the criteria, and what of them is not verified."""
        return SOURCES[self.criteria]

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
            "source": self.source,
            "label": self.label,
            "text": self.text,
            "sum_mm": self.sum_mm,
            "assessment": self.assessment.to_json() if self.assessment else None,
            "notes": list(self.notes),
        }


def followed(
    organ: Organ, answers: Answers, earlier: Sequence[Answers], slices: Slices | None = None
) -> list[Followed]:
    """The responses at `answers`; `earlier` are the time points before, oldest first.

    `slices` is what is known of the images of this time point; None where nothing is. Empty where no
    target is named at any of them. Never raises for answers of a wrong shape.
    """
    known = slices or Slices()
    found = [_followed("RECIST 1.1", "diameter_mm", answers, earlier, known)]
    if "viable_mm" in organ.schema["properties"][SLOTS[0]]["properties"]:
        found.append(_followed("mRECIST", "viable_mm", answers, earlier, known))
    return [one for one in found if one is not None]


def _followed(
    criteria: str, key: str, answers: Answers, earlier: Sequence[Answers], slices: Slices
) -> Followed | None:
    since = next((at for at, one in enumerate(earlier) if _slots(one, key)), None)
    if since is None:
        slots = _slots(answers, key)
        return _baseline(criteria, key, answers, slots, slices) if slots else None
    slots = _slots(earlier[since], key)
    first = _targets(earlier[since], slots, key)
    visits = [_visit(one, slots, key, first) for one in (*earlier[since:], answers)]
    judge = recist_1_1 if criteria == "RECIST 1.1" else mrecist
    notes = _notes(answers, slots, key)
    try:
        assessment = judge(visits[0], visits[1:-1], visits[-1])
    except MeasurementsRefused as refused:
        return Followed(criteria, None, None, (refused.detail, *notes))
    return Followed(criteria, assessment.sum_mm, assessment, notes)


def _baseline(
    criteria: str, key: str, answers: Answers, slots: tuple[str, ...], slices: Slices
) -> Followed:
    pointers = [pointer((slot, key)) for slot in slots]
    targets = [
        slices.on(at, target)
        for at, target in zip(pointers, _targets(answers, slots, key), strict=True)
    ]
    names = [slot.replace("_", " ") for slot in slots]
    notes = (
        *(problem.message for problem in baseline_problems(targets)),
        *slices.open_questions(names, pointers, targets),
        *_of_sizes(answers, slots, key),
    )
    return Followed(criteria, sum_mm(targets), None, notes)


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
        # Nodes are one organ wherever they lie (EORTC, questions on RECIST 1.1).
        organ="lymph nodes" if site in _NODES else str(site or slot),
        mm=number_of(given.get(key)),
        node=site in _NODES,
        # Only mRECIST asks for more of a node at the porta hepatis.
        portal_node=site == "portal_node" and key == "viable_mm",
        too_small=given.get("too_small") is True,
    )


def _visit(answers: Answers, slots: Sequence[str], key: str, baseline: tuple[Target, ...]) -> Visit:
    beside = group(answers, "response")
    word = word_of(beside.get("non_target"), _NON_TARGET)
    targets = _targets(answers, slots, key)
    return Visit(
        # A target is the same lesion by its number, whatever its site is called later: what was a
        # node at the baseline is measured and gone as a node.
        targets=tuple(
            Target(slot, one.mm, first.node, first.portal_node, one.too_small)
            for slot, one, first in zip(slots, targets, baseline, strict=True)
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
    sized = _slots(answers, key)
    open_still = [slot for slot in slots if slot not in sized]
    if open_still:
        notes.append(f"No size at this time point: {_named(open_still)}.")
    added = [slot for slot in sized if slot not in slots]
    if added:
        notes.append(f"Not followed since the baseline, and not counted: {_named(added)}.")
    return (*notes, *_of_sizes(answers, slots, key))


def _of_sizes(answers: Answers, slots: Sequence[str], key: str) -> Iterator[str]:
    """What is to be known of the single sizes that enter the sum."""
    small = [slot for slot in slots if group(answers, slot).get("too_small") is True]
    if small:
        yield f"Too small to measure, counted as {TOO_SMALL_MM:g} mm (not verified): {_named(small)}."
    bound = group(answers, EVIDENCE)
    lost: dict[str, list[str]] = {}
    for slot in slots:
        why = why_unsupported(group(bound, pointer((slot, key))))
        if why:
            lost.setdefault(why, []).append(slot)
    for why, named in lost.items():
        yield f"{capitalised(why)}: {_named(named)}."


def _named(slots: Iterable[str]) -> str:
    return ", ".join(slot.replace("_", " ") for slot in slots)
