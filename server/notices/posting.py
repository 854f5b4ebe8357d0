"""Webhooks: what is posted, how it is signed, and where it may go.

Signed as Standard Webhooks (specification 1.0.0) says: `webhook-id`, `webhook-timestamp` and
`webhook-signature` with `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from server.foundation.clock import iso
from server.foundation.errors import FieldProblem, Invalid
from server.notices.outcome import Delivered, Outcome, Postponed, Undeliverable
from server.notices.patience import at_most
from server.notices.sealing import PREFIX

VERSION: Final = 1
TIMEOUT_S: Final = 10.0
MOST_ANSWER_BYTES: Final = 4096
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
_PORTS: Final = {"http": 80, "https": 443}
_GONE: Final = 410  # Standard Webhooks: the endpoint asks not to be sent to any more


class AddressRefused(Invalid):
    """Margin does not post to this address."""


@dataclass(frozen=True)
class Event:
    """What happened, for a program. `id` is the same for every attempt and every subscriber."""

    id: str
    kind: str
    at: datetime
    case_number: str | None
    case_address: str | None
    facts: Mapping[str, str | int]

    def body(self) -> bytes:
        """The JSON that is posted; docs/notices.md describes it."""
        case = {"number": self.case_number, "address": self.case_address}
        said: dict[str, Any] = {
            "type": self.kind,
            "version": VERSION,
            "timestamp": iso(self.at),
            "data": {"case": case if self.case_number else None, "facts": dict(self.facts)},
        }
        return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: str, event_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{event_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def check_address(url: str, *, private: bool) -> None:
    """Refuse what can be seen to be no address to post to; raises AddressRefused.

    Without `private` only https is taken. Where a name leads is looked at each time it is called.
    """
    schemes = ("https", "http") if private else ("https",)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and parts.hostname and not parts.username
        usable = usable and parts.port != 0
    except ValueError:  # a bracket left open, a port that is none
        usable = False
    if not usable or "#" in url or not url.isascii() or not url.isprintable():
        raise AddressRefused(
            "The webhook was not kept.",
            [FieldProblem("/url", "Enter an address such as https://hospital.example/margin.")],
        )


def post(url: str, secret: str, event: Event, now: datetime, *, private: bool = False) -> Outcome:
    """Post an event once. Redirects are not followed, and of the answer only its status counts."""
    body, timestamp_s = event.body(), int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Margin-Webhooks/1",
        "webhook-id": event.id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature(secret, event.id, timestamp_s, body),
    }
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        check_address(url, private=private)
        address = _address(host, parts.port or _PORTS[parts.scheme], private=private)
    except AddressRefused as refusal:
        return Postponed(refusal.problems[0].message if refusal.problems else refusal.detail)
    except (OSError, UnicodeError):  # a name that is none, such as `a..b`
        return Postponed(f"There is no address for {host}.", away=True)
    # Called at the very address that was looked at: a name that leads elsewhere a moment later
    # (DNS rebinding) changes nothing. The certificate is still held against the name.
    shown = f"[{address}]" if ":" in address else address
    at = httpx.URL(url).copy_with(host=shown)
    headers["Host"] = parts.netloc
    try:
        with at_most(TIMEOUT_S):
            status = _status(at, body, headers, host)
    except (httpx.HTTPError, OSError) as reason:
        away = isinstance(reason, httpx.TransportError)
        return Postponed(f"{host} does not answer ({type(reason).__name__}).", away)
    return _outcome(host, status)


def _status(at: httpx.URL, body: bytes, headers: dict[str, str], host: str) -> int:
    with httpx.Client(
        verify=ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        timeout=TIMEOUT_S,
    ) as client:
        until = time.monotonic() + TIMEOUT_S
        with client.stream(
            "POST", at, content=body, headers=headers, extensions={"sni_hostname": host}
        ) as answer:
            seen = 0
            for piece in answer.iter_raw(MOST_ANSWER_BYTES):
                seen += len(piece)
                if seen >= MOST_ANSWER_BYTES or time.monotonic() > until:
                    break
            return answer.status_code


def _outcome(host: str, status: int) -> Outcome:
    if 200 <= status < 300:
        return Delivered()
    if status == _GONE:
        return Undeliverable(f"{host} answered 410: it wants no more events.", gone=True)
    if 300 <= status < 400:
        return Postponed(f"{host} answered {status}: redirects are not followed.")
    return Postponed(f"{host} answered {status}.")


def _is_public(text: str) -> bool:
    """Whether an address belongs to the public internet. One that holds another within itself (RFC 4291
    2.5.5.2, RFC 6052, RFC 3056, RFC 4380) is as public as that one, or not at all."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped.is_global
        if address.sixtofour or address.teredo or address in _TRANSLATED:
            return False
    return address.is_global and not address.is_multicast


def _address(host: str, port: int, *, private: bool) -> str:
    """An address of the host; raises AddressRefused when any of its addresses is not public."""
    found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    for text in found:
        if not (private or _is_public(text)):
            raise AddressRefused(
                "The webhook was not called.",
                [
                    FieldProblem(
                        "/url",
                        f"{host} is an address of this machine or of a private network; "
                        "MARGIN_WEBHOOK_PRIVATE allows these.",
                    )
                ],
            )
    return min(found, key=lambda text: (":" in text, text))
