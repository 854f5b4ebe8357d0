"""h2load, a reader of frames in C: the fastest one at hand, so that it is not what is measured."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from urllib.parse import urlsplit

from bench.sides import Side

HTTP_1 = "--h1"


class ReaderMissing(RuntimeError):
    """h2load is not installed."""


def frames_per_s(side: Side, paths: list[str], accept: str, count: int, *options: str) -> float:
    """How many answers a second came to `count` questions; anything but 200 ends the bench.

    `options` are h2load's: `--h1` for HTTP/1.1, `--clients=16` for so many connections.
    """
    program = shutil.which("h2load")
    if program is None:
        raise ReaderMissing("h2load is not installed (Debian: apt install nghttp2-client)")
    parts = urlsplit(side.url)
    with tempfile.NamedTemporaryFile("w", prefix="margin-bench-", suffix=".txt") as file:
        origin = f"{parts.scheme}://{parts.netloc}"
        file.write("".join(f"{origin}{parts.path}{path}\n" for path in paths))
        file.flush()
        headers = {**side.headers, "Accept": accept}
        command = [program, f"--input-file={file.name}", f"--requests={count}", *options]
        command += ["--window-bits=24", "--connection-window-bits=26"]
        command += [f"--header={name}: {value}" for name, value in headers.items()]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate = re.search(r"finished in .*?, ([0-9.]+) req/s", out)
    good = re.search(r"status codes: (\d+) 2xx", out)
    if rate is None or good is None or int(good[1]) != count:
        raise RuntimeError(f"{side.name}: {out[-800:]}")
    return float(rate[1])
