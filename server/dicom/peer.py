"""The other end of a line: its address, both Application Entity titles, and the way there.

With `Tls` the connection is encrypted by the profiles of PS3.15 Annex B: TLS 1.2 or newer, the
receiver's certificate checked against its authority and its name.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from server.foundation.errors import Refused, Unavailable


class PeerUnreachable(Unavailable):
    """No connection could be made to the receiver."""


class PeerNotTrusted(Refused):
    """The receiver's certificate is not one to be believed, or it does not believe ours."""


@dataclass(frozen=True)
class Tls:
    """How to encrypt. `ca` is a file (PEM) of authorities, None those of this machine; `certificate`
    and `key` (PEM) show who we are, where the receiver asks; `name` is looked for in the receiver's
    certificate, empty for the host's own name."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    name: str = ""

    def context(self) -> ssl.SSLContext:
        """Raises PeerNotTrusted when one of the files cannot be used."""
        try:
            context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as problem:
            raise PeerNotTrusted(
                f"The files for TLS cannot be used: {problem.strerror or problem}.",
                remedy="Give certificates and key as PEM files that can be read.",
            ) from problem
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


@dataclass(frozen=True)
class Peer:
    """Who speaks to whom: the receiver's address, and both Application Entity titles (1 to 16
    characters, PS3.5 6.2 VR AE). Timeouts in seconds: for the connection, and for each answer."""

    host: str
    port: int
    calling_aet: str
    called_aet: str
    connect_timeout_s: float = 10.0
    answer_timeout_s: float = 60.0
    tls: Tls | None = None

    def __str__(self) -> str:
        return f"{self.called_aet} at {self.host}:{self.port}"


def connect(peer: Peer) -> socket.socket:
    """A connection to the peer, encrypted where it says so; raises PeerUnreachable, PeerNotTrusted."""
    connection = _reached(peer)
    # Nagle's delay meets the receiver's delayed acknowledgement and costs 40 ms per instance.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if peer.tls is not None:
        connection = _encrypted(connection, peer, peer.tls)
    connection.settimeout(peer.answer_timeout_s)
    return connection


def _reached(peer: Peer) -> socket.socket:
    try:
        return socket.create_connection((peer.host, peer.port), peer.connect_timeout_s)
    except socket.gaierror as problem:
        raise PeerUnreachable(
            f"The name {peer.host} is not known.", remedy="Check the host in HOST:PORT."
        ) from problem
    except ConnectionRefusedError as problem:
        raise PeerUnreachable(
            f"Nothing listens at {peer.host}:{peer.port} (connection refused).",
            remedy="Check the address and the port, and whether the receiver is running.",
        ) from problem
    except TimeoutError as problem:
        raise PeerUnreachable(
            f"{peer.host}:{peer.port} did not answer within {peer.connect_timeout_s:g} s.",
            remedy="Check the address, and whether a firewall lies between.",
        ) from problem
    except OSError as problem:
        raise PeerUnreachable(
            f"{peer.host}:{peer.port} cannot be reached: {problem.strerror or problem}."
        ) from problem


def _encrypted(connection: socket.socket, peer: Peer, tls: Tls) -> socket.socket:
    context = tls.context()
    try:
        return context.wrap_socket(connection, server_hostname=tls.name or peer.host)
    except ssl.SSLCertVerificationError as problem:
        connection.close()
        raise PeerNotTrusted(
            f"The certificate of {peer.host}:{peer.port} is not trusted: {problem.verify_message}.",
            remedy="Give the authority that signed it with --ca, and the name in it with --tls-name.",
        ) from problem
    except (OSError, ssl.SSLError) as problem:
        connection.close()
        raise PeerUnreachable(
            f"{peer.host}:{peer.port} did not agree on TLS: {getattr(problem, 'reason', '') or problem}.",
            remedy="Ask whether its port speaks TLS, and whether it wants a certificate from us.",
        ) from problem
