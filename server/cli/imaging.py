"""`margin check-imaging`: what the images in a folder are good for, without a home or a database."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Final

import click

from server.cli.home import complaints
from server.foundation.clock import utc_now
from server.imaging.assessing import assess, printed
from server.imaging.findings import Verdict
from server.imaging.folder import assess_series, read_folder
from server.imaging.protocols import protocol_named
from server.imaging.wording import LANGUAGES

# With --exit-code; 1 is left to what cannot be done and 2 to the command line, as everywhere.
EXIT_CODES: Final = {Verdict.ADEQUATE: 0, Verdict.LIMITED: 3, Verdict.INADEQUATE: 4}


@click.command("check-imaging")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--protocol", required=True, help="What the images are for, such as liver-ct.")
@click.option(
    "--date",
    "on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which the age of the images counts.  [today]",
)
@click.option("--no-pixels", is_flag=True, help="Look at headers alone, which is faster.")
@click.option(
    "--language", type=click.Choice(LANGUAGES), default="en", help="Of the sentences.  [en]"
)
@click.option(
    "--exit-code", is_flag=True, help="End with 3 when the images are limited, 4 when inadequate."
)
def check_imaging(
    folder: Path,
    protocol: str,
    on: datetime | None,
    no_pixels: bool,
    language: str,
    exit_code: bool,
) -> None:
    """Print what the images in FOLDER are, what is missing or wrong, and the verdict, as JSON."""
    day: date = (on or utc_now()).date()
    with complaints():
        wanted = protocol_named(protocol)
        content = read_folder(folder)
        series = assess_series(folder, content, pixels=not no_pixels)
        assessment = assess(series, [wanted], day, content.others)
        text = json.dumps(printed(assessment, language), indent=2, ensure_ascii=False)
    click.echo(text)
    if exit_code:
        click.get_current_context().exit(EXIT_CODES[assessment.verdict])
