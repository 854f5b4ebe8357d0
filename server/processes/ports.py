"""Are the ports free? Asked before anything is started, so that the answer is a clear one."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from server.foundation.errors import Unavailable
from server.foundation.settings import Settings
from server.processes.programs import runs_own_orthanc


class PortTaken(Unavailable):
    """Something else listens where Margin was told to."""


@dataclass(frozen=True)
class Listener:
    """One address Margin will listen on, and how a person chooses another."""

    purpose: str
    host: str
    port: int
    option: str
    variable: str


def listeners(settings: Settings) -> tuple[Listener, ...]:
    web = Listener("pages", settings.host, settings.port, "--port", "MARGIN_PORT")
    if not runs_own_orthanc(settings):
        return (web,)
    # Orthanc binds both of its ports on every address and refuses HTTP from elsewhere by itself.
    return (
        web,
        Listener("DICOM", "", settings.dicom_port, "--dicom-port", "MARGIN_DICOM_PORT"),
        Listener("Orthanc", "", settings.orthanc_port, "--orthanc-port", "MARGIN_ORTHANC_PORT"),
    )


def require_free(settings: Settings) -> None:
    """Raises PortTaken for the first port that cannot be listened on, with the remedy."""
    for listener in listeners(settings):
        reason = _refusal(listener.host, listener.port)
        if reason:
            raise PortTaken(
                f"Port {listener.port} ({listener.purpose}) {reason}",
                remedy=f"Choose another with {listener.option} or {listener.variable}, or stop "
                f"what listens there: `ss -ltnp 'sport = :{listener.port}'` names it.",
                port=listener.port,
            )


def _refusal(host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as knock:
        # As the servers do: connections of a server just stopped are no obstacle.
        knock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            knock.bind((host, port))
            knock.listen(1)
        except OSError as refused:
            if refused.errno == errno.EADDRINUSE:
                return "is already in use"
            return f"cannot be used on {host or 'this machine'}: {refused.strerror}"
    return ""
