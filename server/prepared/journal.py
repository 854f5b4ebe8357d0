"""The marker `unfinished` of a series that is being prepared, which is also its journal.

Whoever prepares may die at any moment, also of a frame that kills its decoder. The journal says what was
finished and, before hostile bytes are decoded, with what was begun. The next attempt keeps what was
finished, decodes what was being decoded alone, and gives up whatever was alone when it died.

After a restart of the machine nothing in the folder is believed: its frames may not have reached the disk.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from server.prepared.manifest import VERSION, PreparedInstance
from server.prepared.shelf import UNFINISHED
from server.prepared.writing import ShelfNotWritable

ALONE_AFTER = 1
GIVEN_UP_AFTER = 3
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """A name for the time since the machine was started; "" where there is none."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""


def is_doubtful(folder: Path) -> bool:
    """Whether a folder was left unfinished when the machine went down, or by another version."""
    marker = folder / UNFINISHED
    try:
        first = marker.read_bytes().split(b"\n", 1)[0]
    except OSError:
        return False
    return not boot_id() or first != _first_line().encode().rstrip()


class Journal:
    """Appends to the marker of one series. Close it or finish it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / UNFINISHED
        self.begun: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.done: dict[str, PreparedInstance] = {}
        try:
            known = self._path.read_text(errors="replace") if self._path.exists() else ""
            self._file = self._path.open("a", buffering=1)
            self._path.chmod(0o600)
            if not known:
                self._file.write(_first_line())
            elif not known.endswith("\n"):
                self._file.write("\n")
        except OSError as reason:
            raise ShelfNotWritable(reason) from reason
        for line in known.splitlines():
            self._read(line)

    def _read(self, line: str) -> None:
        try:
            said = json.loads(line)
            if "begun" in said:
                self.begun[said["begun"]] += 1
            elif "left" in said:
                self.begun[said["left"]] -= 1
            elif "refused" in said:
                self.refused[said["refused"]] += 1
            elif "done" in said:
                instance = PreparedInstance.read(said["done"])
                self.done[instance.SOPInstanceUID] = instance
        except (ValueError, TypeError, KeyError, AttributeError):
            return  # a line that was cut off

    def was_interrupted(self, SOPInstanceUID: str) -> int:
        """How many times the preparation died while this instance was being decoded."""
        return 0 if SOPInstanceUID in self.done else self.begun[SOPInstanceUID]

    def begin(self, SOPInstanceUID: str) -> None:
        """Compressed frames of this instance are about to be decoded."""
        self._note({"begun": SOPInstanceUID})

    def leave(self, SOPInstanceUID: str) -> None:
        """Nothing of this instance is being decoded any more, though it was not finished."""
        self._note({"left": SOPInstanceUID})

    def refuse(self, SOPInstanceUID: str) -> int:
        """The archive could not give this instance; gives how many times by now."""
        self.refused[SOPInstanceUID] += 1
        self._note({"refused": SOPInstanceUID})
        return self.refused[SOPInstanceUID]

    def finish(self, instance: PreparedInstance) -> None:
        """All frames of this instance are in the folder."""
        self.done[instance.SOPInstanceUID] = instance
        self._note({"done": vars(instance)})

    def _note(self, said: dict[str, Any]) -> None:
        try:
            self._file.write(_line(said))
        except OSError as reason:
            raise ShelfNotWritable(reason) from reason

    def close(self) -> None:
        """Stop writing; the marker stays."""
        try:
            self._file.close()
        except OSError as reason:
            raise ShelfNotWritable(reason) from reason


def _first_line() -> str:
    return _line({"boot": boot_id(), "version": VERSION})


def _line(said: dict[str, Any]) -> str:
    return json.dumps(said, separators=(",", ":")) + "\n"
