"""Is it well? One function per program; each answers "" or what is wrong, in a few words.

As a program (`python -m server.processes.health web`) it is the health check of the containers:
exit code 0 when well, otherwise 1 with the problem on stderr.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from server.foundation.settings import Settings, visitable, with_home_secrets
from server.processes.nginx_configuration import WEB_SOCKET

PATIENCE_S = 5.0
# The worker touches its file every few seconds; a job on a large series may hold it for longer.
HEARTBEAT_LATE_S = 60.0


def orthanc_problem(settings: Settings) -> str:
    """Asks Orthanc as the service user, for its DICOMweb plugin, and knocks at the DICOM port."""
    status, system = _orthanc(settings, "/system")
    if status == 401:
        return "Orthanc refuses the server's password"
    if status != 200 or not isinstance(system, dict):
        return f"Orthanc answers {status}" if status else "Orthanc does not answer"
    if _orthanc(settings, "/plugins/dicom-web")[0] != 200:
        return "Orthanc runs without its DICOMweb plugin"
    here = urlsplit(settings.orthanc_url).hostname or "127.0.0.1"
    if not _listens(here, int(system.get("DicomPort", settings.dicom_port))):
        return "Orthanc's DICOM port does not answer"
    return ""


def web_problem(settings: Settings) -> str:
    """GET /healthz of the web server on this machine, past the proxy if there is one."""
    if settings.proxy:
        status, _ = _asked(_OverSocket(settings.home / WEB_SOCKET), "/healthz", {})
    else:
        status, _ = _get(visitable(settings.host), settings.port, "/healthz", {})
    if status == 200:
        return ""
    return f"the web server answers {status}" if status else "the web server does not answer"


def proxy_problem(settings: Settings) -> str:
    """GET /healthz through the proxy on this machine, over TLS."""
    # Whether the certificate bears the right name is for the outside to judge.
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(
        visitable(settings.host), settings.port, timeout=PATIENCE_S, context=trusting
    )
    status, _ = _asked(connection, "/healthz", {})
    if status == 200:
        return ""
    return f"the proxy answers {status}" if status else "the proxy does not answer"


def worker_problem(settings: Settings) -> str:
    """The age of the worker's heartbeat file."""
    try:
        age_s = time.time() - settings.worker_heartbeat.stat().st_mtime
    except FileNotFoundError:
        return "the worker has not reported yet"
    return "" if age_s < HEARTBEAT_LATE_S else f"the worker last reported {age_s:.0f} s ago"


def _orthanc(settings: Settings, path: str) -> tuple[int, Any]:
    address = urlsplit(settings.orthanc_url)
    pair = f"{settings.orthanc_user}:{settings.orthanc_password}".encode()
    headers = {"Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}
    port = address.port or (443 if address.scheme == "https" else 80)
    secure = address.scheme == "https"
    return _get(address.hostname or "", port, address.path + path, headers, secure)


def _get(
    host: str, port: int, path: str, headers: dict[str, str], secure: bool = False
) -> tuple[int, Any]:
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    return _asked(kind(host, port, timeout=PATIENCE_S), path, headers)


class _OverSocket(http.client.HTTPConnection):
    """HTTP over a Unix socket, however long its path."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        # Through the folder's descriptor the path is short however deep the home lies.
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{folder}/{self._path.name}")
        finally:
            os.close(folder)


def _asked(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str]
) -> tuple[int, Any]:
    """Status and JSON body; status 0 when nothing answers."""
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read(1_000_000)
        return answer.status, json.loads(body) if body[:1] in (b"{", b"[") else None
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None
    finally:
        connection.close()


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=PATIENCE_S):
            return True
    except OSError:
        return False


CHECKS = {
    "orthanc": orthanc_problem,
    "web": web_problem,
    "worker": worker_problem,
    "proxy": proxy_problem,
}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in CHECKS:
        print("usage: python -m server.processes.health " + "|".join(CHECKS), file=sys.stderr)
        return 2
    settings = Settings.from_environ(os.environ)
    if arguments[0] == "orthanc":
        settings = with_home_secrets(settings)
    problem = CHECKS[arguments[0]](settings)
    if problem:
        print(problem, file=sys.stderr)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
