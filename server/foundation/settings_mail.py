"""The settings of what leaves the house by itself: mail and webhooks."""

from __future__ import annotations

from typing import Final

from server.foundation.settings_kinds import (
    FILE,
    FOLDER,
    HOST,
    MAIL_SENDER,
    PORT,
    TEXT,
    YES_NO,
    Kind,
    Setting,
    one_of,
)

MAIL_SETTINGS: Final = (
    Setting(
        "mail",
        Kind("file or smtp", one_of("file", "smtp")),
        "file",
        "Where mails go: to a mail server by SMTP, or into files that nobody is sent.",
    ),
    Setting("mail_dir", FOLDER, "{home}/mail", "Folder of those files, one .eml for each mail."),
    Setting(
        "mail_from",
        MAIL_SENDER,
        "margin@localhost",
        "The sender of every mail: an address, or a name with an address in angle brackets.",
    ),
    Setting("smtp_host", HOST, "127.0.0.1", "The mail server."),
    Setting("smtp_port", PORT, "587", "Its port."),
    Setting(
        "smtp_security",
        Kind("starttls, tls or none", one_of("starttls", "tls", "none")),
        "starttls",
        "How the mail server is spoken to; its certificate is verified in both cases with TLS.",
    ),
    Setting("smtp_user", TEXT, "", "The account there; without one Margin does not sign in."),
    Setting("smtp_password", TEXT, "", "That account's password.", secret=True),
    Setting(
        "smtp_ca",
        FILE,
        "",
        "Authorities (PEM) one of which must have signed the mail server's certificate; without it "
        "those that this machine knows.",
    ),
    Setting(
        "webhook_private",
        YES_NO,
        "false",
        "Whether webhooks may go to addresses of this machine and of private networks, also "
        "without TLS.",
    ),
)
