"""How much memory a process has held."""

from __future__ import annotations

import re
from pathlib import Path


def highest_resident_mb(pid: int | None = None) -> float:
    """The highest resident set of a process since its program began, in MiB; without `pid`, of this one.

    VmHWM of proc(5). `ru_maxrss` of getrusage(2) is not it: that one also counts what the process held
    before it became another program, which is what its parent held.
    """
    status = Path(f"/proc/{pid or 'self'}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0
