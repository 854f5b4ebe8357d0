"""`margin up` with the smallest web server and worker there can be, next to the real Orthanc.

    python tests/processes/stand_ins.py up

What is tested with them is starting, watching and stopping, for which it does not matter what the
programs do. STAND_IN_BROKEN=web|worker makes one of them end at once.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from socketserver import ThreadingMixIn, UnixStreamServer

from server.foundation.errors import MarginError
from server.foundation.settings import Settings
from server.processes import foreground, programs
from server.processes.nginx_configuration import WEB_SOCKET
from server.processes.programs import Program


class Web(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()


class WebOnSocket(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[socket, tuple[str, int]]:
        return super().get_request()[0], ("unix", 0)


def web(settings: Settings) -> None:
    if settings.proxy:
        WEB_SOCKET.unlink(missing_ok=True)
        WebOnSocket(str(WEB_SOCKET), Web).serve_forever()
    ThreadingHTTPServer((settings.host, settings.port), Web).serve_forever()


def worker(settings: Settings) -> None:
    while True:
        settings.worker_heartbeat.touch()
        time.sleep(0.5)


def table(settings: Settings) -> list[Program]:
    return [
        program
        if program.name in ("orthanc", "proxy")
        else replace(program, command=(sys.executable, __file__, program.name))
        for program in programs.programs(settings)
    ]


def main(role: str) -> int:
    settings = Settings.from_environ(os.environ)
    if role == os.environ.get("STAND_IN_BROKEN"):
        print("the stand-in is broken")
        return 1
    if role != "up":
        {"web": web, "worker": worker}[role](settings)
    try:
        return foreground.run(settings, table)
    except MarginError as error:
        print(foreground.told(error), file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
