"""The `margin` command."""

from __future__ import annotations

import click

from server.cli.audit import audit_group
from server.cli.demo import demo
from server.cli.grants import grant_group
from server.cli.imaging import check_imaging
from server.cli.network import echo, push
from server.cli.people import hospital_group, person_group
from server.cli.prepare import prepare
from server.cli.research import export_research
from server.cli.resection import resect
from server.cli.rules import rules_group
from server.cli.sealing import seal_key
from server.cli.segmenting import segment
from server.cli.surgeons import export_surgeons, import_surgeons
from server.cli.volumes import volumes
from server.processes.commands import status, up


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="margin", prog_name="margin")
def main() -> None:
    """Margin: remote review of whether a tumour can be resected."""


for command in (
    up,
    status,
    demo,
    push,
    echo,
    grant_group,
    audit_group,
    person_group,
    hospital_group,
    prepare,
    rules_group,
    volumes,
    resect,
    segment,
    check_imaging,
    seal_key,
    import_surgeons,
    export_surgeons,
    export_research,
):
    main.add_command(command)
