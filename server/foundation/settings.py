"""Every setting of Margin, declared once.

The table SETTINGS feeds the defaults, the validation, the help text and docs/settings.md. A setting
is an environment variable; an empty variable means "not given". Secrets may also be read from a
file named by the same variable with `_FILE` appended, which is how container secrets arrive.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from server.foundation.errors import FieldProblem, Invalid

PROJECT = Path(__file__).resolve().parents[2]
SECRETS_FILE = "secrets.json"
KEPT_SECRETS = ("secret_key", "orthanc_password")


class SettingsInvalid(Invalid):
    """One or more MARGIN_ variables hold something that cannot be used."""


@dataclass(frozen=True)
class Kind:
    """What a setting's text may look like. `parse` raises ValueError with a sentence."""

    name: str
    parse: Callable[[str], Any]


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


def _database(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    # psycopg 3 is the only driver installed, so every spelling of PostgreSQL means it.
    if separator and scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        return f"postgresql+psycopg://{rest}"
    if separator and scheme == "sqlite" and rest.startswith("//"):
        return text
    raise ValueError("must be sqlite:////PATH or postgresql://USER:PASSWORD@HOST/NAME")


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError("must be one of " + ", ".join(allowed))
        return text.lower()

    return parse


def _plain(text: str) -> str:
    if any(ord(character) < 32 for character in text):
        raise ValueError("must not hold control characters")
    return text


def _long_secret(text: str) -> str:
    if text and len(text) < 16:
        raise ValueError("must have at least 16 characters")
    return _plain(text)


PORT = Kind("port", _whole(1, 65535))
FOLDER = Kind("folder", _folder)
SECONDS = Kind("seconds", _seconds)
YES_NO = Kind("true or false", _yes_no)
AE_TITLE = Kind("AE title", _ae_title)
HOST = Kind("host", _host)
WEB_ADDRESS = Kind("web address", _web_address)
DATABASE = Kind("database address", _database)
TEXT = Kind("text", _plain)
SECRET = Kind("secret", _long_secret)


def _count(low: int, high: int) -> Kind:
    return Kind(f"whole number, {low} to {high}", _whole(low, high))


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
        "public_url",
        WEB_ADDRESS,
        "http://{host}:{port}",
        "Address people reach Margin under; it stands in every link that is handed out.",
    ),
    Setting(
        "proxy_count",
        _count(0, 5),
        "0",
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
        "stable_age_s",
        _count(1, 3600),
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
    Setting("web_workers", _count(1, 64), "1", "How many processes answer web requests."),
    Setting("web_threads", _count(1, 256), "24", "How many threads each of those processes has."),
    Setting("viewer_dir", FOLDER, "{project}/build/viewer", "Folder of the installed viewer."),
    Setting(
        "sample_ct",
        FOLDER,
        "{project}/../shared/data/ct-liver-3slice",
        "Folder of a real CT that the demo pushes too; nothing is pushed when it is missing.",
    ),
    Setting(
        "maximum_upload_mb", _count(1, 1_000_000), "4096", "Largest request body taken, in MB."
    ),
    Setting("link_valid_days", _count(1, 365), "14", "How long an access link works unless said."),
    Setting(
        "launch_valid_hours", _count(1, 72), "8", "How long an opened viewer works without a link."
    ),
    Setting(
        "log_level",
        Kind("debug, info, warning or error", _one_of("debug", "info", "warning", "error")),
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
    public_url: str
    proxy_count: int
    database_url: str = field(repr=False)
    files_dir: Path
    orthanc_url: str
    orthanc_user: str
    orthanc_password: str = field(repr=False)
    orthanc_timeout_s: float
    dicom_aet: str
    dicom_check_host: bool
    stable_age_s: int
    secret_key: str = field(repr=False)
    web_workers: int
    web_threads: int
    viewer_dir: Path
    sample_ct: Path
    maximum_upload_mb: int
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
        filled: dict[str, Any] = {name: _long_secret(kept[name] or "-") for name in missing}
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
