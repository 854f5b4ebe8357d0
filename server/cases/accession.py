"""The accession numbers that are written into a case."""

from __future__ import annotations

import re


def accession_numbers(text: str) -> frozenset[str]:
    """Those separated by commas, semicolons or spaces, in capitals, as they are compared."""
    return frozenset(part.upper()[:64] for part in _parts(text))


def written_as_list(text: str) -> str:
    """The same numbers as they were typed, each once, with a comma between them: as they are kept and
    shown, however many spaces a form or a program sent with them."""
    return ", ".join(dict.fromkeys(_parts(text)))


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[,;\s]+", text) if part]
