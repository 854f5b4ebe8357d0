"""Response between time points: RECIST 1.1, and mRECIST for hepatocellular carcinoma. Pure.

RECIST 1.1: PMC2755245 table 3 and text. mRECIST: PMC9747269 table 11; what that table does not say
is from general knowledge and said so at the place. Diameters are in mm. Decline counts from the
baseline, growth from the nadir, which is the smallest sum so far, the baseline included. What comes
back after a complete response is progression however small it is (EORTC, questions on RECIST 1.1).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.foundation.errors import FieldProblem, Invalid

DECLINE_PERCENT: Final = 30.0  # PMC2755245
GROWTH_PERCENT: Final = 20.0  # PMC2755245
GROWTH_MM: Final = 5.0  # PMC2755245; RECIST 1.1 only
LESION_LEAST_MM: Final = 10.0  # PMC2755245, slices up to 5 mm; else twice the slice thickness
THIN_SLICE_MM: Final = 5.0  # PMC2755245
CHEST_FILM_LEAST_MM: Final = 20.0  # PMC2755245
NODE_TARGET_MM: Final = 15.0  # PMC2755245, short axis
NODE_NORMAL_MM: Final = 10.0  # PMC2755245, short axis; below it a node is normal
PORTAL_NODE_MM: Final = 20.0  # PMC9747269, short axis; nodes at the porta hepatis
MOST_TARGETS, MOST_PER_ORGAN = 5, 2  # PMC2755245
TOO_SMALL_MM: Final = 5.0  # general knowledge, not verified


class MeasurementsRefused(Invalid):
    """Measurements from which no sum or response can be computed."""


class Response(StrEnum):
    """The four answers, and that there is none."""

    CR = "CR"
    PR = "PR"
    SD = "SD"
    PD = "PD"
    NE = "NE"

    @property
    def label(self) -> str:
        """The answer in words."""
        return _LABELS[self]


_LABELS = {
    Response.CR: "Complete response",
    Response.PR: "Partial response",
    Response.SD: "Stable disease",
    Response.PD: "Progressive disease",
    Response.NE: "Not evaluable",
}


class NonTarget(StrEnum):
    """All non-target lesions together."""

    NONE = "none"
    GONE = "gone"
    PRESENT = "present"
    PROGRESSED = "progressed"
    NOT_EVALUATED = "not_evaluated"


@dataclass(frozen=True)
class Target:
    """One target lesion on one day.

    `mm` is the longest diameter, of a node the short axis; in mRECIST the longest viable,
    arterially enhancing diameter. 0 is gone; None is not evaluable. `too_small` stands for a lesion
    that is there and cannot be measured, and counts as 5 mm (not verified). `slice_mm` is the slice
    thickness of the images it was measured on, None where nobody knows it; `chest_film` says that it
    was measured on a radiograph.
    """

    organ: str
    mm: float | None
    node: bool = False
    portal_node: bool = False
    too_small: bool = False
    slice_mm: float | None = None
    chest_film: bool = False

    @property
    def counted_mm(self) -> float | None:
        """What enters the sum."""
        return TOO_SMALL_MM if self.too_small else self.mm

    @property
    def gone(self) -> bool:
        """Disappeared; a node is gone once its short axis is below 10 mm."""
        counted = self.counted_mm
        return counted is not None and (counted < NODE_NORMAL_MM if self.node else counted == 0)


@dataclass(frozen=True)
class Visit:
    """What one time point shows."""

    targets: tuple[Target, ...]
    non_target: NonTarget = NonTarget.NONE
    new_lesion: bool = False
    multiphase: bool = True


@dataclass(frozen=True)
class Assessment:
    """The response with the numbers behind it; percentages against baseline and nadir."""

    criteria: str
    response: Response
    target: Response
    sum_mm: float | None
    baseline_mm: float
    nadir_mm: float
    from_baseline_percent: float | None
    from_nadir_percent: float | None
    because: str

    def to_json(self) -> dict[str, object]:
        """The assessment as plain JSON values."""
        return {**vars(self), "response": self.response.value, "target": self.target.value}


def sum_mm(targets: Iterable[Target]) -> float | None:
    """The sum of diameters in mm, or None where one of them cannot be evaluated.

    Raises MeasurementsRefused for a diameter that is negative or not a number.
    """
    counted: list[float] = []
    missing = False
    for index, target in enumerate(targets):
        value = target.counted_mm
        if value is None:
            missing = True
            continue
        if not math.isfinite(value) or value < 0:
            pointer = f"/targets/{index}/mm"
            raise MeasurementsRefused(
                "A diameter is not a length.",
                [FieldProblem(pointer, "A diameter is 0 mm or more; correct it.")],
            )
        counted.append(value)
    return None if missing else round(sum(counted), 9)


def baseline_problems(targets: Sequence[Target]) -> list[FieldProblem]:
    """What keeps these from being the targets of a baseline. Where the slice thickness is not known,
    the size is held against that for thin slices.
    """
    found = []
    if not targets:
        found.append(FieldProblem("/targets", "A baseline has at least one target lesion."))
    if len(targets) > MOST_TARGETS:
        text = f"{len(targets)} targets; at most {MOST_TARGETS} are followed."
        found.append(FieldProblem("/targets", text))
    for organ, count in Counter(target.organ for target in targets).items():
        if count > MOST_PER_ORGAN:
            text = (
                f"{count} targets in {organ}; at most {MOST_PER_ORGAN} of one organ are followed."
            )
            found.append(FieldProblem("/targets", text))
    for index, target in enumerate(targets):
        least = least_mm(target)
        if target.mm is None or target.mm < least:
            axis = "short axis" if target.node else "longest diameter"
            text = f"A target has a {axis} of {least:g} mm or more at baseline{_why(target)}."
            found.append(FieldProblem(f"/targets/{index}/mm", text))
    return found


def target_response(
    baseline_mm: float,
    nadir_mm: float,
    current_mm: float | None,
    *,
    all_gone: bool = False,
    least_growth_mm: float = GROWTH_MM,
) -> Response:
    """The response of the target lesions from their three sums in mm.

    Growth is asked first: a sum 20 per cent and `least_growth_mm` above the nadir is progression
    even where it is still far below the baseline. `all_gone` says that every target disappeared.
    """
    _refuse_lengths(baseline_mm, nadir_mm, current_mm)
    if all_gone:
        return Response.CR
    if current_mm is None:
        return Response.NE
    grown = round(current_mm - nadir_mm, 9)
    if grown > 0 and grown >= least_growth_mm and _reaches(grown, GROWTH_PERCENT, nadir_mm):
        return Response.PD
    if _reaches(baseline_mm - current_mm, DECLINE_PERCENT, baseline_mm):
        return Response.PR
    return Response.SD


def overall(target: Response, non_target: NonTarget, *, new_lesion: bool) -> Response:
    """The response of the patient (RECIST 1.1, table of overall responses)."""
    if Response.PD in (target, Response.PD if new_lesion else target):
        return Response.PD
    if non_target == NonTarget.PROGRESSED:
        return Response.PD
    if target == Response.CR:
        if non_target in (NonTarget.NONE, NonTarget.GONE):
            return Response.CR
        return Response.PR
    return target


def recist_1_1(baseline: Visit, before: Sequence[Visit], current: Visit) -> Assessment:
    """RECIST 1.1 of `current` against the baseline and everything between.

    Raises MeasurementsRefused where the visits do not follow the same targets, or the baseline
    has none that can be summed.
    """
    return _assess("RECIST 1.1", baseline, before, current, GROWTH_MM)


def mrecist(baseline: Visit, before: Sequence[Visit], current: Visit) -> Assessment:
    """mRECIST of viable diameters; a scan without an arterial phase gives no answer.

    Portal vein tumour thrombus belongs to the non-target lesions, ascites and effusion only once
    cytology has proven them: the caller says so in `non_target`. mRECIST asks for 20 per cent over
    the nadir; whether also for 5 mm is not in the table read, and it is not asked here.
    """
    found = _assess("mRECIST", baseline, before, current, 0.0)
    if baseline.multiphase and current.multiphase:
        return found
    proven = current.new_lesion or current.non_target == NonTarget.PROGRESSED
    response = Response.PD if proven else Response.NE
    text = "Viable tumour is measured in the arterial phase; a multi-phase scan is needed."
    return Assessment(
        "mRECIST",
        response,
        Response.NE,
        None,
        found.baseline_mm,
        found.nadir_mm,
        None,
        None,
        text,
    )


def _assess(
    criteria: str, baseline: Visit, before: Sequence[Visit], current: Visit, least_growth_mm: float
) -> Assessment:
    for visit in (*before, current):
        if [t.organ for t in visit.targets] != [t.organ for t in baseline.targets]:
            raise MeasurementsRefused(
                "The time points do not follow the same target lesions.",
                [FieldProblem("/targets", "Give every time point the targets of the baseline.")],
            )
    start = sum_mm(baseline.targets)
    if start is None or start == 0:
        raise MeasurementsRefused(
            "The baseline has no sum of diameters.",
            [FieldProblem("/targets", "Measure every target at baseline.")],
        )
    between = [one for visit in before if (one := sum_mm(visit.targets)) is not None]
    nadir, now = min([start, *between]), sum_mm(current.targets)
    gone = bool(current.targets) and all(target.gone for target in current.targets)
    target = target_response(start, nadir, now, all_gone=gone, least_growth_mm=least_growth_mm)
    if now is None and _already_progressed(current, nadir, least_growth_mm):
        target = Response.PD
    response = overall(target, current.non_target, new_lesion=current.new_lesion)
    back = _is_back(current) and _was_complete(criteria, baseline, before, least_growth_mm)
    return Assessment(
        criteria,
        Response.PD if back else response,
        target,
        now,
        start,
        nadir,
        _change_percent(start, now),
        _change_percent(nadir, now),
        "Disease is back after a complete response."
        if back
        else _because(current, start, nadir, now),
    )


def _is_back(current: Visit) -> bool:
    """Whether anything is seen that a complete response excludes."""
    seen = any(not one.gone and one.counted_mm is not None for one in current.targets)
    return seen or current.non_target == NonTarget.PRESENT


def _was_complete(
    criteria: str, baseline: Visit, before: Sequence[Visit], least_growth_mm: float
) -> bool:
    if not before:
        return False
    last = _assess(criteria, baseline, before[:-1], before[-1], least_growth_mm)
    return last.response == Response.CR


def _already_progressed(current: Visit, nadir_mm: float, least_growth_mm: float) -> bool:
    """Whether what could be measured alone exceeds the nadir enough, whatever the rest is."""
    measured = sum(target.counted_mm or 0.0 for target in current.targets)
    grown = round(measured - nadir_mm, 9)
    enough = grown > 0 and grown >= least_growth_mm
    return enough and _reaches(grown, GROWTH_PERCENT, nadir_mm)


def least_mm(target: Target) -> float:
    """What a target measures at least at baseline, in mm."""
    if target.portal_node:
        return PORTAL_NODE_MM
    if target.node:
        return NODE_TARGET_MM
    if target.chest_film:
        return CHEST_FILM_LEAST_MM
    if target.slice_mm is None or target.slice_mm <= THIN_SLICE_MM:
        return LESION_LEAST_MM
    return round(2 * target.slice_mm, 9)


def _why(target: Target) -> str:
    """What makes the least size of a lesion another than that on thin slices."""
    if target.node or least_mm(target) == LESION_LEAST_MM:
        return ""
    return " on a chest film" if target.chest_film else f", on slices of {target.slice_mm:g} mm"


def _reaches(change_mm: float, percent: float, of_mm: float) -> bool:
    """Rounded so that binary fractions do not decide a sum that is exactly on the threshold."""
    return round(100 * change_mm - percent * of_mm, 6) >= 0 and change_mm > 0


def _change_percent(before_mm: float, now_mm: float | None) -> float | None:
    if now_mm is None or before_mm == 0:
        return None
    return round(100 * (now_mm - before_mm) / before_mm, 6)


def _refuse_lengths(baseline_mm: float, nadir_mm: float, current_mm: float | None) -> None:
    given = {"baseline_mm": baseline_mm, "nadir_mm": nadir_mm, "current_mm": current_mm}
    wrong = [
        FieldProblem(f"/{name}", "A sum of diameters is 0 mm or more.")
        for name, value in given.items()
        if value is not None and not (math.isfinite(value) and value >= 0)
    ]
    if nadir_mm > baseline_mm:
        wrong.append(FieldProblem("/nadir_mm", "The nadir includes the baseline; it is not above."))
    if wrong:
        raise MeasurementsRefused("The sums cannot be compared.", wrong)


def _because(current: Visit, start: float, nadir: float, now: float | None) -> str:
    if current.new_lesion:
        return "A new lesion."
    if current.non_target == NonTarget.PROGRESSED:
        return "Unequivocal progression of non-target lesions."
    if now is None:
        return "A target could not be evaluated."
    return f"Sum {now:g} mm; baseline {start:g} mm, nadir {nadir:g} mm."
