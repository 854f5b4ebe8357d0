"""nginx's configuration for one home: the template beside this file, filled in.

The same template serves `margin up --proxy`, where the web server listens on a Unix socket of the home,
and the containers, where it is named by host and port.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from server.foundation.errors import Invalid, Unavailable
from server.foundation.settings import Settings
from server.processes.orthanc_configuration import PROGRAM_FOLDERS, program, write_private

TEMPLATE = Path(__file__).with_name("nginx.conf.in")
# Seen from the home, because the path of a Unix socket may have 107 bytes only.
WEB_SOCKET = Path("run", "web.sock")
TEMPORARY = ("body", "proxy", "fastcgi", "uwsgi", "scgi")

# nginx keeps five headers of the answer that names a file (Content-Type, Content-Disposition,
# Set-Cookie, Cache-Control, Expires) and forgets the rest; these are handed over by name. The entity
# tag is made of the file.
KEPT_HEADERS = (
    "Content-Encoding",
    "Content-Location",
    "Content-Security-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
    "Referrer-Policy",
    "Server-Timing",
    "Strict-Transport-Security",
    "Vary",
    "Warning",
    "X-Content-Type-Options",
)


class ProxyMissing(Unavailable):
    """nginx is not installed on this machine."""


class ProxyPathUnfit(Invalid):
    """A path holds a character that has a meaning of its own in nginx's configuration."""


def nginx_program(folders: Iterable[str] = PROGRAM_FOLDERS) -> Path:
    """The nginx executable. Raises ProxyMissing with the remedy."""
    found = program("nginx", folders)
    if found is None:
        raise ProxyMissing(
            "nginx is not installed: no program of that name in the usual folders",
            remedy="Run `make install`, or install the package nginx; or start without --proxy.",
        )
    return found


def runtime_folder(settings: Settings) -> Path:
    """Where nginx keeps its pid and its drafts."""
    return settings.run_dir / "nginx"


def configuration(settings: Settings, upstream: str = "", redirect_port: int = 0) -> str:
    """The whole configuration.

    `upstream` is HOST:PORT of the web server, the home's Unix socket when empty; `redirect_port` is a
    port of plain HTTP that leads to HTTPS and answers a certificate authority, none when 0.
    Raises ProxyPathUnfit.
    """
    filled = {
        "RUN": _path(runtime_folder(settings)),
        "LOG_LEVEL": "error" if settings.log_level in ("error", "warning") else "warn",
        # Started as root its workers would become somebody who cannot read the home.
        "USER": "user root;" if os.geteuid() == 0 else "",
        "ACCESS_LOG": "/dev/stdout path" if settings.log_level == "debug" else "off",
        "MAXIMUM_BODY_MB": str(settings.maximum_upload_mb),
        "CERTIFICATE": _path(settings.tls_certificate),
        "KEY": _path(settings.tls_key),
        "UPSTREAM": upstream or f"unix:{WEB_SOCKET}",
        "LISTEN": _listened(settings.host, settings.port),
        "CACHE": _path(settings.cache_dir),
        "KEPT_HEADERS": "\n".join(map(_kept, KEPT_HEADERS)),
        "REDIRECTING_SERVER": _redirecting(settings, redirect_port) if redirect_port else "",
    }
    text = TEMPLATE.read_text()
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text


def write_configuration(settings: Settings, upstream: str = "", redirect_port: int = 0) -> Path:
    """Write HOME/run/nginx/nginx.conf and make the folders it names."""
    folder = runtime_folder(settings)
    for one in (folder, *(folder / name for name in TEMPORARY)):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "nginx.conf"
    write_private(path, configuration(settings, upstream, redirect_port))
    return path


def challenge_folder(settings: Settings) -> Path:
    """Where a certificate authority's questions are answered (RFC 8555, section 8.3)."""
    return settings.home / "acme"


def _kept(header: str) -> str:
    variable = "$upstream_http_" + header.lower().replace("-", "_")
    return f"            add_header {header} {variable} always;"


def _redirecting(settings: Settings, port: int) -> str:
    return f"""
    server {{
        listen {_listened(settings.host, port)};
        location /.well-known/acme-challenge/ {{
            root "{_path(challenge_folder(settings))}";
            default_type text/plain;
        }}
        location / {{
            return 308 {settings.public_url}$request_uri;
        }}
    }}
"""


def _listened(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _path(path: Path) -> str:
    text = str(path)
    if any(character in text for character in '"\\$@') or not text.isprintable():
        raise ProxyPathUnfit(
            f"nginx cannot be told of the path {text}",
            remedy='Choose one without ", \\, $ and @.',
        )
    return text
