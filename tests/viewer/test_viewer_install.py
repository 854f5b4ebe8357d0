"""The viewer's installer, with small tarballs of our own."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import json
import re
import shutil
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

from server.web.viewer import viewer_files

SOURCE = Path(__file__).resolve().parents[2] / "viewer_config"
FILES = {
    "@ohif/app": {
        "package/dist/index.html": b"<head><script>a=1</script>"
        b'<script rel="preload" as="script" src="/app-config.js"></script>'
        b'<script rel="preload" as="script" type="module" src="/init-service-worker.js"></script>'
        b'<script defer src="/app.bundle.0123456789abcdef.js"></script>'
        b'<link href="/app.bundle.css" rel="stylesheet"></head>' + b" " * 2000,
        "package/dist/app.bundle.css": b"a { b: c }",
        "package/dist/2623.css": b"d { e: f }",
        "package/dist/89.bundle.0123456789abcdef.js": b"/* said at length */let b;",
        "package/dist/app.js": b"let a = 1;\n" * 500,
        "package/dist/app.js.map": b"{}",
        "package/dist/app-config.js": b"window.config = {};",
        "package/dist/ort/ort.wasm": b"\0" * 4000,
        "package/dist/sw.js": b"importScripts('elsewhere')",
    },
    # Takes comments out of the scripts it is given, where they lie, as the real one is asked to.
    "esbuild-wasm": {
        "package/bin/esbuild": b"""const fs = require("fs");
          for (const name of process.argv.slice(2).filter((word) => !word.startsWith("--"))) {
            if (name.includes("broken")) { throw new Error("no script"); }
            const text = fs.readFileSync(name, "utf8");
            fs.writeFileSync(name, text.replace(/[/][*].*?[*][/]/g, ""));
          }"""
    },
    "preact": {
        "package/dist/preact.mjs": b"export const options = {};",
        "package/hooks/dist/hooks.mjs": b'import{options as n}from"preact";',
        "package/LICENSE": b"MIT",
    },
    "htm": {"package/dist/htm.mjs": b"export default 1;", "package/LICENSE": b"Apache"},
    "htmx.org": {"package/dist/htmx.min.js": b"var htmx;", "package/LICENSE": b"0BSD"},
    "tus-js-client": {"package/dist/tus.min.js": b"var tus;", "package/LICENSE": b"MIT"},
    "dicom-parser": {
        "package/dist/dicomParser.min.js": b"var dicomParser;",
        "package/LICENSE": b"MIT",
    },
}


def pack(path: Path, files: dict[str, bytes]) -> str:
    """Write a tarball; its integrity as npm words it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


@pytest.fixture
def installer(tmp_path: Path) -> ModuleType:
    """The installer on a copy of viewer_config whose packages are ours, in tmp_path/tarballs."""
    home, tarballs = tmp_path / "viewer_config", tmp_path / "tarballs"
    shutil.copytree(SOURCE, home)
    tarballs.mkdir()
    packages = []
    for name, files in FILES.items():
        file_name = f"{name.removeprefix('@').replace('/', '-')}-1.0.0.tgz"
        integrity = pack(tarballs / file_name, files)
        packages.append({"name": name, "version": "1.0.0", "integrity": integrity})
    (home / "packages.json").write_text(json.dumps({"packages": packages}))
    spec = importlib.util.spec_from_file_location("viewer_install", home / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["viewer_install"] = module
    spec.loader.exec_module(module)
    return module


def test_the_viewer_is_laid_out_as_the_server_expects(
    installer: ModuleType, tmp_path: Path
) -> None:
    into = tmp_path / "viewer"
    installer.install(into, tmp_path / "tarballs")
    served = {path.name for path in (into / "ohif").rglob("*") if path.is_file()}
    assert {"index.html", "app.js", "app.js.gz"} <= served
    assert not served & {"app.js.map", "ort.wasm", "sw.js", "app-config.js"}
    ours = into / "margin-viewer"
    (named,) = (path for path in ours.iterdir() if re.fullmatch("[0-9a-f]{16}", path.name))
    assert b"dicom-web" in (named / "app-config.js").read_bytes()
    for vendor in (ours / "vendor", named / "vendor"):
        assert (vendor / "hooks.js").read_text() == 'import{options as n}from"./preact.js";'
    assert (named / "panel" / "panel.js").is_file()


def test_the_page_names_at_once_what_would_be_asked_for_one_after_the_other(
    installer: ModuleType, tmp_path: Path
) -> None:
    into = tmp_path / "viewer"
    installer.install(into, tmp_path / "tarballs")
    page = (into / "margin-viewer" / "page.html").read_text()
    (named,) = (into / "margin-viewer").glob("????????????????")
    named_files = re.findall(r'(?:src|href)="/([^"?]+)', page)
    for name in named_files:
        home = into if name.startswith("margin-viewer/") else into / "ohif"
        assert (home / name).is_file() or name == "app.bundle.0123456789abcdef.js", name
    for module in ("extension.js", "mode.js", "early/start.js", "images/loader.js"):
        assert f'rel="modulepreload" href="/margin-viewer/{named.name}/{module}"' in page
    assert 'rel="preload" as="script" href="/89.bundle.0123456789abcdef.js"' in page
    assert re.search(r'rel="stylesheet" href="/2623\.css\?v=[0-9a-f]{16}"', page)
    assert page.index("early/start.js") < page.index("app.bundle.0123")
    assert "init-service-worker" not in page
    assert re.findall(r"<script>(.*?)</script>", page) == ["a=1"]


def test_what_the_page_loads_is_known_to_the_page_before_it(
    installer: ModuleType, tmp_path: Path
) -> None:
    assert viewer_files(tmp_path / "viewer") == ()
    installer.install(tmp_path / "viewer", tmp_path / "tarballs")
    (named,) = (tmp_path / "viewer" / "margin-viewer").glob("????????????????")
    found = viewer_files(tmp_path / "viewer")
    assert len(found) == len(set(found))
    assert f"/margin-viewer/{named.name}/early/start.js" in found
    assert "/89.bundle.0123456789abcdef.js" in found
    assert found[-1] == "/app.bundle.0123456789abcdef.js"  # the largest, which is fetched first
    for address in found:
        path, _, mark = address.partition("?")
        assert (
            re.search("[0-9a-f]{16}", mark if path.endswith(".css") else path) or named.name in path
        )


def test_scripts_of_the_build_are_made_smaller(installer: ModuleType, tmp_path: Path) -> None:
    into = tmp_path / "viewer"
    installer.install(into, tmp_path / "tarballs")
    assert (into / "ohif" / "89.bundle.0123456789abcdef.js").read_bytes() == b"let b;"
    assert (into / "ohif" / "app.js").read_bytes() == FILES["@ohif/app"]["package/dist/app.js"]


def test_a_script_that_cannot_be_made_smaller_stops_the_installation(
    installer: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "broken.bundle.0.js").write_text("let")
    packages = {one.name: one for one in installer.read_packages(installer.HERE / "packages.json")}
    tarballs = installer.Tarballs(packages, tmp_path / "scratch", tmp_path / "tarballs", tmp_path)
    with pytest.raises(installer.InstallFailed, match="no script"):
        installer.minify(tarballs, tmp_path)


def test_a_page_that_is_not_the_known_one_is_refused(installer: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(installer.InstallFailed, match="not the page"):
        installer.page_of("<html></html>", tmp_path, tmp_path)


def test_a_second_run_changes_nothing(
    installer: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "viewer"
    installer.install(into, tmp_path / "tarballs")
    capsys.readouterr()
    installer.install(into, tmp_path / "nowhere")
    assert capsys.readouterr().out.count("is up to date") == 2


def test_a_changed_configuration_gets_a_folder_of_a_new_name_and_the_build_stays(
    installer: ModuleType, tmp_path: Path
) -> None:
    into = tmp_path / "viewer"
    installer.install(into, tmp_path / "tarballs")
    before = (into / "ohif").stat().st_mtime_ns
    config = tmp_path / "viewer_config" / "app-config.js"
    config.write_text(config.read_text() + "// changed\n")
    installer.install(into, tmp_path / "tarballs")
    (named,) = (into / "margin-viewer").glob("????????????????")
    assert (named / "app-config.js").read_text().endswith("// changed\n")
    assert (into / "ohif").stat().st_mtime_ns == before


def test_a_tarball_that_is_not_the_pinned_one_is_refused_by_name(
    installer: ModuleType, tmp_path: Path
) -> None:
    pack(tmp_path / "tarballs" / "htm-1.0.0.tgz", {"package/dist/htm.mjs": b"evil"})
    with pytest.raises(installer.InstallFailed, match=r"htm@1\.0\.0.*not the pinned one"):
        installer.install(tmp_path / "viewer", tmp_path / "tarballs")
    assert not (tmp_path / "viewer" / "margin-viewer").exists()


@pytest.mark.parametrize("name", ["../evil.js", "/etc/evil", "package/../../evil", "package\\evil"])
def test_a_name_that_leaves_the_folder_is_refused(
    installer: ModuleType, tmp_path: Path, name: str
) -> None:
    tarball = tmp_path / "bad.tgz"
    pack(tarball, {name: b"x"})
    package = installer.Package("bad", "1.0.0", "")
    with pytest.raises(installer.InstallFailed, match="unsafe name"):
        installer.unpack(package, tarball, tmp_path / "into", lambda _: True)
    assert not list((tmp_path).rglob("evil*"))
