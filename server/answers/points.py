"""The points at which two opinions are compared: split from what the local team wrote. Pure."""

from __future__ import annotations

import re
from typing import Final

MOST_POINTS: Final = 30
LONGEST_POINT: Final = 2000

STANDINGS: Final[dict[str, str]] = {
    "agree": "The same",
    "differ": "Different",
    "not_assessed": "Not assessed",
}
TONES: Final[dict[str, str]] = {"agree": "good", "differ": "warn", "not_assessed": "idle"}

# A point ends with a line, a semicolon, or a full stop before a capital; not within "approx. 180".
_ENDS: Final = re.compile(
    r"\s*(?:\n+|;|(?<=[.!?。！？])\s+(?=[A-ZÀ-Þ\u0400-\u042F])|(?<=[。！？।]))\s*"
)
_BULLET: Final = re.compile(r"^(?:[-*•–]|\(?\d{1,2}[.)])\s+")
_ABBREVIATION: Final = re.compile(
    r"\b(?:Dr|Prof|St|No|Nr|vs|ca|approx|e\.g|i\.e|z\.B|segm?|Fig|cf)\.$", re.IGNORECASE
)


def suggested(reason: str) -> list[str]:
    """What the local team wrote, one statement after the other, to be corrected by a person.

    At most MOST_POINTS; the rest stays together in the last one, so that nothing is lost.
    """
    pieces: list[str] = []
    for piece in _ENDS.split(reason.strip()):
        text = _BULLET.sub("", piece.strip())
        if not text:
            continue
        if pieces and _ABBREVIATION.search(pieces[-1]):
            pieces[-1] = f"{pieces[-1]} {text}"
        else:
            pieces.append(text)
    if len(pieces) > MOST_POINTS:
        pieces = [*pieces[: MOST_POINTS - 1], " ".join(pieces[MOST_POINTS - 1 :])]
    return [piece[:LONGEST_POINT] for piece in pieces]


def tally(standings: list[str]) -> dict[str, int]:
    """How many points agree, differ, are not assessed, and (`""`) are not compared yet."""
    found = dict.fromkeys((*STANDINGS, ""), 0)
    for one in standings:
        found[one if one in found else ""] += 1
    return found
