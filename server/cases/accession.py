"""The accession numbers that are written into a case."""

from __future__ import annotations

import re


def accession_numbers(text: str) -> frozenset[str]:
    """Those separated by commas, semicolons or spaces, in capitals, as they are compared."""
    return frozenset(part.upper()[:64] for part in re.split(r"[,;\s]+", text) if part)
