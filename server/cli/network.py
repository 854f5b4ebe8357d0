"""`margin push` and `margin echo`: the hospital's side of the line, on its own machine."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from server.dicom import sending
from server.dicom.association import Peer
from server.dicom.files import FileHead, RefusedFile
from server.foundation.errors import MarginError

_MOST_SHOWN = 50


class _Address(click.ParamType[tuple[str, int]]):
    name = "HOST:PORT"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        found = re.fullmatch(r"\[?([^\[\]]+)\]?:(\d{1,5})", str(value))
        if not found or not 0 < int(found[2]) < 65536:
            self.fail(f"{value} is not HOST:PORT, such as 192.0.2.7:4242", param, ctx)
        return found[1], int(found[2])


class _Title(click.ParamType[str]):
    name = "AET"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        title = str(value).strip()
        # PS3.5 6.2, VR AE: printable characters of the default repertoire without the backslash.
        if not re.fullmatch(r"[ -\[\]-~]{1,16}", title):
            self.fail(f"{value!r} is not an AE title: 1 to 16 plain characters", param, ctx)
        return title


_calling = click.option(
    "--calling-aet", type=_Title(), default="MARGIN-PUSH", show_default=True, help="Our AE title."
)
_called = click.option(
    "--called-aet",
    type=_Title(),
    default="MARGIN",
    show_default=True,
    help="Title of the receiver.",
)


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path), metavar="DIR")
@click.option("--to", "address", type=_Address(), required=True, help="The receiver's address.")
@_calling
@_called
@click.option(
    "--associations",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="How many associations to use at a time.",
)
def push(
    folder: Path, address: tuple[str, int], calling_aet: str, called_aet: str, associations: int
) -> None:
    """Send every DICOM file below DIR by C-STORE, as it is stored.

    A lost connection is taken up again with what has not been accepted yet. The exit code is 0
    only if every file was accepted; a file that is not DICOM is listed by name and makes it 1. A
    DICOMDIR is left out without being counted.
    """
    console = Console(stderr=True)
    found = sending.find(folder)
    if not found.to_send and not found.refused:
        raise click.ClickException(f"There is nothing to send in {folder}.")
    peer = Peer(*address, calling_aet, called_aet)
    try:
        summary = _send(console, folder, peer, associations, found)
    except MarginError as problem:
        raise click.ClickException(_in_words(problem)) from problem
    _report(Console(), summary)
    sys.exit(0 if summary.is_complete else 1)


@click.command()
@click.argument("address", type=_Address(), metavar="HOST:PORT")
@_calling
@_called
def echo(address: tuple[str, int], calling_aet: str, called_aet: str) -> None:
    """Test the line to a receiver with C-ECHO."""
    peer = Peer(*address, calling_aet, called_aet)
    try:
        seconds = sending.echo(peer)
    except MarginError as problem:
        raise click.ClickException(_in_words(problem)) from problem
    click.echo(f"{peer} answers C-ECHO in {seconds * 1000:.1f} ms.")


def _send(
    console: Console, folder: Path, peer: Peer, associations: int, found: sending.Found
) -> sending.Summary:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(f"Sending to {peer}", total=len(found.to_send))

        def settled(_head: FileHead, _refusal: RefusedFile | None) -> None:
            bar.advance(task)

        return sending.send(folder, peer, associations=associations, progress=settled, found=found)


def _report(console: Console, summary: sending.Summary) -> None:
    table = Table(show_header=False)
    rows = (
        ("accepted", str(summary.accepted)),
        ("refused", str(len(summary.refused))),
        ("left out", str(len(summary.skipped))),
        ("sent again after a lost association", str(summary.retried)),
        ("data", f"{summary.bytes_sent / 1e6:.1f} MB"),
        ("time", f"{summary.seconds:.1f} s"),
        ("rate", f"{summary.instances_per_s:.0f} files/s, {summary.megabytes_per_s:.1f} MB/s"),
    )
    for row in rows:
        table.add_row(*row)
    console.print(table)
    lists = (
        ("Refused", summary.refused),
        ("Left out", summary.skipped),
        ("Warned", summary.warned),
    )
    for title, files in lists:
        for file in files[:_MOST_SHOWN]:
            console.print(f"{title}: {file.name}: {file.reason}", markup=False, soft_wrap=True)
        if len(files) > _MOST_SHOWN:
            console.print(f"{title}: and {len(files) - _MOST_SHOWN} more.")


def _in_words(problem: MarginError) -> str:
    return " ".join(part for part in (problem.detail, problem.remedy) if part)
