"""OHIF in front of Orthanc with the least possible in between: nginx, which adds the password."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.sides import basic
from bench.worlds import PORTS, started
from server.foundation.settings import Settings
from tests.archive.orthanc_process import free_port

VIEWER_CONFIGURATION = Path(__file__).with_name("orthanc_viewer.js")
START_LIMIT_S = 10.0

# Compressed files and cache times as Margin serves them: the comparison is about the images. A
# frame fits into the buffers, so that nothing on its way is written to the disk.
CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_processes auto;
{user}
events {{ worker_connections 512; }}
http {{
    types {{
        text/html html; text/css css; text/javascript js mjs; application/json json;
        application/wasm wasm; image/svg+xml svg; image/png png; image/x-icon ico;
        font/woff2 woff2; application/xml xml;
    }}
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream orthanc {{ server 127.0.0.1:{orthanc_port}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        root {viewer};
        gzip_static on;
        location /dicom-web/ {{
            proxy_pass http://orthanc;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header Authorization "{authorization}";
            proxy_buffers 32 32k;
            proxy_max_temp_file_size 0;
        }}
        location = /app-config.js {{
            gzip_static off;
            add_header Cache-Control "no-cache";
            alias {configuration};
        }}
        location ~ "(\\.bundle\\.[0-9a-f]{{16}}\\.js|[0-9a-f]{{16}}\\.(wasm|woff2))$" {{
            add_header Cache-Control "public, max-age=31536000, immutable";
        }}
        location / {{
            add_header Cache-Control "no-cache";
            try_files $uri /index.html;
        }}
    }}
}}
"""


def nginx_program() -> str | None:
    """Debian keeps it in a folder that only root's PATH names."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextlib.contextmanager
def viewer_before_orthanc(nginx: str, settings: Settings) -> Iterator[str]:
    """The origin of a stock viewer whose /dicom-web is Orthanc's own."""
    port = free_port(*PORTS)
    with tempfile.TemporaryDirectory(prefix="margin-bench-nginx-") as name:
        folder = Path(name)
        configuration = folder / "nginx.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            CONFIGURATION.format(
                folder=folder,
                # Its processes would otherwise become somebody who cannot read this folder.
                user="user root;" if os.geteuid() == 0 else "",
                port=port,
                orthanc_port=settings.orthanc_port,
                viewer=settings.viewer_dir / "ohif",
                authorization=basic(settings.orthanc_user, settings.orthanc_password),
                configuration=VIEWER_CONFIGURATION,
            )
        )
        command = [nginx, "-p", name, "-c", str(configuration), "-e", "stderr"]
        with started(command, signal.SIGTERM, folder / "log") as process:
            _wait_until_ready(process, port, folder / "log")
            yield f"http://127.0.0.1:{port}"


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("GET", "/dicom-web/studies?limit=1")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nginx does not get ready:\n{log.read_text()[-3000:]}")
