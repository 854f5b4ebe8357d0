"""What the source texts claim, from claims.toml, always beside where they say it. Pure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

CLAIM: Final = "claim of the source document, without reference"
ALL: Final = "all"


@dataclass(frozen=True)
class Claim:
    """A range in percent that a text gives, and where. Never evidence."""

    low_percent: float
    high_percent: float
    source: str
    label: str = ""

    @property
    def words(self) -> str:
        """`25 to 35 % (source text 000, lines 23-30)`."""
        return f"{self.low_percent:g} to {self.high_percent:g} %"


@cache
def _read() -> dict[str, dict[str, Claim]]:
    text = (Path(__file__).parent / "claims.toml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Claim]] = {}
    for kind, entries in tomllib.loads(text).items():
        of_kind = found.setdefault(kind, {})
        for entry in entries:
            claim = Claim(
                float(entry["low_percent"]),
                float(entry["high_percent"]),
                entry["source"],
                entry.get("label", ""),
            )
            for key in entry.get("cancers") or [entry["id"]]:
                of_kind[key] = claim
    return found


def verdict_change_claim(cancer: str) -> Claim | None:
    """What the texts say of how often a second opinion reverses the first; `all` for all cancers."""
    return _read()["verdict_change"].get(cancer)


def finding_claim(finding: str) -> Claim | None:
    """What the texts say of how often an opinion is such a finding (requirement 43)."""
    return _read()["finding"].get(finding)


def conversion_claim(cancer: str) -> Claim | None:
    """What the texts say of how often conversion therapy makes a tumour resectable."""
    return _read()["conversion"].get(cancer)
