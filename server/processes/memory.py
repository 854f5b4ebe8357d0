"""How much memory a program and everything it started really takes."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

PROC = Path("/proc")


def tree(pid: int) -> list[int]:
    """`pid` and all its descendants that are alive."""
    children: dict[int, list[int]] = defaultdict(list)
    for folder in PROC.glob("[0-9]*"):
        try:
            # The name in parentheses may hold spaces; the parent is the second field after it.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children[int(fields[1])].append(int(folder.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children[found[-1]]
    return [one for one in found if (PROC / str(one)).exists()]


def pss_mb(pid: int) -> float:
    """Proportional set size of one process in MB (2**20): shared pages are counted by shares.

    0.0 when the process is gone or belongs to somebody else.
    """
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0.0
    size = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(size[1]) / 1024 if size else 0.0


def tree_pss_mb(pid: int) -> float:
    """Proportional set size of a process and its descendants in MB."""
    return sum(pss_mb(one) for one in tree(pid))
