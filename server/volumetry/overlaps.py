"""How liver, remnant and tumour lie to each other, plane by plane: no more than two planes are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from server.volumetry.masks import Volume, box_of
from server.volumetry.remnant import Volumes
from server.volumetry.roles import Role

Plane = NDArray[np.bool_]
_Sides = Callable[[Mapping[Role, Plane]], tuple[Plane | None, Plane | None]]


@dataclass
class Overlaps:
    """Planes of the regions given from one end, and what they come to.

    `roles` are those that some segment plays. A region that is not there in a plane is left out of
    it. Counts are in voxels.
    """

    roles: frozenset[Role]
    voxels: dict[str, int] = field(default_factory=dict)
    _touch: bool = False
    _tumour_touches: bool = False
    _below: tuple[int, dict[Role, Plane]] = (-2, {})

    def add(self, index: int, planes: Mapping[Role, Plane]) -> None:
        """The regions of the plane at `index`, each higher than the one before; bool arrays."""
        there = {role: plane for role, plane in planes.items() if plane.any()}
        for role, plane in there.items():
            self._count(role, plane)
        for one, other in (("liver", "flr"), ("liver", "tumour"), ("flr", "tumour")):
            if one in there and other in there:
                self._count(f"{one} {other}", there[one] & there[other])
        if not self._touch and "liver flr" not in self.voxels:
            self._touch = self._borders(index, _rest_and_flr, there)
        if not self._tumour_touches and "liver tumour" not in self.voxels:
            self._tumour_touches = self._borders(index, _tumour_and_liver, there)
        self._below = (index, there)

    def _count(self, name: str, plane: Plane) -> None:
        if found := int(np.count_nonzero(plane)):
            self.voxels[name] = self.voxels.get(name, 0) + found

    def _borders(self, index: int, sides: _Sides, there: Mapping[Role, Plane]) -> bool:
        """Whether the two regions that `sides` gives border on each other here or across the plane
        below."""
        at, below = self._below
        one, other = sides(there)
        if one is not None and other is not None and _beside(one, other):
            return True
        if at != index - 1:
            return False
        one_below, other_below = sides(below)
        return _meet(one, other_below) or _meet(one_below, other)

    @property
    def painted_over(self) -> bool:
        """Whether no two regions share a voxel and the remnant borders on the rest of the liver.

        Viewers paint exclusively: drawing the FLR takes its voxels from the liver. A remnant that
        touches the liver nowhere was drawn somewhere else and is not made part of it.
        """
        shared = {"liver flr", "liver tumour", "flr tumour"} & set(self.voxels)
        return {"liver", "flr"} <= self.roles and not shared and self._touch

    @property
    def tumour_painted_over(self) -> bool:
        """Whether the tumour alone was painted so: it borders on a liver that it does not overlap."""
        return not self.painted_over and "liver tumour" not in self.voxels and self._tumour_touches

    def volumes(self, voxel_ml: float) -> Volumes:
        """The same in mL, a voxel being `voxel_ml`."""
        size_ml: dict[str, float | None] = {
            role: self.voxels.get(role, 0) * voxel_ml if role in self.roles else None
            for role in ("liver", "flr", "tumour")
        }
        liver_ml, flr_ml, tumour_ml = (size_ml[role] for role in ("liver", "flr", "tumour"))
        shared = {
            name: self.voxels.get(name, 0) * voxel_ml for name in ("liver flr", "liver tumour")
        }
        if self.painted_over:
            liver_ml = (liver_ml or 0.0) + (flr_ml or 0.0) + (tumour_ml or 0.0)
            shared = {"liver flr": flr_ml or 0.0, "liver tumour": tumour_ml or 0.0}
        elif self.tumour_painted_over:
            liver_ml = (liver_ml or 0.0) + (tumour_ml or 0.0)
            shared["liver tumour"] = tumour_ml or 0.0
        outside_ml = 0.0 if liver_ml is None else (flr_ml or 0.0) - shared["liver flr"]
        return Volumes(
            liver_ml=liver_ml,
            flr_ml=flr_ml,
            tumour_ml=tumour_ml,
            flr_outside_liver_ml=max(0.0, outside_ml),
            tumour_in_liver_ml=shared["liver tumour"],
            tumour_in_flr_ml=self.voxels.get("flr tumour", 0) * voxel_ml,
            painted_over=self.painted_over,
            tumour_painted_over=self.tumour_painted_over,
        )


def is_painted_over(part: Volume, liver: Volume) -> bool:
    """Whether a region was painted over the liver, by the rule of `Overlaps.tumour_painted_over`: each
    stroke takes what was there, so that the liver has a hole where the region lies."""
    around = tuple(slice(max(one.start - 1, 0), one.stop + 1) for one in box_of(part))
    overlaps = Overlaps(frozenset({"liver", "tumour"}))
    for index, (there, below) in enumerate(zip(part[around], liver[around], strict=True)):
        overlaps.add(index, {"tumour": there > 0, "liver": below > 0})
    return overlaps.tumour_painted_over


def _rest_and_flr(planes: Mapping[Role, Plane]) -> tuple[Plane | None, Plane | None]:
    liver, tumour = planes.get("liver"), planes.get("tumour")
    if liver is None or tumour is None:
        return tumour if liver is None else liver, planes.get("flr")
    return liver | tumour, planes.get("flr")


def _tumour_and_liver(planes: Mapping[Role, Plane]) -> tuple[Plane | None, Plane | None]:
    return planes.get("tumour"), planes.get("liver")


def _beside(one: Plane, other: Plane) -> bool:
    return bool(
        np.any(one[1:] & other[:-1])
        or np.any(one[:-1] & other[1:])
        or np.any(one[:, 1:] & other[:, :-1])
        or np.any(one[:, :-1] & other[:, 1:])
    )


def _meet(one: Plane | None, other: Plane | None) -> bool:
    return one is not None and other is not None and bool(np.any(one & other))
