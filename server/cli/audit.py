"""`margin audit`: is the trail whole?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from server.annotations.queries import broken_chains
from server.cli.home import home_option, reading, settings_of
from server.foundation import audit


@click.group("audit")
def audit_group() -> None:
    """Read and verify the audit trail."""


@audit_group.command("verify")
@click.option("--head", help="Hash noted earlier: the trail must still contain it.")
@home_option
def verify(head: str | None, home: Path | None) -> None:
    """Prove that the trail and the signed revisions are whole, or say where not. Exit code 1 then."""
    with reading(settings_of(home)) as session:
        report = audit.verify(session)
        cut = head is not None and not audit.contains(session, head)
        exchanged = list(broken_chains(session))
    if not report.whole:
        click.echo(f"BROKEN at line {report.broken_at}: {report.why}.")
        click.echo(f"The {report.lines} lines before it hold.")
        sys.exit(1)
    if cut:
        click.echo(f"BROKEN: no line has the noted hash {head}; lines were cut off or rewritten.")
        sys.exit(1)
    for sentence in exchanged:
        click.echo(f"BROKEN: {sentence}")
    if exchanged:
        sys.exit(1)
    click.echo(f"The audit trail is whole: {report.lines} lines.")
    click.echo(f"head {report.head}")
