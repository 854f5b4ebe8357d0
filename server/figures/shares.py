"""A share with its interval, and how small numbers are shown. Pure.

The interval is Wilson's score interval without continuity correction, at 95 %:
Wilson EB, J Am Stat Assoc 1927;22:209-212; formula and examples as in Newcombe RG, Stat Med
1998;17:857-872, method 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

Z_95: Final = 1.959963984540054  # the normal distribution's quantile at 0.975
# Below the first nothing is shown but the counts, below the second the share is marked as uncertain:
# our own rule; at n = 10 the interval is some 50 percentage points wide.
FEWEST_FOR_A_SHARE: Final = 10
FEWEST_FOR_COMFORT: Final = 30


class OutOf:
    """What is said of `of` cases: of too few nothing, of few with a warning."""

    of: int

    @property
    def shown(self) -> bool:
        """Whether there are enough to say more than their count."""
        return self.of >= FEWEST_FOR_A_SHARE

    @property
    def few(self) -> bool:
        """Whether it is shown with a warning."""
        return self.shown and self.of < FEWEST_FOR_COMFORT


@dataclass(frozen=True)
class Share(OutOf):
    """`count` of `of`. `low_percent` and `high_percent` are the 95 % interval, 0 to 100."""

    count: int
    of: int
    percent: float
    low_percent: float
    high_percent: float

    @property
    def counts(self) -> str:
        """The counts alone: `3 of 7`, or `none yet`."""
        return f"{self.count} of {self.of}" if self.of else "none yet"

    @property
    def words(self) -> str:
        """Percentage and interval, where they may be shown; else that there are too few."""
        if not self.shown:
            return "too few for a share" if self.of else ""
        return f"{self.percent:.0f} % ({self.low_percent:.0f} to {self.high_percent:.0f})"


def share(count: int, of: int) -> Share:
    """The share `count` of `of` with its interval; 0 to 100 % of nothing.

    Raises ValueError unless 0 <= count <= of.
    """
    if not 0 <= count <= of:
        raise ValueError(f"{count} of {of} is no share")
    if of == 0:
        return Share(0, 0, 0.0, 0.0, 100.0)
    p, z2 = count / of, Z_95**2
    centre = 2 * of * p + z2
    spread = Z_95 * sqrt(z2 + 4 * of * p * (1 - p))
    below, above = (centre - spread) / (2 * (of + z2)), (centre + spread) / (2 * (of + z2))
    # At the ends the bound is exact, and rounding must not go beyond it.
    low = 0.0 if count == 0 else 100 * below
    high = 100.0 if count == of else 100 * above
    return Share(count, of, 100 * p, low, high)


@dataclass(frozen=True)
class Spread(OutOf):
    """Median and quartiles of some durations, in days; all None for none."""

    of: int
    median_days: float | None = None
    lower_days: float | None = None
    upper_days: float | None = None

    @property
    def words(self) -> str:
        """`7.0 days (5.0 to 11.0)`, where they may be shown; else that there are none or too few."""
        if self.median_days is None:
            return "none yet"
        if not self.shown:
            return "too few for a median"
        return f"{self.median_days:.1f} days ({self.lower_days:.1f} to {self.upper_days:.1f})"


def spread(hours: Sequence[tuple[int, int]]) -> Spread:
    """Median and quartiles of durations given as (hours, how many took so long), in any order.

    Each is the smallest duration that at least that share of all did not exceed (Hyndman RJ, Fan Y,
    Am Stat 1996;50:361-365, definition 1): a duration that was really measured.
    """
    ordered = sorted((h, n) for h, n in hours if n > 0)
    of = sum(n for _, n in ordered)
    if of == 0:
        return Spread(0)

    def quantile(quarters: int) -> float:
        passed = 0
        for h, n in ordered:
            passed += n
            if passed * 4 >= of * quarters:
                return h / 24
        return ordered[-1][0] / 24

    return Spread(of, quantile(2), quantile(1), quantile(3))
