"""What the text of a setting may look like: one parser for each kind."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True)
class Kind:
    """What a setting's text may look like. `parse` raises ValueError with a sentence."""

    name: str
    parse: Callable[[str], Any]


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 3600:
        raise ValueError("must be a number of seconds above 0 and up to 3600")
    return value


def _yes_no(text: str) -> bool:
    answers = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in answers:
        raise ValueError("must be true or false")
    return answers[text.lower()]


def _folder(text: str) -> Path:
    return Path(os.path.normpath(Path(text).expanduser().absolute()))


def _ae_title(text: str) -> str:
    # PS3.5 section 6.2, VR AE: 16 characters at most, no backslash, no control characters.
    if not re.fullmatch(r"[\x20-\x5b\x5d-\x7e]{1,16}", text) or text != text.strip():
        raise ValueError("must be an AE title: 1 to 16 plain characters, no backslash")
    return text


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:\-]+", text):
        raise ValueError("must be a host name or an address, without a port or a path")
    return text


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://margin.example.org")
    return text.rstrip("/")


def _mail_sender(text: str) -> str:
    name, address = parseaddr(text)
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address) or not name.isprintable():
        raise ValueError("must be an address such as Margin <margin@hospital.example>")
    return _plain(text)


def _database(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    # psycopg 3 is the only driver installed, so every spelling of PostgreSQL means it.
    if separator and scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        return f"postgresql+psycopg://{rest}"
    if separator and scheme == "sqlite" and rest.startswith("//"):
        return text
    raise ValueError("must be sqlite:////PATH or postgresql://USER:PASSWORD@HOST/NAME")


def one_of(*allowed: str) -> Callable[[str], str]:
    """One of a few words, in small letters."""

    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError("must be one of " + ", ".join(allowed))
        return text.lower()

    return parse


def _plain(text: str) -> str:
    if any(ord(character) < 32 for character in text):
        raise ValueError("must not hold control characters")
    return text


def _time_zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a zone of the IANA data base, such as Europe/Berlin") from None


def long_secret(text: str) -> str:
    """A secret worth the name; raises ValueError with a sentence."""
    if text and len(text) < 16:
        raise ValueError("must have at least 16 characters")
    return _plain(text)


PORT = Kind("port", _whole(1, 65535))
FOLDER = Kind("folder", _folder)
FILE = Kind("file", _folder)
SECONDS = Kind("seconds", _seconds)
YES_NO = Kind("true or false", _yes_no)
AE_TITLE = Kind("AE title", _ae_title)
HOST = Kind("host", _host)
WEB_ADDRESS = Kind("web address", _web_address)
DATABASE = Kind("database address", _database)
TEXT = Kind("text", _plain)
MAIL_SENDER = Kind("mail address", _mail_sender)
TIME_ZONE = Kind("time zone", _time_zone)
SECRET = Kind("secret", long_secret)


def count(low: int, high: int) -> Kind:
    """A whole number within bounds."""
    return Kind(f"whole number, {low} to {high}", _whole(low, high))


@dataclass(frozen=True)
class Setting:
    """One line of the table.

    `default` is text as it would stand in the environment; `{home}`, `{host}`, `{port}`,
    `{port_plus_1}` and `{orthanc_port}` in it stand for settings parsed before it, `{project}` for
    the folder that holds the program.
    """

    field: str
    kind: Kind
    default: str
    sentence: str
    secret: bool = False

    @property
    def environment(self) -> str:
        return f"MARGIN_{self.field.upper()}"
