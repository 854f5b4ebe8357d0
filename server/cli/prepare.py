"""`margin prepare`: have studies prepared that are here already."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli.home import home_option, settings_of, writing
from server.foundation.clock import utc_now
from server.intake.queries import arrivals
from server.prepared.actions import ask_anew

PREPARED_STATES = ("receiving", "unmatched", "matched")


@click.command("prepare")
@click.option("--study", "wanted", metavar="UID", help="StudyInstanceUID of one study.")
@click.option("--all", "everything", is_flag=True, help="Every study that was not set aside.")
@home_option
def prepare(wanted: str | None, everything: bool, home: Path | None) -> None:
    """Ask the worker to prepare studies for viewing; what is prepared already is left as it is."""
    if (wanted is None) == (not everything):
        raise click.UsageError("Give either --study UID or --all.")
    now, asked = utc_now(), 0
    with writing(settings_of(home)) as session:
        for arrival in arrivals(session, None, PREPARED_STATES, limit=10**9):
            if everything or arrival.StudyInstanceUID == wanted:
                for series in arrival.series:
                    ask_anew(session, arrival.StudyInstanceUID, series["SeriesInstanceUID"], now)
                    asked += 1
    if not asked:
        raise click.ClickException("No such study has arrived.")
    click.echo(f"Asked for {asked} series. The worker prepares them in turn.")
