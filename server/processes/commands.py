"""`margin up` and `margin status`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from server.foundation.errors import MarginError
from server.foundation.settings import Settings, unknown_names
from server.processes.foreground import lock_of, running_pid
from server.processes.memory import tree_pss_mb
from server.processes.supervision import ProgramState, Supervisor

NOT_RUNNING = 3


def _settings(**options: object) -> Settings:
    """The environment's settings, with what was said on the command line on top."""
    said = {
        f"MARGIN_{name.upper()}": str(value) for name, value in options.items() if value is not None
    }
    try:
        return Settings.from_environ({**os.environ, **said})
    except MarginError as error:
        raise click.ClickException(f"{error.detail}\n{error.remedy}") from error


home_option = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that holds everything Margin keeps.  [MARGIN_HOME; var]",
)


@click.command()
@home_option
@click.option("--port", type=int, help="Port of the pages.  [MARGIN_PORT; 8600]")
@click.option("--dicom-port", type=int, help="Port hospitals send to.  [MARGIN_DICOM_PORT; 4243]")
@click.option(
    "--orthanc-port", type=int, help="Port of Orthanc's HTTP.  [MARGIN_ORTHANC_PORT; port + 1]"
)
@click.option(
    "--proxy/--no-proxy",
    default=None,
    help="nginx in front, for TLS and HTTP/2.  [MARGIN_PROXY; no]",
)
def up(**options: object) -> None:
    """Run Orthanc, the web server and the worker here until Ctrl-C."""
    settings = _settings(**options)
    for name, meant in unknown_names(os.environ).items():
        hint = f"; did you mean {meant}?" if meant else ""
        click.echo(f"margin: no setting reads {name}{hint}", err=True)
    # This process has every room of the program in memory; the one that stays needs none of them.
    environment = {**os.environ, **settings.to_environ()}
    arguments = [sys.executable, "-m", "server.processes.foreground"]
    os.execve(sys.executable, arguments, environment)  # noqa: S606 - no shell is wanted


@click.command()
@home_option
def status(home: Path | None) -> None:
    """Show what runs in a home: state, process, time, memory. Exit code 3 when nothing does."""
    settings = _settings(home=home)
    supervisor = Supervisor(settings)
    try:
        states = supervisor.states()
        total_mb = tree_pss_mb(running_pid(lock_of(settings)) or supervisor.pid())
    except OSError:
        click.echo(f"Margin does not run in {settings.home}.")
        sys.exit(NOT_RUNNING)
    for state in states:
        click.echo(_line(state))
    own_mb = total_mb - sum(map(_memory_mb, states))
    click.echo(f"{'all':<12}{'':<20}{'':<12}{total_mb:7.0f} MB, supervision {own_mb:.0f} MB of it")
    if not all(state.runs for state in states):
        sys.exit(1)


def _memory_mb(state: ProgramState) -> float:
    return tree_pss_mb(state.pid) if state.pid else 0.0


def _line(state: ProgramState) -> str:
    minutes, seconds = divmod(state.running_s, 60)
    where = f"{state.state.lower()}, {state.pid}" if state.pid else state.state.lower()
    return f"{state.name:<12}{where:<20}{minutes:6} min {seconds:02}{_memory_mb(state):7.0f} MB"
