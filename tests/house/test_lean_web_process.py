"""A web process answers for pixels that others prepared; what only jobs need stays out of its memory."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("SimpleITK", "weasyprint", "highdicom", "pyhanko", "pynetdicom.ae")


def test_a_web_process_does_not_load_what_only_jobs_need() -> None:
    program = f"import sys, server.app; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
