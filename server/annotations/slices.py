"""How thick the slices were on which targets were measured: RECIST 1.1 asks for more on thick ones.

RECIST 1.1 (PMC2755245 table 3): a lesion has 10 mm or more at baseline, on slices above 5 mm twice the
slice thickness, on a chest film 20 mm. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from server.annotations.response import THIN_SLICE_MM, Target, least_mm


@dataclass(frozen=True)
class Slice:
    """The images of one series: how thick their slices are in mm, None where nobody knows, and
    whether they are radiographs, which have none."""

    thickness_mm: float | None = None
    chest_film: bool = False


@dataclass(frozen=True)
class Slices:
    """What is known of the slices of one time point.

    `bound` is by the pointer of a size (`/target_1/diameter_mm`) the series that it was seen on.
    `least_mm` and `most_mm` are the thinnest and the thickest slices of the case's cross-sectional
    series, for sizes that are bound to no image; None where nothing is known.
    """

    bound: Mapping[str, Slice] = field(default_factory=dict)
    least_mm: float | None = None
    most_mm: float | None = None

    def on(self, pointer: str, target: Target) -> Target:
        """The target with the slices on which it was measured, or the thinnest it can have been."""
        seen = self.bound.get(pointer, Slice(self.least_mm))
        return replace(target, slice_mm=seen.thickness_mm, chest_film=seen.chest_film)

    def open_questions(
        self, names: Sequence[str], pointers: Sequence[str], targets: Sequence[Target]
    ) -> Iterator[str]:
        """What the slices leave open of sizes at a baseline. Nodes have one size for all slices."""
        lesions = [
            (name, pointer, target)
            for name, pointer, target in zip(names, pointers, targets, strict=True)
            if not target.node and not target.chest_film
        ]
        unknown = [name for name, _, target in lesions if target.slice_mm is None]
        if unknown:
            yield (
                f"Slice thickness not known: {', '.join(unknown)}. On slices above "
                f"{THIN_SLICE_MM:g} mm a target has twice the slice thickness or more."
            )
        for name, pointer, target in lesions:
            if pointer in self.bound or self.most_mm is None or target.mm is None:
                continue
            least = least_mm(replace(target, slice_mm=self.most_mm))
            if least_mm(target) <= target.mm < least:
                yield (
                    f"The slices of this case are {self.least_mm:g} to {self.most_mm:g} mm thick. "
                    f"Measured on the thickest, a target has {least:g} mm or more: {name}. "
                    "Bind its size to the image."
                )
