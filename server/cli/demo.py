"""`margin demo`: `margin up` with the demo world."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from server.cli.home import home_option, settings_of


@click.command()
@home_option
@click.option("--port", type=int, help="Port of the pages.  [MARGIN_PORT; 8600]")
@click.option("--dicom-port", type=int, help="Port hospitals send to.  [MARGIN_DICOM_PORT; 4243]")
def demo(home: Path | None, port: int | None, dicom_port: int | None) -> None:
    """Run everything with a small world in it: hospitals, surgeons, real and synthetic CT."""
    said = {"MARGIN_PORT": port, "MARGIN_DICOM_PORT": dicom_port}
    os.environ.update({name: str(value) for name, value in said.items() if value is not None})
    settings = settings_of(home)
    environment = {**os.environ, **settings.to_environ()}
    # Whoever fills the world is a child of the foreground, and ends by itself or with it.
    subprocess.Popen([sys.executable, "-m", "server.demo.welcome"], env=environment)
    foreground = [sys.executable, "-m", "server.processes.foreground"]
    os.execve(sys.executable, foreground, environment)  # noqa: S606 - no shell is wanted
