"""The gateway in a process of its own, for tests that measure what it takes: everything is
shown under pseudonyms, at the archive's addresses. It prints its port, and at the end of its input its
peak resident memory in kB."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path

from werkzeug.serving import make_server

from server.archive import Archive
from server.dicomweb.views.pseudonyms import PseudonymisedView
from tests.archive.orthanc_process import PASSWORD, USER
from tests.dicomweb.gateway_app import HandMadeScope, gateway_app


def main(orthanc_url: str) -> None:
    archive = Archive(orthanc_url, USER, PASSWORD, 60)
    view = PseudonymisedView(b"k" * 32, "M-2026-00001", tuple)
    app = gateway_app(archive, {"reader": HandMadeScope(None)}, view=view)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    status = Path("/proc/self/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    print(peak[1] if peak else 0, flush=True)
    server.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
