"""The remnant that was foreseen against the one that was measured after the resection. Pure.

Bland JM, Altman DG, Lancet 1986;327:307-310: mean of the differences, and the limits within which 95 %
of them lie when they are normally distributed (mean ± 1.96 standard deviations).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from server.figures.shares import Z_95

FEWEST_FOR_LIMITS: Final = 10


@dataclass(frozen=True)
class Agreement:
    """How far apart the volumes are, in mL: measured minus foreseen.

    `limits_ml` are the limits of agreement; below ten pairs nothing but their number is given.
    """

    pairs: int
    bias_ml: float | None = None
    limits_ml: tuple[float, float] | None = None
    median_percent: float | None = None


def agreement(pairs: Sequence[tuple[float, float]]) -> Agreement:
    """Of (foreseen mL, measured mL), both above 0. `median_percent` is the median of the differences'
    sizes, in percent of what was foreseen."""
    n = len(pairs)
    if n < FEWEST_FOR_LIMITS:
        return Agreement(n)
    differences = [measured - foreseen for foreseen, measured in pairs]
    bias = sum(differences) / n
    sizes = sorted(abs(measured - foreseen) / foreseen * 100 for foreseen, measured in pairs)
    median = (sizes[(n - 1) // 2] + sizes[n // 2]) / 2
    deviation = sqrt(sum((one - bias) ** 2 for one in differences) / (n - 1))
    return Agreement(n, bias, (bias - Z_95 * deviation, bias + Z_95 * deviation), median)
