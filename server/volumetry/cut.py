"""Where a liver is to be cut, and reading that from what a program said. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from server.dicom.geometry import Vector
from server.foundation.errors import FieldProblem, Invalid
from server.volumetry.roles import COUINAUD

Kind = Literal["plane", "surface", "segments"]
_MOST_LINES, _MOST_POINTS = 500, 5000


class CutRefused(Invalid):
    """What was asked for is not the description of a cut."""


@dataclass(frozen=True)
class Cut:
    """Where a liver is to be cut; points in mm in the patient (LPS).

    A plane has three `points_mm`, a surface one or more `lines_mm` of two or more points each;
    `segments` takes out the Couinaud segments of `remove`. `remains_mm` lies on the side that stays
    (not needed with `segments`).
    """

    kind: Kind
    points_mm: tuple[Vector, ...] = ()
    lines_mm: tuple[tuple[Vector, ...], ...] = ()
    remove: tuple[str, ...] = ()
    remains_mm: Vector = (0.0, 0.0, 0.0)

    def in_words(self) -> str:
        """As the result is named."""
        if self.kind == "segments":
            return f"without {', '.join(self.remove)}"
        return "plane" if self.kind == "plane" else "surface through lines"

    def to_json(self) -> dict[str, Any]:
        """As `cut_of` reads it."""
        said: dict[str, Any] = {"kind": self.kind}
        if self.kind == "segments":
            return {**said, "remove": list(self.remove)}
        if self.kind == "plane":
            said["points_mm"] = [list(point) for point in self.points_mm]
        else:
            said["lines_mm"] = [[list(point) for point in line] for line in self.lines_mm]
        return {**said, "remains_mm": list(self.remains_mm)}


def cut_of(said: Mapping[str, Any]) -> Cut:
    """The cut that a program described as JSON. Raises CutRefused with what is wrong where."""
    kind = said.get("kind")
    if kind == "segments":
        return Cut("segments", remove=_names(said.get("remove")))
    if kind not in ("plane", "surface"):
        raise _refused("/kind", "kind is plane, surface or segments.")
    remains = _point(said.get("remains_mm"), "/remains_mm")
    if kind == "plane":
        points = _points(said.get("points_mm"), "/points_mm")
        if len(points) != 3:
            raise _refused("/points_mm", "A plane goes through three points.")
        return Cut("plane", points_mm=points, remains_mm=remains)
    lines = said.get("lines_mm")
    if not isinstance(lines, list) or not 1 <= len(lines) <= _MOST_LINES:
        raise _refused("/lines_mm", "A surface goes through one or more lines.")
    drawn = tuple(_points(line, f"/lines_mm/{index}") for index, line in enumerate(lines))
    return Cut("surface", lines_mm=drawn, remains_mm=remains)


def _names(said: object) -> tuple[str, ...]:
    if not isinstance(said, list) or not said or len(said) > 20:
        raise _refused("/remove", "remove names one or more Couinaud segments, such as II.")
    if not all(isinstance(one, str) and COUINAUD.fullmatch(one) for one in said):
        raise _refused("/remove", "A Couinaud segment is one of I to VIII, IVa or IVb.")
    return tuple(said)


def _points(said: object, pointer: str) -> tuple[Vector, ...]:
    if not isinstance(said, list) or len(said) > _MOST_POINTS:
        raise _refused(pointer, "This is a list of points [x, y, z] in mm.")
    return tuple(_point(one, f"{pointer}/{index}") for index, one in enumerate(said))


def _point(said: object, pointer: str) -> Vector:
    numbers = said if isinstance(said, list) else []
    plain = [float(one) for one in numbers if isinstance(one, int | float) and one is not True]
    if len(numbers) != 3 or len(plain) != 3 or not all(map(math.isfinite, plain)):
        raise _refused(pointer, "A point is [x, y, z] in mm in the patient.")
    return plain[0], plain[1], plain[2]


def _refused(pointer: str, message: str) -> CutRefused:
    return CutRefused(
        "The cut was not understood.",
        [FieldProblem(pointer, message)],
        remedy="Correct the fields named.",
    )
