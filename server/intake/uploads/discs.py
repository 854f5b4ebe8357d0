"""What the table of contents of a disc lists, and what of it did not come. Pure.

The records of a DICOMDIR point at each other by offsets (PS3.3 F.3.2.2). These are not followed: every
record that names a file stands in one sequence, which is read from its beginning to its end, so that
offsets in a ring lead nowhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pydicom import dcmread
from pydicom.dataset import Dataset

# A disc of 20,000 instances has a DICOMDIR of some 15 MB.
MOST_DIRECTORY_BYTES: Final = 32_000_000
MOST_LISTED: Final = 50_000
MOST_NAMED: Final = 5
LONGEST_PATH: Final = 128
_INACTIVE: Final = 0x0000  # Record In-use Flag, PS3.3 F.3.2.2


@dataclass(frozen=True)
class Listed:
    """A file that a disc should have: its path from where the DICOMDIR lies, and its identifier, "" where
    none is said."""

    path: str
    SOPInstanceUID: str


def listed_in(path: Path) -> tuple[Listed, ...] | None:
    """The files that a DICOMDIR lists, each once; None when it cannot be read. One that is larger than
    any disc's lists nothing here."""
    if path.stat().st_size > MOST_DIRECTORY_BYTES:
        return ()
    try:
        with warnings.catch_warnings():
            # Values that are not as the standard wants them are tolerated here, not told to a log.
            warnings.simplefilter("ignore")
            records = dcmread(path, specific_tags=["DirectoryRecordSequence"])
            found = map(_listed, records.get("DirectoryRecordSequence") or ())
            return tuple(dict.fromkeys(one for one in found if one is not None))[:MOST_LISTED]
    except Exception:
        return None


def _listed(record: Dataset) -> Listed | None:
    name: Any = record.get("ReferencedFileID")
    if not name or record.get("RecordInUseFlag") == _INACTIVE:
        return None
    parts = [name] if isinstance(name, str) else [str(one) for one in name]
    text = "".join(letter for letter in "/".join(parts) if letter.isprintable())
    # Some writers put the whole path into one value.
    path = "/".join(part.strip() for part in text.replace("\\", "/").split("/") if part.strip())
    uid = str(record.get("ReferencedSOPInstanceUIDInFile") or "")
    return Listed(path[:LONGEST_PATH], uid[:64]) if path else None


def not_here(
    listed: Iterable[Listed], directory: str, uids: Collection[str], names: Collection[str]
) -> list[str]:
    """The paths of the listed files that did not come. `directory` is the name under which the DICOMDIR
    came, `uids` what the case has, `names` those of the files that came with it, in small letters."""
    folder = PurePosixPath(directory.lower()).parent
    return [
        one.path
        for one in listed
        if one.SOPInstanceUID not in uids and str(folder / one.path.lower()) not in names
    ]


def missing_words(files: int, named: list[str]) -> str:
    """That a table of contents lists `files` that did not come, of which the first are `named`; "" when
    all is here."""
    if not files:
        return ""
    counted = "1 file that did" if files == 1 else f"{files} files that did"
    more = f" (+{files - len(named)})" if files > len(named) else ""
    return f"It lists {counted} not come: {', '.join(named)}{more}."
