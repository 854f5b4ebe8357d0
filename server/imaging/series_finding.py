"""A finding about one series, with what it rests on. Pure."""

from __future__ import annotations

from typing import Any

from server.imaging.facts import SeriesFacts
from server.imaging.findings import Finding, Severity


def finding_about(
    facts: SeriesFacts,
    id_: str,
    severity: Severity,
    *,
    rank: float = 0.0,
    limit_trust: str = "",
    **params: Any,
) -> Finding:
    """One finding about a series; `params` are the values of its sentences and its evidence.
    `limit_trust` is how far the limit that it was measured by is to be trusted.
    """
    evidence = {"SeriesInstanceUID": facts.SeriesInstanceUID, **params}
    if limit_trust:
        evidence["limit_trust"] = limit_trust
    return Finding(
        id_,
        severity,
        {"series": [facts.name], **params},
        {key: _plain(value) for key, value in evidence.items()},
        (facts.SeriesInstanceUID,),
        rank,
    )


def _plain(value: Any) -> Any:
    """A value as it stands in the evidence: words and days without their marks."""
    if isinstance(value, str):
        return value.removeprefix("@day:").removeprefix("@")
    return [_plain(one) for one in value] if isinstance(value, list) else value
