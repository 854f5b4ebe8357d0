"""`margin seal-key`: the key by which opinions are sealed, made and shown."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli.home import complaints, home_option, settings_of
from server.foundation.clock import utc_now
from server.opinions.seal_key import make_seal_key, seal_key_of


@click.command("seal-key")
@home_option
@click.option("--name", default="Margin", show_default=True, help="Whom the certificate names.")
def seal_key(home: Path | None, name: str) -> None:
    """Make the key that seals opinions where there is none, and show it.

    The certificate is signed by the key itself. It does for a start; one of an authority is given by
    MARGIN_SEAL_KEY and MARGIN_SEAL_CERT. A key that is there is never written over.
    """
    chosen, now = settings_of(home), utc_now()
    with complaints():
        made = chosen.seal_key.is_relative_to(chosen.home) and make_seal_key(
            chosen.seal_key, now, name
        )
        key = seal_key_of(
            chosen.seal_key, chosen.seal_cert or None, chosen.seal_password, own=False, now=now
        )
    click.echo(f"{'Made' if made else 'There already'}: {chosen.seal_key}")
    click.echo(f"Certificate of: {key.issued_to}")
    click.echo(f"Valid until:    {key.valid_until:%Y-%m-%d}")
    click.echo(f"SHA-256:        {key.fingerprint}")
