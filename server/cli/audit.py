"""`margin audit`: is the trail whole?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from server.annotations.queries import broken_chains
from server.answers.queries import altered_addenda
from server.cli.home import home_option, reading, settings_of
from server.foundation import audit
from server.foundation.files import FileStore
from server.opinions.wholeness import altered_opinions


@click.group("audit")
def audit_group() -> None:
    """Read and verify the audit trail."""


@audit_group.command("verify")
@click.option("--head", help="Hash noted earlier: the trail must still contain it.")
@home_option
def verify(head: str | None, home: Path | None) -> None:
    """Prove that the trail, what was signed and the stored files are whole, or say what is not. Exit
    code 1 then.
    """
    settings = settings_of(home)
    with reading(settings) as session:
        report = audit.verify(session)
        broken = []
        if not report.whole:
            broken += [
                f"BROKEN at line {report.broken_at}: {report.why}.",
                f"The {report.lines} lines before it hold.",
            ]
        elif head is not None and not audit.contains(session, head):
            broken += [
                f"BROKEN: no line has the noted hash {head}; lines were cut off or rewritten."
            ]
        for altered in (broken_chains, altered_opinions, altered_addenda):
            broken += [f"BROKEN: {sentence}" for sentence in altered(session)]
    broken += [
        f"BROKEN: the stored file {sha256} has another content than its name says."
        for sha256 in FileStore(settings.files_dir).altered()
    ]
    if broken:
        click.echo("\n".join(broken))
        sys.exit(1)
    click.echo(f"The audit trail is whole: {report.lines} lines.")
    click.echo(f"head {report.head}")
