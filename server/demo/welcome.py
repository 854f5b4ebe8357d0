"""Waits for a starting Margin, fills the demo world and prints where to go.

Runs beside `margin up`, as `python -m server.demo.welcome`, and ends when it is done.
"""

from __future__ import annotations

import os
import sys
import time

from server.demo import cast
from server.demo.seed import DemoLinks, fill
from server.foundation.errors import MarginError
from server.foundation.settings import Settings, with_home_secrets
from server.processes import health

PATIENCE_S = 120.0


def main() -> int:
    """Fill the world as soon as every part is well; exit code 1 when that does not come about."""
    settings = with_home_secrets(Settings.from_environ(os.environ))
    if not _wait(settings):
        return 1
    try:
        links = fill(settings, lambda text: print(text, flush=True))
    except MarginError as error:
        print(f"The demo could not be filled: {error.detail} {error.remedy}", file=sys.stderr)
        return 1
    print(_welcome(settings, links), flush=True)
    return 0


def _wait(settings: Settings) -> bool:
    """Whether Orthanc, the web server and the worker became well in time."""
    until, foreground = time.monotonic() + PATIENCE_S, os.getppid()
    checks = (health.orthanc_problem, health.web_problem, health.worker_problem)
    while time.monotonic() < until and os.getppid() == foreground:
        if not any(check(settings) for check in checks):
            return True
        time.sleep(0.5)
    return False


def _welcome(settings: Settings, links: DemoLinks) -> str:
    accounts = [
        ("coordinator", cast.COORDINATOR),
        ("coordinator of the other hospital", cast.OTHER_COORDINATOR),
        ("administrator", cast.ADMIN),
        ("surgeon, chair of the panel", cast.LIVER_SURGEON),
        ("surgeon, has still to vote in it", cast.PANCREAS_SURGEON),
    ]
    lines = ["", "The demo world is ready.", "", f"Sign in at {settings.public_url}/sign-in"]
    lines += [f"  {role:<34} {person.email}" for role, person in accounts]
    lines += [f"  password of each: {links.password}", "", "Access links (no account needed):"]
    lines += [f"  {label}\n    {link}" for label, link in links.links]
    lines += [
        "",
        f"Hospitals push to {settings.dicom_aet} at 127.0.0.1:{settings.dicom_port}"
        f" as {' or '.join(hospital.ae_title for hospital in cast.HOSPITALS)}.",
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
