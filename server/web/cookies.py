"""Cookie names and attributes.

Over https every cookie has the `__Host-` prefix, which ties it to this origin and to TLS. Over plain
http on one machine that prefix is refused by browsers, so the port stands in the name instead: cookies
do not know ports, and two Margins on one machine must not sign each other out.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from flask import Request, Response

from server.access.actions import BegunLaunch
from server.foundation.settings import Settings


def _name(settings: Settings, what: str) -> str:
    address = urlsplit(settings.public_url)
    if address.scheme == "https":
        return f"__Host-margin-{what}"
    return f"margin-{address.port or 80}-{what}"


def sign_in_name(settings: Settings) -> str:
    return _name(settings, "account")


def launch_name(settings: Settings, launch_id: str) -> str:
    return _name(settings, f"visit-{launch_id}")


def launch_ids(request: Request, settings: Settings) -> list[str]:
    """The visits whose cookies this browser brings."""
    prefix = launch_name(settings, "")
    return [name.removeprefix(prefix) for name in request.cookies if name.startswith(prefix)]


def forms_name(settings: Settings) -> str:
    """The cookie that carries the forms' protection against cross-site requests."""
    return _name(settings, "forms")


def read(request: Request, name: str) -> str | None:
    return request.cookies.get(name) or None


def give(
    response: Response, settings: Settings, name: str, secret: str, *, expires_at: datetime
) -> None:
    """Set a secret cookie: HttpOnly, SameSite=Lax, Secure over https."""
    response.set_cookie(
        name,
        secret,
        expires=expires_at,
        path="/",
        secure=settings.public_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )


def give_visit(response: Response, settings: Settings, begun: BegunLaunch) -> None:
    """Set the cookie of a visit that has begun; it ends with the visit."""
    name, ends = launch_name(settings, begun.launch.id), begun.launch.expires_at
    give(response, settings, name, begun.secret, expires_at=ends)


def take_back(response: Response, settings: Settings, name: str) -> None:
    response.delete_cookie(
        name,
        path="/",
        secure=settings.public_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )
