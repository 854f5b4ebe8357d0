"""The shapes of the figures' tables: what is on the page is in their CSV files, in the same order. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from server.figures.claims import CLAIM, Claim
from server.figures.reviewers import ReviewerAgreement
from server.figures.shares import FEWEST_FOR_A_SHARE, Share, Spread
from server.figures.volumes_compared import Agreement

Cell = str | int | float | None


@dataclass(frozen=True)
class ShareRow:
    """One line of a table of shares, and what a text claims of it."""

    key: str
    label: str
    share: Share
    claim: Claim | None = None
    more: tuple[int, ...] = ()


@dataclass(frozen=True)
class ShareTable:
    """Shares with their intervals. `count` and `of` say in words what is counted out of what; `more`
    names further counts of each row."""

    id: str
    title: str
    count: str
    of: str
    note: str
    rows: tuple[ShareRow, ...]
    more: tuple[str, ...] = ()
    claimed: bool = False

    @property
    def empty(self) -> bool:
        return not any(row.share.of for row in self.rows)

    @property
    def header(self) -> list[str]:
        """The columns of the CSV file."""
        interval = ["share_percent", "low_95_percent", "high_95_percent"]
        claim = ["claimed_low_percent", "claimed_high_percent", "claim_source"]
        return [
            "key",
            "label",
            self.count,
            self.of,
            *interval,
            *self.more,
            *(claim if self.claimed else ()),
        ]

    @property
    def lines(self) -> list[list[Cell]]:
        """The rows of the CSV file; a share that is not shown is not written either."""
        return [[*_line(row), *_claim_line(row, self.claimed)] for row in self.rows]


def _line(row: ShareRow) -> list[Cell]:
    one = row.share
    numbers = (one.percent, one.low_percent, one.high_percent)
    shown: list[Cell] = [round(n, 1) for n in numbers] if one.shown else [None, None, None]
    return [row.key, row.label, one.count, one.of, *shown, *row.more]


def _claim_line(row: ShareRow, claimed: bool) -> list[Cell]:
    if not claimed:
        return []
    if row.claim is None:
        return [None, None, None]
    said = f"{CLAIM}: {row.claim.source}"
    return [row.claim.low_percent, row.claim.high_percent, said]


@dataclass(frozen=True)
class SpreadRow:
    """How long a stage took, and what is promised for it in days (None: nothing)."""

    key: str
    label: str
    meaning: str
    spread: Spread
    promised_days: int | None

    @property
    def days(self) -> tuple[float | None, float | None, float | None]:
        """Median, lower and upper quartile; None where too few cases stand behind them."""
        if not self.spread.shown:
            return None, None, None
        return self.spread.median_days, self.spread.lower_days, self.spread.upper_days


@dataclass(frozen=True)
class SpreadTable:
    """Durations of the stages."""

    id: str
    title: str
    note: str
    rows: tuple[SpreadRow, ...]
    header: list[str] = field(
        default_factory=lambda: [
            "stage",
            "label",
            "cases",
            "median_days",
            "lower_quartile_days",
            "upper_quartile_days",
            "promised_days",
        ]
    )

    @property
    def empty(self) -> bool:
        return not any(row.spread.of for row in self.rows)

    @property
    def lines(self) -> list[list[Cell]]:
        """The rows of the CSV file."""
        return [
            [
                row.key,
                row.label,
                row.spread.of,
                *(None if days is None else round(days, 2) for days in row.days),
                row.promised_days,
            ]
            for row in self.rows
        ]


@dataclass(frozen=True)
class AgreementTable:
    """How far several reviewers of the same case agree."""

    id: str
    title: str
    note: str
    rows: tuple[ReviewerAgreement, ...]
    header: list[str] = field(
        default_factory=lambda: ["organ", "label", "panels", "unanimous", "kappa", "same_percent"]
    )

    @property
    def empty(self) -> bool:
        return not self.rows

    @property
    def lines(self) -> list[list[Cell]]:
        """The rows of the CSV file; kappa and percentage of few panels are not written."""
        return [
            [
                one.organ,
                one.label,
                one.panels,
                one.unanimous,
                *(
                    round(value, 3) if value is not None and self.enough(one) else None
                    for value in (one.kappa, one.percent)
                ),
            ]
            for one in self.rows
        ]

    def enough(self, one: ReviewerAgreement) -> bool:
        """Whether there are panels enough for kappa and percentage."""
        return one.panels >= FEWEST_FOR_A_SHARE


@dataclass(frozen=True)
class PairTable:
    """The remnant foreseen and measured, mL, with how well they agree."""

    id: str
    title: str
    note: str
    pairs: tuple[tuple[float, float], ...]
    agreement: Agreement
    header: list[str] = field(
        default_factory=lambda: ["foreseen_ml", "measured_ml", "difference_ml"]
    )

    @property
    def empty(self) -> bool:
        return not self.pairs

    @property
    def lines(self) -> list[list[Cell]]:
        """The rows of the CSV file."""
        return [[foreseen, after, round(after - foreseen, 1)] for foreseen, after in self.pairs]
