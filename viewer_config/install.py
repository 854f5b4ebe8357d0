"""Install the viewer: the stock OHIF build, the libraries of pages, and our own modules.

    python3 viewer_config/install.py --into build/viewer

Two folders come out, and each is exchanged as a whole or not at all:

``ohif/``
    what stands at the root of the origin: the stock build of ``@ohif/app`` without the
    parts in ``LEFT_OUT``.
``margin-viewer/``
    ``page.html``, the stock page as we serve it; ``vendor/``, the libraries; and a folder named
    after its content, so that browsers keep it for good, with our modules and those libraries.

Only the standard library and ``npm`` are used, so that it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
DOWNLOAD_TIMEOUT_S = 900

#: Parts of the stock build that are never served, each with its reason.
LEFT_OUT = {
    "ort/": "136 MB of ONNX runtime for tools that fetch their model from a third party",
    "sw.js": "service worker that loads its code from a third party",
    "silent-refresh.html": "OpenID Connect page that loads a script from a third party",
    "oidc-client.min.js": "sign-in is ours",
    "google.js": "sign-in is ours",
    "es6-shim.min.js": "only silent-refresh.html asks for it",
    "polyfill.min.js": "no page asks for it",
    "app-config.js": "ours stands in its place",
    "init-service-worker.js": "there is no service worker of ours, and never was",
    "customizations/": "read only through ?customization=, which stays switched off",
    "_headers": "another server's configuration",
    "_redirects": "another server's configuration",
    "serve.json": "another server's configuration",
}
#: (package, path inside it, name under vendor/). Bare imports of "preact" become relative:
#: a browser cannot resolve them without an import map, and the stock page has none.
VENDORED = (
    ("preact", "dist/preact.mjs", "preact.js"),
    ("preact", "hooks/dist/hooks.mjs", "hooks.js"),
    ("preact", "LICENSE", "LICENSE.preact.txt"),
    ("htm", "dist/htm.mjs", "htm.js"),
    ("htm", "LICENSE", "LICENSE.htm.txt"),
    ("htmx.org", "dist/htmx.min.js", "htmx.min.js"),
    ("htmx.org", "LICENSE", "LICENSE.htmx.txt"),
    ("tus-js-client", "dist/tus.min.js", "tus.min.js"),
    ("tus-js-client", "LICENSE", "LICENSE.tus-js-client.txt"),
    ("dicom-parser", "dist/dicomParser.min.js", "dicomParser.min.js"),
    ("dicom-parser", "LICENSE", "LICENSE.dicom-parser.txt"),
)
OURS = (
    "app-config.js",
    "extension.js",
    "mode.js",
    "shared.js",
    "early",
    "hanging",
    "images",
    "panel",
    "volumetry",
)
#: Chunks that the stock build loads one after the other before the first image, as seen in a
#: browser: asked for at once instead. Of the decoder the WebAssembly, which its worker will ask for.
EARLY_SCRIPTS = (
    *("1673", "6938", "6489", "6495", "8478", "89", "2623", "6749", "9383", "7248"),
    # Asked for when OHIF runs, by which time images fill the line, and it starts no further without.
    *("781", "9415", "3500", "9116", "100"),
)
EARLY_WASM = "37fa160cc3a47cfd.wasm"
#: Makes scripts smaller on the way into ``ohif/``.
MINIFIER = "esbuild-wasm"
COMPRESSIBLE = {".js", ".css", ".wasm", ".svg", ".json", ".html", ".ico", ".xml", ".txt"}
SMALLEST_WORTH_COMPRESSING_BYTES = 1024


class InstallFailed(Exception):
    """The viewer could not be installed; the message names the package and the reason."""


@dataclass(frozen=True)
class Package:
    """One pinned npm package; ``integrity`` is ``sha512-`` and the base64 digest of its tarball."""

    name: str
    version: str
    integrity: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def read_packages(path: Path) -> list[Package]:
    return [Package(**entry) for entry in json.loads(path.read_text("utf-8"))["packages"]]


def say(sentence: str) -> None:
    print(f"viewer: {sentence}", flush=True)


def fetch(package: Package, into: Path) -> Path:
    """The tarball of one package, as npm delivers it. Raises InstallFailed."""
    command = ["npm", "pack", str(package), "--silent", "--pack-destination", str(into)]
    try:
        done = subprocess.run(  # noqa: S603 - names and versions come from packages.json
            command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise InstallFailed(f"{package}: npm is not installed (Debian: apt install npm)") from None
    except subprocess.TimeoutExpired:
        raise InstallFailed(f"{package}: no answer within {DOWNLOAD_TIMEOUT_S} s") from None
    if done.returncode != 0:
        last_lines = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise InstallFailed(f"{package}: npm pack failed\n{last_lines}")
    return into / done.stdout.strip().splitlines()[-1]


def verify(package: Package, tarball: Path) -> None:
    """Hold a tarball against its pinned digest. Raises InstallFailed."""
    algorithm, _, expected = package.integrity.partition("-")
    if algorithm != "sha512":
        raise InstallFailed(f"{package}: the integrity must be a sha512, not {algorithm}")
    found = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != expected:
        raise InstallFailed(
            f"{package}: the tarball is not the pinned one\n"
            f"  expected sha512-{expected}\n  found    sha512-{found}"
        )


def unpack(package: Package, tarball: Path, into: Path, wanted: Callable[[str], bool]) -> int:
    """Write the wanted regular files of a tarball below ``into``; the number written.

    npm puts everything under one top folder, which is dropped. Raises InstallFailed on a name
    that would leave ``into``, and on anything that is neither file nor folder.
    """
    written = 0
    with tarfile.open(tarball, "r:gz") as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts
            if PurePosixPath(member.name).is_absolute() or ".." in parts or "\\" in member.name:
                raise InstallFailed(f"{package}: unsafe name in the tarball: {member.name!r}")
            if member.isdir():
                continue
            if not member.isfile():
                raise InstallFailed(f"{package}: not a regular file: {member.name!r}")
            name = "/".join(parts[1:])
            content = archive.extractfile(member)
            if not wanted(name) or content is None:
                continue
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as sink:
                shutil.copyfileobj(content, sink)
            written += 1
    return written


def is_served(name: str) -> bool:
    """Whether a file of the OHIF package belongs into the installed viewer."""
    if not name.startswith("dist/") or name.endswith(".map"):
        return False
    inside = name.removeprefix("dist/")
    return not any(
        inside.startswith(left) if left.endswith("/") else inside == left for left in LEFT_OUT
    )


def minify(tarballs: Tarballs, folder: Path) -> None:
    """Take comments (not those about licences) and white space out of the scripts in a folder: a third
    of what a browser fetches, unpacks and reads. Names and order stay. Raises InstallFailed."""
    node = shutil.which("node")
    if node is None:
        say("node is not installed: scripts stay as they are published")
        return
    package, tarball = tarballs.of(MINIFIER)
    tool = tarballs.scratch / MINIFIER
    unpack(package, tarball, tool, lambda _name: True)
    scripts = [str(path) for path in sorted(folder.glob("*.bundle.*.js"))]
    options = ["--minify-whitespace", "--legal-comments=inline", "--log-level=error"]
    into = [f"--outdir={folder}", f"--outbase={folder}", "--allow-overwrite"]
    command = [node, str(tool / "bin" / "esbuild"), *options, *into, *scripts]
    done = subprocess.run(  # noqa: S603 - the pinned package, and files just unpacked
        command, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise InstallFailed(f"{package}: scripts could not be made smaller\n{done.stderr.strip()}")


def compress(folder: Path) -> None:
    """Lay a .gz, and where node is present a .br, beside every text and wasm file."""
    candidates = [path for path in files_below(folder) if is_compressible(path)]
    for path in candidates:
        smaller = gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
        path.with_name(path.name + ".gz").write_bytes(smaller)
    node = shutil.which("node")
    if node is None:
        say("node is not installed: gzip only, no brotli")
        return
    script = """
      const fs = require("fs"), zlib = require("zlib"), c = zlib.constants;
      for (const name of fs.readFileSync(0, "utf8").split("\\n").filter(Boolean)) {
        const plain = fs.readFileSync(name);
        fs.writeFileSync(name + ".br", zlib.brotliCompressSync(plain, { params: {
          [c.BROTLI_PARAM_QUALITY]: 9, [c.BROTLI_PARAM_LGWIN]: 24,
          [c.BROTLI_PARAM_SIZE_HINT]: plain.length } }));
      }"""
    names = "\n".join(str(path) for path in candidates)
    done = subprocess.run(  # noqa: S603 - the script stands above
        [node, "-e", script], input=names, text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise InstallFailed(f"brotli: node failed\n{done.stderr.strip()}")


def is_compressible(path: Path) -> bool:
    is_text = path.suffix in COMPRESSIBLE
    return is_text and path.stat().st_size >= SMALLEST_WORTH_COMPRESSING_BYTES


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def digest(*paths: Path) -> str:
    """SHA-256 over names and contents, so that a renamed file counts as a change."""
    total = hashlib.sha256()
    for path in paths:
        for file in files_below(path) if path.is_dir() else [path]:
            total.update(f"{file.relative_to(HERE)}\0".encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def stamp_of(folder: Path) -> Path:
    """Where the state of an installed folder is noted: beside it, for what is in it is served."""
    return folder.with_name(f".{folder.name}.json")


def installed_state(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        return {}
    try:
        return dict(json.loads(stamp_of(folder).read_text("utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def exchange(prepared: Path, folder: Path) -> None:
    """Put a prepared folder in the place of another with two renames."""
    retired = folder.with_name(f".{folder.name}.retired")
    shutil.rmtree(retired, ignore_errors=True)
    if folder.exists():
        folder.rename(retired)
    prepared.rename(folder)
    shutil.rmtree(retired, ignore_errors=True)


@dataclass(frozen=True)
class Tarballs:
    """Where pinned packages come from: a folder prepared beforehand, or npm. `installed` is where
    what was installed before stands."""

    packages: dict[str, Package]
    scratch: Path
    prepared: Path | None
    installed: Path

    def of(self, name: str) -> tuple[Package, Path]:
        """One package and its verified tarball. Raises InstallFailed."""
        package = self.packages[name]
        if self.prepared is not None:
            file_name = f"{name.removeprefix('@').replace('/', '-')}-{package.version}.tgz"
            tarball = self.prepared / file_name
            if not tarball.is_file():
                raise InstallFailed(f"{package}: {tarball} does not exist")
        else:
            say(f"fetching {package}")
            tarball = fetch(package, self.scratch)
        verify(package, tarball)
        return package, tarball


def build_ohif(tarballs: Tarballs, folder: Path) -> None:
    package, tarball = tarballs.of("@ohif/app")
    unpacked = tarballs.scratch / "ohif"
    count = unpack(package, tarball, unpacked, is_served)
    dist = unpacked / "dist"
    if not (dist / "index.html").is_file():
        raise InstallFailed(f"{package}: there is no dist/index.html in it")
    say(f"unpacked {count} files of {package}, making them smaller")
    minify(tarballs, dist)
    compress(dist)
    dist.rename(folder)


def build_ours(tarballs: Tarballs, folder: Path) -> None:
    fresh = folder.with_name("unnamed")
    for name in OURS:
        source = HERE / name
        fresh.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, fresh / name)
    vendor = fresh / "vendor"
    vendor.mkdir()
    for name in sorted({package for package, _, _ in VENDORED}):
        package, tarball = tarballs.of(name)
        unpacked = tarballs.scratch / name
        paths = {path: target for owner, path, target in VENDORED if owner == name}
        unpack(package, tarball, unpacked, paths.__contains__)
        for path, target in paths.items():
            if not (unpacked / path).is_file():
                raise InstallFailed(f"{package}: there is no {path} in it")
            text = (unpacked / path).read_text("utf-8")
            (vendor / target).write_text(text.replace('from"preact"', 'from"./preact.js"'), "utf-8")
    named = folder / content_name(fresh)
    folder.mkdir()
    fresh.rename(named)
    shutil.copytree(named / "vendor", folder / "vendor")
    ohif = tarballs.installed / "ohif"
    page = page_of((ohif / "index.html").read_text("utf-8"), ohif, named)
    (folder / "page.html").write_text(page, "utf-8")
    compress(folder)


def content_name(folder: Path) -> str:
    """16 hexadecimal digits that stand for everything in a folder."""
    total = hashlib.sha256()
    for file in files_below(folder):
        total.update(f"{file.relative_to(folder)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]


def page_of(stock: str, ohif: Path, ours: Path) -> str:
    """The stock page with our modules, and with everything named that will be needed at once.

    Styles bear a mark of their content, for their names do not; the build loads none again that the
    page has. Raises InstallFailed when the page is not the one this was written for.
    """
    at = f"/margin-viewer/{ours.name}"
    config = '<script rel="preload" as="script" src="/app-config.js"></script>'
    worker = r'<script [^>]*src="/init-service-worker.js"></script>'
    style = '<link href="/app.bundle.css" rel="stylesheet">'
    if config not in stock or style not in stock:
        raise InstallFailed("index.html of @ohif/app is not the page this installer knows")
    head = [f'<script src="{at}/app-config.js"></script>']
    head += [f'<script type="module" src="{at}/early/start.js"></script>']
    for file in files_below(ours):
        path = file.relative_to(ours)
        is_page_s = path.name.endswith(".min.js")  # the pages' libraries, not the viewer's
        if path.suffix == ".js" and path.name != "app-config.js" and not is_page_s:
            later = ' fetchpriority="low"' if path.parts[0] in ("panel", "vendor") else ""
            head.append(f'<link rel="modulepreload"{later} href="{at}/{path.as_posix()}">')
    found = (sorted(ohif.glob(f"{chunk}.bundle.*.js")) for chunk in EARLY_SCRIPTS)
    head += [
        f'<link rel="preload" as="script" href="/{one.name}">' for many in found for one in many
    ]
    if (ohif / EARLY_WASM).is_file():
        head.append(f'<link rel="preload" as="fetch" crossorigin href="/{EARLY_WASM}">')
    for sheet in sorted(ohif.glob("*.css"), key=lambda one: (one.stem != "app.bundle", one.name)):
        mark = hashlib.sha256(sheet.read_bytes()).hexdigest()[:16]
        head.append(f'<link rel="stylesheet" href="/{sheet.name}?v={mark}">')
    head.append(f'<link rel="stylesheet" href="{at}/panel/panel.css">')
    page = re.sub(worker, "", stock).replace(style, "")
    return page.replace(config, "".join(head))


def install(into: Path, prepared: Path | None = None) -> None:
    """Bring ``into`` up to date with packages.json and our sources. Raises InstallFailed."""
    packages = {package.name: package for package in read_packages(HERE / "packages.json")}
    rules = digest(HERE / "packages.json", HERE / "install.py")
    ours = digest(*(HERE / name for name in OURS))
    targets: tuple[tuple[str, Callable[[Tarballs, Path], None], dict[str, str]], ...] = (
        ("ohif", build_ohif, {"packages": rules}),
        ("margin-viewer", build_ours, {"packages": rules, "ours": ours}),
    )
    into.mkdir(parents=True, exist_ok=True)
    for name, build, stamp in targets:
        folder = into / name
        if installed_state(folder) == stamp:
            say(f"{name} is up to date")
            continue
        with tempfile.TemporaryDirectory(prefix=".installing-", dir=into) as scratch:
            fresh = Path(scratch) / "fresh"
            build(Tarballs(packages, Path(scratch), prepared, into), fresh)
            exchange(fresh, folder)
        stamp_of(folder).write_text(json.dumps(stamp), "utf-8")
        say(f"installed {folder}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Install the OHIF viewer and our panel.")
    parser.add_argument("--into", type=Path, required=True, help="folder to install into")
    parser.add_argument(
        "--tarballs", type=Path, help="folder with the npm tarballs, for a machine without a line"
    )
    arguments = parser.parse_args()
    try:
        install(arguments.into.resolve(), arguments.tarballs)
    except InstallFailed as failure:
        print(f"viewer: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
