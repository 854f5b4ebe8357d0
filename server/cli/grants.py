"""`margin grant`: access tokens from the command line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from rich.table import Table
from sqlalchemy.orm import Session

from server.access.action import Permit
from server.access.actions import issue_grant, revoke_grant
from server.access.permissions import SHARED_PERMITS
from server.access.queries import grant as grant_of
from server.access.queries import grants, grants_of_case
from server.access.records import Grant
from server.cases.queries import case_by_id, case_by_number
from server.cli.home import OPERATOR, home_option, reading, settings_of, table_console, writing
from server.foundation import audit
from server.foundation.clock import utc_now
from server.people.queries import people, person_of_email
from server.people.records import Person


@click.group("grant")
def grant_group() -> None:
    """Issue, list and revoke access tokens."""


@grant_group.command("create")
@click.option("--case", "number", help="Number of the case, such as M-2026-00001.")
@click.option("--archive", is_flag=True, help="For a trusted system: every study, no case.")
@click.option(
    "--for", "for_whom", required=True, help="Name, or e-mail address of a known surgeon."
)
@click.option("--may", default="view", show_default=True, help="view,annotate,sign,upload,download")
@click.option(
    "--pseudonymised", is_flag=True, help="Show the images without names and identifiers."
)
@click.option("--days", type=int, help="How long it is valid.  [MARGIN_LINK_VALID_DAYS; 14]")
@home_option
def create(
    number: str | None,
    archive: bool,
    for_whom: str,
    may: str,
    pseudonymised: bool,
    days: int | None,
    home: Path | None,
) -> None:
    """Make a token and print it, this once."""
    if archive == (number is not None):
        raise click.UsageError("Give either --case NUMBER or --archive.")
    permits = _permits(may)
    settings = settings_of(home)
    now = utc_now()
    with writing(settings) as session:
        case = case_by_number(session, number) if number else None
        person = _person(session, for_whom)
        issued = issue_grant(
            session,
            case=case,
            for_whom=person.name if person else for_whom,
            permits=permits,
            days=days if days is not None else settings.link_valid_days,
            issued_by=OPERATOR,
            now=now,
            person=person,
            pseudonymised=pseudonymised,
        )
        _record_issue(session, issued.grant, number, now)
    click.echo(issued.token)
    if case is not None:
        click.echo(f"link: {settings.public_url}/open#{issued.token}", err=True)
    click.echo(
        f"grant {issued.grant.id[:8]}, valid until {issued.grant.expires_at:%Y-%m-%d %H:%M} UTC; "
        "the token is not shown again",
        err=True,
    )


def _record_issue(session: Session, grant: Grant, number: str | None, now: datetime) -> None:
    audit.append(
        session,
        actor=OPERATOR,
        action="grant.issue",
        object_=f"grant {grant.id[:8]}",
        outcome="done",
        now=now,
        case_number=number,
        details={
            "permits": grant.permits,
            "pseudonymised": grant.pseudonymised,
            "expires_at": grant.expires_at.isoformat(),
        },
    )


@grant_group.command("list")
@click.option("--case", "number", help="Only of this case.")
@home_option
def list_(number: str | None, home: Path | None) -> None:
    """Show grants: for whom, what they permit, until when, last use."""
    now = utc_now()
    table = Table("id", "case", "for", "may", "state", "expires (UTC)", "uses", "last used (UTC)")
    with reading(settings_of(home)) as session:
        found = (
            grants_of_case(session, case_by_number(session, number).id)
            if number
            else grants(session)
        )
        for grant in found:
            case = case_by_id(session, grant.case_id).number if grant.case_id else "archive"
            table.add_row(
                grant.id[:8],
                case,
                grant.for_whom,
                ", ".join([*grant.permits, *(["pseudonymised"] if grant.pseudonymised else [])]),
                _state(grant, now),
                f"{grant.expires_at:%Y-%m-%d %H:%M}",
                str(grant.uses),
                f"{grant.last_used_at:%Y-%m-%d %H:%M}" if grant.last_used_at else "never",
            )
    table_console().print(table)


@grant_group.command("revoke")
@click.argument("grant_id")
@click.option("--why", default="", help="Reason, kept with the grant.")
@home_option
def revoke(grant_id: str, why: str, home: Path | None) -> None:
    """End a grant; every visit begun with it ends within seconds."""
    now = utc_now()
    with writing(settings_of(home)) as session:
        grant = grant_of(session, grant_id)
        revoke_grant(session, grant, by=OPERATOR, why=why, now=now)
        audit.append(
            session,
            actor=OPERATOR,
            action="grant.revoke",
            object_=f"grant {grant.id[:8]}",
            outcome="done",
            now=now,
            case_number=case_by_id(session, grant.case_id).number if grant.case_id else None,
            reason=why,
        )
    click.echo(f"Grant {grant.id[:8]} is revoked.")


def _permits(may: str) -> frozenset[Permit]:
    names = [name.strip() for name in may.split(",") if name.strip()]
    known = [permit.value for permit in Permit if permit not in SHARED_PERMITS]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.UsageError(f"Unknown: {', '.join(unknown)}. Known are {', '.join(known)}.")
    return frozenset(Permit(name) for name in names)


def _person(session: Session, for_whom: str) -> Person | None:
    """The surgeon whose address or, if only one bears it, whose name was given."""
    by_email = person_of_email(session, for_whom)
    if by_email is not None:
        return by_email
    named = [
        one
        for one in people(session, "surgeon")
        if one.name.casefold() == for_whom.strip().casefold()
    ]
    return named[0] if len(named) == 1 else None


def _state(grant: Grant, now: datetime) -> str:
    if grant.revoked_at is not None:
        return "revoked"
    return "expired" if grant.expires_at <= now else "good"
