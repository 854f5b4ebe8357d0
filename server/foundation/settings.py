"""What Margin was told by its environment.

The table of `settings_table` feeds the defaults, the validation, the help text and docs/settings.md.
A setting is an environment variable; an empty variable means "not given". Secrets may also be read
from a file named by the same variable with `_FILE` appended, which is how container secrets arrive.
"""

from __future__ import annotations

import difflib
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from server.foundation.errors import FieldProblem, Invalid
from server.foundation.settings_kinds import Setting, long_secret
from server.foundation.settings_table import SETTINGS

PROJECT = Path(__file__).resolve().parents[2]
SECRETS_FILE = "secrets.json"
KEPT_SECRETS = ("secret_key", "orthanc_password")


class SettingsInvalid(Invalid):
    """One or more MARGIN_ variables hold something that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """The parsed table. Folders are absolute; secrets never show in `repr`."""

    home: Path
    host: str
    port: int
    dicom_port: int
    orthanc_port: int
    proxy: bool
    tls_certificate: Path
    tls_key: Path
    public_url: str
    proxy_count: int
    database_url: str = field(repr=False)
    files_dir: Path
    cache_dir: Path
    cache_mb: int
    orthanc_url: str
    orthanc_user: str
    orthanc_password: str = field(repr=False)
    orthanc_timeout_s: float
    dicom_aet: str
    dicom_check_host: bool
    dicom_deflated: bool
    dicom_tls_certificate: Path | Literal[""]
    dicom_tls_key: Path | Literal[""]
    dicom_tls_ca: Path | Literal[""]
    refused_keep_days: int
    stable_age_s: int
    secret_key: str = field(repr=False)
    seal_key: Path
    seal_cert: Path | Literal[""]
    seal_password: str = field(repr=False)
    web_workers: int
    web_threads: int
    viewer_dir: Path
    sample_ct: Path
    maximum_upload_mb: int
    upload_file_mb: int
    upload_case_mb: int
    upload_reserve_mb: int
    upload_keep_days: int
    notices_keep_days: int
    jobs_keep_days: int
    time_zone: str
    closed_days: Path | Literal[""]
    link_valid_days: int
    launch_valid_hours: int
    api_requests_per_minute: int
    log_level: str
    mail: str
    mail_dir: Path
    mail_from: str
    smtp_host: str
    smtp_port: int
    smtp_security: str
    smtp_user: str
    smtp_password: str = field(repr=False)
    smtp_ca: Path | Literal[""]
    webhook_private: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the MARGIN_ variables of `environ`; what is not given takes its default.

        Raises SettingsInvalid naming every variable that cannot be used, its value and the remedy.
        """
        values: dict[str, Any] = {}
        problems: list[FieldProblem] = []
        for setting in SETTINGS:
            text = ""
            try:
                text = _given(setting, environ) or _derived(setting.default, values)
                values[setting.field] = setting.kind.parse(text) if text else ""
            except (ValueError, KeyError) as reason:
                if isinstance(reason, ValueError):
                    problems.append(_problem(setting, text, reason))
        problems += _clashes(values)
        if problems:
            raise SettingsInvalid(
                "; ".join(problem.message for problem in problems),
                remedy="Correct or unset "
                + ", ".join(sorted({problem.pointer.lstrip("/") for problem in problems}))
                + "; docs/settings.md describes every setting.",
                problems=problems,
            )
        return cls(**values)

    def to_environ(self) -> dict[str, str]:
        """The same settings as environment variables, for child processes; holds the secrets."""
        return {setting.environment: _text(getattr(self, setting.field)) for setting in SETTINGS}

    @property
    def run_dir(self) -> Path:
        return self.home / "run"

    @property
    def log_dir(self) -> Path:
        return self.home / "logs"

    @property
    def orthanc_dir(self) -> Path:
        return self.home / "orthanc"

    @property
    def uploads_dir(self) -> Path:
        """Uploads on their way: half a file, or a whole one that nobody has looked through yet."""
        return self.home / "uploads"

    @property
    def worker_heartbeat(self) -> Path:
        """The worker touches this file every few seconds."""
        return self.run_dir / "worker.heartbeat"

    @property
    def is_public_https(self) -> bool:
        return self.public_url.startswith("https://")


def with_home_secrets(settings: Settings) -> Settings:
    """The settings with every secret filled in: given ones stay, missing ones live in the home.

    `HOME/secrets.json` (mode 0600) is written once; two processes that start together end up with
    the same secrets. Raises SettingsInvalid when the file is there and cannot be used.
    """
    missing = [name for name in KEPT_SECRETS if not getattr(settings, name)]
    if not missing:
        return settings
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.home / SECRETS_FILE
    if not path.exists():
        _write_once(path, {name: secrets.token_urlsafe(32) for name in KEPT_SECRETS})
    path.chmod(0o600)
    try:
        kept = json.loads(path.read_text())
        filled: dict[str, Any] = {name: long_secret(kept[name] or "-") for name in missing}
    except (ValueError, KeyError, TypeError) as reason:
        raise SettingsInvalid(
            f"{path} is not a file of secrets that Margin wrote",
            remedy=f"Give {' and '.join('MARGIN_' + name.upper() for name in missing)}, "
            "or restore the file; deleting it signs everybody out.",
        ) from reason
    return replace(settings, **filled)


def visitable(host: str) -> str:
    """An address to connect to for one that is listened on: a wildcard is none to visit."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def unknown_names(environ: Mapping[str, str]) -> dict[str, str]:
    """MARGIN_ variables that no setting reads, each with the nearest name that one does, or ""."""
    known = [setting.environment for setting in SETTINGS]
    known += [f"{setting.environment}_FILE" for setting in SETTINGS if setting.secret]
    strangers = (name for name in environ if name.startswith("MARGIN_") and name not in known)
    return {name: next(iter(difflib.get_close_matches(name, known, 1)), "") for name in strangers}


def _given(setting: Setting, environ: Mapping[str, str]) -> str:
    text = environ.get(setting.environment, "").strip()
    named_file = environ.get(f"{setting.environment}_FILE", "").strip() if setting.secret else ""
    if text and named_file:
        raise ValueError(f"is given both directly and by {setting.environment}_FILE")
    if not named_file:
        return text
    try:
        return Path(named_file).read_text().strip()
    except (OSError, UnicodeDecodeError) as reason:
        raise ValueError(f"cannot be read from the file {named_file}") from reason


def _derived(template: str, values: Mapping[str, Any]) -> str:
    """Fill a default in; KeyError when the setting it derives from was itself refused."""
    if "{" not in template:
        return template
    known = {**values, "project": PROJECT}
    if "port" in known:
        known["port_plus_1"] = known["port"] + 1
    if "proxy" in known:
        known["scheme"] = "https" if known["proxy"] else "http"
        known["own_proxies"] = int(known["proxy"])
    if "host" in known:
        known["host"] = visitable(known["host"])
        if ":" in known["host"]:
            known["host"] = f"[{known['host']}]"
    return template.format_map(known)


def _problem(setting: Setting, text: str, reason: ValueError) -> FieldProblem:
    shown = "" if setting.secret or not text else f"={text!r}"
    return FieldProblem(f"/{setting.environment}", f"{setting.environment}{shown} {reason}")


def _clashes(values: Mapping[str, Any]) -> list[FieldProblem]:
    names = [name for name in ("port", "dicom_port", "orthanc_port") if name in values]
    return [
        FieldProblem(
            f"/MARGIN_{second.upper()}",
            f"MARGIN_{second.upper()}={values[second]} is already taken by MARGIN_{first.upper()}",
        )
        for index, first in enumerate(names)
        for second in names[index + 1 :]
        if values[first] == values[second]
    ]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _write_once(path: Path, content: dict[str, str]) -> None:
    """Write a whole 0600 file or leave the one somebody else wrote first."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".secrets-")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
