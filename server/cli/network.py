"""`margin push` and `margin echo`: the hospital's side of the line, on its own machine."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from server.cli.pushing import Push, report
from server.dicom import sending
from server.dicom.association import Peer
from server.dicom.peer import Tls
from server.foundation.errors import MarginError


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


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option(
        "--calling-aet",
        type=_Title(),
        default="MARGIN-PUSH",
        show_default=True,
        help="Our AE title.",
    ),
    click.option(
        "--called-aet",
        type=_Title(),
        default="MARGIN",
        show_default=True,
        help="Title of the receiver.",
    ),
    click.option("--tls", is_flag=True, help="Encrypt the line by TLS."),
    click.option("--ca", type=_FILE, help="Authorities that the receiver's certificate is from."),
    click.option("--tls-name", default="", help="Name in the receiver's certificate, if not HOST."),
    click.option("--certificate", type=_FILE, help="Our own certificate, where it is asked for."),
    click.option("--key", type=_FILE, help="The private key of our certificate."),
)


def _line(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say who speaks to whom, and how."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _peer(address: tuple[str, int], said: dict[str, Any]) -> Peer:
    encrypted = said["tls"] or any(said[name] for name in ("ca", "tls_name", "certificate", "key"))
    tls = Tls(said["ca"], said["certificate"], said["key"], said["tls_name"]) if encrypted else None
    return Peer(*address, said["calling_aet"], said["called_aet"], tls=tls)


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path), metavar="DIR")
@click.option("--to", "address", type=_Address(), required=True, help="The receiver's address.")
@_line
@click.option(
    "--associations",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="How many associations to use at a time.",
)
@click.option("--commit", is_flag=True, help="Ask the receiver to answer for what it was sent.")
@click.option(
    "--listen",
    type=click.IntRange(0, 65535),
    help="Port on which its answer arrives; the one registered for our AE title.",
)
@click.option(
    "--commit-wait",
    type=click.FloatRange(0.1, 86400),
    default=60.0,
    show_default=True,
    help="How many seconds to wait for its answer.",
)
@click.option(
    "--receipt", type=click.Path(dir_okay=False, path_type=Path), help="Write a receipt here."
)
@click.option("--again", is_flag=True, help="Send what was accepted before, too.")
def push(
    folder: Path,
    address: tuple[str, int],
    associations: int,
    commit: bool,
    listen: int | None,
    commit_wait: float,
    receipt: Path | None,
    again: bool,
    **line: Any,
) -> None:
    """Send every DICOM file below DIR by C-STORE, as it is stored.

    A lost connection is taken up again with what has not been accepted yet; so is a sending that was
    broken off, when the same command is given again. The exit code is 0 only if every file was
    accepted, and with --commit also answered for; a file that is not DICOM is listed by name and makes
    it 1. A DICOMDIR is left out without being counted.
    """
    if listen is not None and not commit:
        raise click.UsageError("--listen goes with --commit.")
    found = sending.find(folder)
    if not found.to_send and not found.refused:
        raise click.ClickException(f"There is nothing to send in {folder}.")
    sent = Push(folder, _peer(address, line), found, again=again, wants_receipt=bool(receipt))
    try:
        if commit:
            summary = sent.with_commitment(
                associations, Console(stderr=True), port=listen, wait_s=commit_wait
            )
        else:
            summary = sent.run(associations, Console(stderr=True))
    except MarginError as problem:
        raise click.ClickException(_in_words(problem)) from problem
    finally:
        if receipt is not None:
            sent.write_receipt(receipt)
    report(Console(), summary, sent)
    sys.exit(0 if sent.is_complete(summary) else 1)


@click.command()
@click.argument("address", type=_Address(), metavar="HOST:PORT")
@_line
def echo(address: tuple[str, int], **line: Any) -> None:
    """Test the line to a receiver with C-ECHO."""
    peer = _peer(address, line)
    try:
        seconds = sending.echo(peer)
    except MarginError as problem:
        raise click.ClickException(_in_words(problem)) from problem
    click.echo(f"{peer} answers C-ECHO in {seconds * 1000:.1f} ms.")


def _in_words(problem: MarginError) -> str:
    return " ".join(part for part in (problem.detail, problem.remedy) if part)
