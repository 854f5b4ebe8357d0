"""`margin audit`: is the trail whole?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from server.cli.home import home_option, reading, settings_of
from server.foundation import audit


@click.group("audit")
def audit_group() -> None:
    """Read and verify the audit trail."""


@audit_group.command("verify")
@click.option("--head", help="Hash noted earlier: the trail must still contain it.")
@home_option
def verify(head: str | None, home: Path | None) -> None:
    """Prove that the chain is whole, or say where it is not. Exit code 1 when it is broken."""
    with reading(settings_of(home)) as session:
        report = audit.verify(session)
        cut = head is not None and not audit.contains(session, head)
    if not report.whole:
        click.echo(f"BROKEN at line {report.broken_at}: {report.why}.")
        click.echo(f"The {report.lines} lines before it hold.")
        sys.exit(1)
    if cut:
        click.echo(f"BROKEN: no line has the noted hash {head}; lines were cut off or rewritten.")
        sys.exit(1)
    click.echo(f"The audit trail is whole: {report.lines} lines.")
    click.echo(f"head {report.head}")
