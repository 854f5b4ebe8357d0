"""`margin person` and `margin hospital`: the first account, and what a script needs to set up."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.orm import Session

from server.access.actions import change_password, set_password
from server.access.codes import ask_for_code
from server.cli.home import OPERATOR, home_option, settings_of, writing
from server.foundation import audit
from server.foundation.clock import utc_now
from server.people import actions
from server.people.queries import hospitals, person_of_email


@click.group("person")
def person_group() -> None:
    """Add people and set passwords."""


@person_group.command("add")
@click.option("--name", required=True)
@click.option("--email", required=True)
@click.option("--role", type=click.Choice(actions.ROLES), required=True)
@click.option("--centre", default="", help="Where a surgeon works.")
@click.option(
    "--hospital", "named", multiple=True, help="A hospital whose cases a coordinator sees."
)
@click.password_option(required=False, prompt_required=False, help="Asked for when not given.")
@home_option
def add_person(
    name: str,
    email: str,
    role: str,
    centre: str,
    named: tuple[str, ...],
    password: str | None,
    home: Path | None,
) -> None:
    """Add somebody. A surgeon needs no password: they come in by access links."""
    now = utc_now()
    with writing(settings_of(home)) as session:
        person = actions.add_person(
            session, name=name, email=email, role=role, centre=centre, now=now
        )
        if password:
            set_password(person, password)
        known = {hospital.name: hospital for hospital in hospitals(session)}
        for hospital_name in named:
            if hospital_name not in known:
                raise click.UsageError(f"No hospital is named “{hospital_name}”.")
            actions.let_coordinate(session, person, known[hospital_name])
        _audit(session, "people.change", f"person {person.id[:8]}", {"role": role})
    click.echo(f"{name} is added as {role}.")


@person_group.command("password")
@click.argument("email")
@click.password_option()
@home_option
def password_(email: str, password: str, home: Path | None) -> None:
    """Set somebody's password, and end what was begun with the old one."""
    with writing(settings_of(home)) as session:
        person = person_of_email(session, email)
        if person is None:
            raise click.ClickException(f"Nobody has the address {email}.")
        change_password(session, person, password, utc_now())
        _audit(session, "people.change", f"person {person.id[:8]}", {"password": "set"})
    click.echo("The password is set. Whoever was signed in with the old one is signed out.")


@person_group.command("code")
@click.argument("email")
@home_option
def code(email: str, home: Path | None) -> None:
    """Ask for a six-digit code at sign-in from now on; prints the address for an authenticator."""
    with writing(settings_of(home)) as session:
        person = person_of_email(session, email)
        if person is None:
            raise click.ClickException(f"Nobody has the address {email}.")
        address = ask_for_code(person)
        _audit(session, "people.change", f"person {person.id[:8]}", {"code": "set"})
    click.echo(address)
    click.echo("Enter it in an authenticator now; it is not shown again.", err=True)


@click.group("hospital")
def hospital_group() -> None:
    """Register hospitals and the AE titles they send from."""


@hospital_group.command("add")
@click.option("--name", required=True)
@click.option("--country", default="", help="Two letters.")
@click.option("--aet", required=True, help="AE title it sends from.")
@click.option("--host", required=True, help="Address it sends from.")
@click.option("--dicom-port", type=int, default=104, show_default=True)
@click.option("--tls", is_flag=True, help="It is called by TLS.")
@home_option
def add_hospital(
    name: str, country: str, aet: str, host: str, dicom_port: int, tls: bool, home: Path | None
) -> None:
    """Register a hospital, or another line of one. The archive learns of it within ten seconds."""
    now = utc_now()
    with writing(settings_of(home)) as session:
        known = {hospital.name: hospital for hospital in hospitals(session)}
        hospital = known.get(name) or actions.register_hospital(
            session, name=name, country=country, now=now
        )
        actions.register_line(
            session, hospital, ae_title=aet, host=host, port=dicom_port, now=now, use_tls=tls
        )
        _audit(session, "hospitals.change", f"hospital {hospital.id[:8]}", {"ae_title": aet})
    click.echo(f"{name} may send as {aet}.")


def _audit(session: Session, action: str, object_: str, details: dict[str, str]) -> None:
    audit.append(
        session,
        actor=OPERATOR,
        action=action,
        object_=object_,
        outcome="done",
        now=utc_now(),
        details=details,
    )
