"""Bring the database up to date: `python -m server.processes.migrate`.

A process of its own, so that the foreground stays small and a container can run it once.
"""

from __future__ import annotations

import os

from server.foundation.migrations import upgrade
from server.foundation.settings import Settings

if __name__ == "__main__":
    upgrade(Settings.from_environ(os.environ).database_url)
