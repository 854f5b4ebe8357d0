"""`margin export-research`: a de-identified export, from the command line."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli.home import OPERATOR, complaints, home_option, reading, settings_of, writing
from server.figures.exporting import export_named, make_export, query_of, read_query
from server.figures.research import Query
from server.foundation import audit
from server.foundation.clock import utc_now


@click.command("export-research")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--cancer", default="", help="Id of a kind of cancer, such as liver-crlm.")
@click.option("--since", default="", help="First day of the first opinion, 2026-01-01.")
@click.option("--until", default="", help="Last day of the first opinion.")
@click.option("--as-of", default="", help="Records as known at this moment (UTC); now if left out.")
@click.option("--k", default="5", show_default=True, help="Smallest group of the same kind.")
@click.option("--fhir", is_flag=True, help="FHIR Observations as well; takes longer.")
@click.option("--repeat", help="Id of an earlier export: make it again and compare.")
@home_option
def export_research(
    out: Path,
    cancer: str,
    since: str,
    until: str,
    as_of: str,
    k: str,
    fhir: bool,
    repeat: str | None,
    home: Path | None,
) -> None:
    """Write cases with opinions and outcomes, without whose they are, as a zip of CSV and JSON.

    The same query gives the same content. Exit code 1 when a repeated export came out differently.
    """
    settings = settings_of(home)
    expected = ""
    with reading(settings) as session:
        if repeat:
            export = export_named(session, repeat)
            query, expected = query_of(export), export.content_sha256
        else:
            typed = {"cancer": cancer, "since": since, "until": until, "as_of": as_of, "k": k}
            typed["fhir"] = "yes" if fhir else ""
            with complaints():
                query = read_query(typed, utc_now())
        result = make_export(session, query, settings.secret_key)
    out.write_bytes(result.content)
    _record(settings_of(home), query, result.content_sha256, result.case_count)
    click.echo(f"{result.case_count} cases, {result.withheld_count} withheld, in {out}")
    click.echo(f"as of {query.to_json()['as_of']}")
    click.echo(f"content {result.content_sha256}")
    if expected and expected != result.content_sha256:
        raise click.ClickException(f"The export {repeat} had the content {expected}.")


def _record(settings: object, query: Query, content_sha256: str, cases: int) -> None:
    with writing(settings) as session:  # type: ignore[arg-type]
        audit.append(
            session,
            actor=OPERATOR,
            action="research.export",
            object_="export to a file",
            outcome="done",
            now=utc_now(),
            details={"query": query.to_json(), "content_sha256": content_sha256, "cases": cases},
        )
