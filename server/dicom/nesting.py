"""How deep sequences may lie in each other, and how much they may hold.

Whoever parses or tells a dataset goes down into its sequences on a stack; the one of Orthanc's threads
is small, and an image 60 deep has ended its process.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

# The deepest content tree of a structured report that was seen has about twelve levels.
MOST_DEEP: Final = 32
MOST_ITEMS: Final = 500_000
# Larger values stay in the file while the rest is read.
DEFERRED_FROM_BYTES: Final = 64 * 1024
TOO_DEEP: Final = f"Its sequences lie in each other more than {MOST_DEEP} deep."


def why_not_read(file: Path | BinaryIO) -> str:
    """Go through every sequence of a Part 10 file, also behind the pixels, and say in a sentence what is
    wrong with them; an empty text when nothing is."""
    try:
        with warnings.catch_warnings():
            # Values that are not as the standard wants them are tolerated here, not told to a log.
            warnings.simplefilter("ignore")
            return _why_deep(dcmread(file, defer_size=DEFERRED_FROM_BYTES))
    except RecursionError:
        return TOO_DEEP
    except Exception as problem:
        return f"Its dataset cannot be read to the end: {_first_line(problem)}."


def _first_line(problem: Exception) -> str:
    text = str(problem).strip().splitlines()
    return (text[0] if text else type(problem).__name__).rstrip(".")[:160]


def _why_deep(dataset: Dataset) -> str:
    todo, items = [(dataset, 1)], 0
    while todo:
        one, depth = todo.pop()
        if depth > MOST_DEEP:
            return TOO_DEEP
        for tag in list(one.keys()):
            raw = one.get_item(tag)
            if raw is None or not _may_be_sequence(raw):
                continue
            element = one[tag]
            if element.VR != "SQ":
                continue
            items += len(element.value)
            if items > MOST_ITEMS:
                return f"Its sequences hold more than {MOST_ITEMS} items."
            todo += [(item, depth + 1) for item in element.value]
    return ""


def _may_be_sequence(raw: Any) -> bool:
    vr = raw.VR
    return vr == "SQ" or (isinstance(raw, RawDataElement) and vr in (None, "UN"))
