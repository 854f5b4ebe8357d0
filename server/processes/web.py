"""Become the web server, with the command line of the table: `python -m server.processes.web`."""

from __future__ import annotations

import os

from server.foundation.settings import Settings
from server.processes.programs import web_command

if __name__ == "__main__":
    command = web_command(Settings.from_environ(os.environ))
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted
