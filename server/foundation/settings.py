"""Every setting of Margin, declared once.

The table SETTINGS feeds the defaults, the validation, the help text and docs/settings.md. A setting
is an environment variable; an empty variable means "not given". Secrets may also be read from a
file named by the same variable with `_FILE` appended, which is how container secrets arrive.
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
from server.foundation.settings_kinds import (
    AE_TITLE,
    DATABASE,
    FILE,
    FOLDER,
    HOST,
    PORT,
    SECONDS,
    SECRET,
    TEXT,
    WEB_ADDRESS,
    YES_NO,
    Kind,
    count,
    long_secret,
    one_of,
)

PROJECT = Path(__file__).resolve().parents[2]
SECRETS_FILE = "secrets.json"
KEPT_SECRETS = ("secret_key", "orthanc_password")


class SettingsInvalid(Invalid):
    """One or more MARGIN_ variables hold something that cannot be used."""


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


SETTINGS: tuple[Setting, ...] = (
    Setting("home", FOLDER, "var", "Everything Margin keeps lies under this folder."),
    Setting("host", HOST, "127.0.0.1", "Address the web server listens on."),
    Setting("port", PORT, "8600", "Port of the web server."),
    Setting("dicom_port", PORT, "4243", "Port hospitals send to by DICOM C-STORE."),
    Setting(
        "orthanc_port",
        PORT,
        "{port_plus_1}",
        "Port of Orthanc's HTTP, which answers this machine only.",
    ),
    Setting(
        "proxy",
        YES_NO,
        "false",
        "Whether `margin up` puts nginx in front of the web server, for TLS and HTTP/2.",
    ),
    Setting(
        "tls_certificate",
        FILE,
        "{home}/tls/certificate.pem",
        "Certificate of that proxy with its chain (PEM); one is made in the home when none is there.",
    ),
    Setting("tls_key", FILE, "{home}/tls/key.pem", "The private key of that certificate (PEM)."),
    Setting(
        "public_url",
        WEB_ADDRESS,
        "{scheme}://{host}:{port}",
        "Address people reach Margin under; it stands in every link that is handed out.",
    ),
    Setting(
        "proxy_count",
        count(0, 5),
        "{own_proxies}",
        "How many reverse proxies stand in front; that many X-Forwarded-* entries are believed.",
    ),
    Setting(
        "database_url",
        DATABASE,
        "sqlite:///{home}/margin.db",
        "Where the records are kept: an SQLite file or a PostgreSQL database.",
        secret=True,
    ),
    Setting(
        "files_dir", FOLDER, "{home}/files", "Folder of stored documents, named by their SHA-256."
    ),
    Setting(
        "cache_dir",
        FOLDER,
        "{home}/cache",
        "Folder of what was prepared for viewing; may be emptied at any time, it is made again.",
    ),
    Setting(
        "cache_mb",
        count(100, 100_000_000),
        "20480",
        "How large that folder may become in MB; what was longest unused goes first.",
    ),
    Setting(
        "orthanc_url", WEB_ADDRESS, "http://127.0.0.1:{orthanc_port}", "Address of Orthanc's HTTP."
    ),
    Setting("orthanc_user", TEXT, "margin", "The one user Orthanc knows: this server."),
    Setting(
        "orthanc_password",
        SECRET,
        "",
        "That user's password; when not given, made once and kept in the home's secrets.json.",
        secret=True,
    ),
    Setting(
        "orthanc_timeout_s", SECONDS, "30", "How long one request to Orthanc may wait for bytes."
    ),
    Setting("dicom_aet", AE_TITLE, "MARGIN", "The AE title hospitals send to."),
    Setting(
        "dicom_check_host",
        YES_NO,
        "false",
        "Also hold a sending hospital to its registered address, not only to its AE title.",
    ),
    Setting(
        "dicom_tls_certificate",
        FILE,
        "",
        "Certificate of the DICOM port with its chain (PEM); with it, DICOM goes by TLS only.",
    ),
    Setting("dicom_tls_key", FILE, "", "The private key of that certificate (PEM)."),
    Setting(
        "dicom_tls_ca",
        FILE,
        "",
        "Authorities (PEM) one of which must have signed a hospital's certificate; without it none "
        "is asked for.",
    ),
    Setting(
        "refused_keep_days",
        count(1, 3650),
        "30",
        "How long a study that was refused is kept before somebody may have it deleted.",
    ),
    Setting(
        "stable_age_s",
        count(1, 3600),
        "5",
        "How long a study must be quiet before Orthanc calls it stable.",
    ),
    Setting(
        "secret_key",
        SECRET,
        "",
        "Key that signs cookies; when not given, made once and kept in the home's secrets.json.",
        secret=True,
    ),
    Setting("web_workers", count(1, 64), "1", "How many processes answer web requests."),
    Setting("web_threads", count(1, 256), "24", "How many threads each of those processes has."),
    Setting("viewer_dir", FOLDER, "{project}/build/viewer", "Folder of the installed viewer."),
    Setting(
        "sample_ct",
        FOLDER,
        "{project}/../shared/data/ct-liver-3slice",
        "Folder of a real CT that the demo pushes too; nothing is pushed when it is missing.",
    ),
    Setting("maximum_upload_mb", count(1, 1_000_000), "4096", "Largest request body taken, in MB."),
    Setting(
        "upload_file_mb",
        count(1, 10_000_000),
        "20480",
        "Largest single file that the upload page takes, in MB, in as many pieces as it needs.",
    ),
    Setting(
        "upload_case_mb",
        count(1, 100_000_000),
        "102400",
        "How much may be uploaded to one case in all, in MB; what zip files hold counts unpacked.",
    ),
    Setting(
        "upload_reserve_mb",
        count(0, 100_000_000),
        "2048",
        "How much room on the disk uploads leave free, in MB; none is taken beyond that.",
    ),
    Setting(
        "upload_keep_days",
        count(1, 365),
        "7",
        "How long a half uploaded file waits for its rest before it is deleted.",
    ),
    Setting("link_valid_days", count(1, 365), "14", "How long an access link works unless said."),
    Setting(
        "launch_valid_hours", count(1, 72), "8", "How long an opened viewer works without a link."
    ),
    Setting(
        "log_level",
        Kind("debug, info, warning or error", one_of("debug", "info", "warning", "error")),
        "info",
        "How much is written to the logs.",
    ),
)


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
    dicom_tls_certificate: Path | Literal[""]
    dicom_tls_key: Path | Literal[""]
    dicom_tls_ca: Path | Literal[""]
    refused_keep_days: int
    stable_age_s: int
    secret_key: str = field(repr=False)
    web_workers: int
    web_threads: int
    viewer_dir: Path
    sample_ct: Path
    maximum_upload_mb: int
    upload_file_mb: int
    upload_case_mb: int
    upload_reserve_mb: int
    upload_keep_days: int
    link_valid_days: int
    launch_valid_hours: int
    log_level: str

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
