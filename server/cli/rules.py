"""`margin rules`: published criteria applied to cases from files, without a home or a database."""

from __future__ import annotations

import json
from typing import IO, Any

import click
from rich.table import Column, Table
from rich.text import Text

from server.annotations.judging import CaseRefused, Judge, as_json, listing, parsed
from server.cli.home import complaints, table_console


@click.group("rules")
def rules_group() -> None:
    """List published criteria sets, and apply one to cases."""


@rules_group.command("list")
@click.option("--json", "as_json_text", is_flag=True, help="Print JSON.")
def list_(as_json_text: bool) -> None:
    """Show every organ's rulesets: version, options with choices and default, source."""
    found = listing()
    if as_json_text:
        click.echo(json.dumps(found, indent=2))
        return
    table = Table(
        Column("organ", no_wrap=True),
        Column("ruleset", no_wrap=True),
        Column("title", overflow="fold"),
        Column("version", overflow="fold"),
        Column("options (* default)", overflow="fold"),
        Column("source", overflow="fold"),
    )
    for row in found["rulesets"]:
        cells = [row["organ"], row["ruleset"], row["title"], row["version"]]
        options = "\n".join(_option_line(option) for option in row["options"])
        table.add_row(*(Text(cell) for cell in (*cells, options or "none", row["source"])))
    table_console().print(table)


@rules_group.command("evaluate")
@click.option("--organ", required=True, help="Id of the organ, such as pancreas.")
@click.option("--ruleset", required=True, help="Id of the ruleset, such as nccn-2022.")
@click.option(
    "--option", "given", multiple=True, metavar="NAME=VALUE", help="May be given repeatedly."
)
@click.argument("file", type=click.File("rb"))
def evaluate(organ: str, ruleset: str, given: tuple[str, ...], file: IO[bytes]) -> None:
    """Judge the case in FILE, or every case of the array in it; - is standard input.

    A case that cannot be judged gives {"error": ...} in its place, its fields are named on standard
    error, and the exit code is 1.
    """
    options = _options(given)
    with complaints():
        judge = Judge.named(organ, ruleset, options)
        document = parsed(_content(file))
    several = isinstance(document, list)
    results = judge.results(document) if several else [judge.result(document)]
    printed = [as_json(result) for result in results]
    click.echo(json.dumps(printed if several else printed[0], indent=2))
    refused = [result for result in results if isinstance(result, CaseRefused)]
    if refused:
        raise click.ClickException("\n".join(_complaint(one) for one in refused))


def _content(file: IO[bytes]) -> bytes:
    try:
        return file.read()
    except OSError as error:
        raise click.ClickException(f"{file.name} cannot be read: {error.strerror}.") from error


def _options(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise click.UsageError(f"“{one}” is not an option; write NAME=VALUE.")
        if name in found:
            raise click.UsageError(f"The option {name} is given twice; give it once.")
        found[name] = value
    return found


def _option_line(option: dict[str, Any]) -> str:
    choices = (f"{one}*" if one == option["default"] else one for one in option["choices"])
    return f"{option['name']} = {' | '.join(choices)}"


def _complaint(refused: CaseRefused) -> str:
    fields = [
        f"  {problem.pointer or 'the whole case'}: {problem.message}"
        for problem in refused.problems
    ]
    return "\n".join([refused.detail, *fields])
