"""Mails: how one is put together, and the two ways it leaves: by SMTP, or into a folder of files."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from server.foundation.settings import Settings
from server.notices.letters import Letter
from server.notices.outcome import Delivered, Outcome, Postponed, Undeliverable
from server.notices.patience import at_most

# For each answer, and for the whole conversation.
TIMEOUT_S: Final = 20.0
LONGEST_S: Final = 60.0
_PERMANENT: Final = 500  # RFC 5321 section 4.2.1: 5yz is a permanent negative completion reply


class Mailer(Protocol):
    """A way out for mails. Never raises for what a mail server does."""

    def send(self, message: EmailMessage) -> Outcome:
        """Try once to hand the message over."""
        ...


def message_of(
    letter: Letter, *, to: str, sender: str, language: str, ids: list[str], now: datetime
) -> EmailMessage:
    """The message that brings deliveries `ids` to `to`. Its Message-ID is the same however often it is
    tried, so that a mail server or a reader can tell a repetition."""
    message = EmailMessage(policy=SMTP)
    host = parseaddr(sender)[1].rpartition("@")[2]
    name = sha256(" ".join(sorted(ids)).encode()).hexdigest()[:40]
    message["Message-ID"] = f"<{name}@{host}>"
    message["Date"] = format_datetime(now)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = letter.subject
    message["Content-Language"] = language
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation message answers it
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


def mailer_of(settings: Settings) -> Mailer:
    """The way out that the settings name."""
    return SmtpMailer(settings) if settings.mail == "smtp" else FileMailer(settings.mail_dir)


@dataclass(frozen=True)
class FileMailer:
    """Writes each mail into a file: for the demo, and until a mail server is configured."""

    folder: Path

    def send(self, message: EmailMessage) -> Outcome:
        """Write the file. Sent again it is the same file."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{self._name(message)}.eml"
        half = path.with_suffix(".part")
        try:
            half.write_bytes(message.as_bytes())
            half.replace(path)
        except OSError as reason:
            return Postponed(f"The mail could not be written: {reason.strerror}.")
        return Delivered()

    def _name(self, message: EmailMessage) -> str:
        return re.sub(r"[^0-9a-f]", "", str(message["Message-ID"]).partition("@")[0])


class SmtpMailer:
    """Hands mails to a mail server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, message: EmailMessage) -> Outcome:
        """One conversation with the mail server for one message, however slow its server is."""
        try:
            with at_most(LONGEST_S):
                return self._handed_over(message)
        except TimeoutError as reason:
            return Postponed(f"The mail server is too slow: {reason}.", True)

    def _handed_over(self, message: EmailMessage) -> Outcome:
        try:
            server = self._connected()
        except smtplib.SMTPAuthenticationError as reason:
            return Postponed(
                f"The mail server refused to sign Margin in ({reason.smtp_code}).", True
            )
        except (OSError, smtplib.SMTPException) as reason:
            return Postponed(f"The mail server does not answer: {_in_words(reason)}.", True)
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as reason:
            code, said = next(iter(reason.recipients.values()))
            return _refused("the recipient", code, said)
        except smtplib.SMTPSenderRefused as reason:
            # The sender is ours: it is for the operator to mend, and then this mail goes out too.
            answer = f"{reason.smtp_code} {_shown(reason.smtp_error)}"
            return Postponed(f"The mail server refused the sender: {answer}")
        except smtplib.SMTPResponseException as reason:
            return _refused("the message", reason.smtp_code, reason.smtp_error)
        except (OSError, smtplib.SMTPException) as reason:
            return Postponed(f"The mail server broke off: {_in_words(reason)}.")
        finally:
            _farewell(server)
        return Delivered()

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        host, port = settings.smtp_host, settings.smtp_port
        trusted = ssl.create_default_context(cafile=str(settings.smtp_ca) or None)
        if settings.smtp_security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=trusted)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
        try:
            if settings.smtp_security == "starttls":
                server.starttls(context=trusted)
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password)
        except BaseException:
            server.close()
            raise
        return server


def _refused(what: str, code: int, said: bytes | str) -> Outcome:
    why = f"The mail server refused {what}: {code} {_shown(said)}"
    return Undeliverable(why) if code >= _PERMANENT else Postponed(why)


def _shown(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:300]


def _in_words(reason: BaseException) -> str:
    return _shown(str(reason)) or type(reason).__name__


def _farewell(server: smtplib.SMTP) -> None:
    """The message was taken or not before this: how the conversation ends changes nothing."""
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def headers_of(message: EmailMessage) -> Mapping[str, str]:
    """The headers that people look at."""
    return {name: str(message[name]) for name in ("To", "Subject", "Date") if message[name]}
