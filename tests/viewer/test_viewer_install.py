"""The viewer's installer, with small tarballs of our own."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import json
import shutil
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "viewer_config"
FILES = {
    "@ohif/app": {
        "package/dist/index.html": b"<!doctype html>" + b" " * 2000,
        "package/dist/app.js": b"let a = 1;\n" * 500,
        "package/dist/app.js.map": b"{}",
        "package/dist/app-config.js": b"window.config = {};",
        "package/dist/ort/ort.wasm": b"\0" * 4000,
        "package/dist/sw.js": b"importScripts('elsewhere')",
    },
    "preact": {
        "package/dist/preact.mjs": b"export const options = {};",
        "package/hooks/dist/hooks.mjs": b'import{options as n}from"preact";',
        "package/LICENSE": b"MIT",
    },
    "htm": {"package/dist/htm.mjs": b"export default 1;", "package/LICENSE": b"Apache"},
    "htmx.org": {"package/dist/htmx.min.js": b"var htmx;", "package/LICENSE": b"0BSD"},
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
    assert {"index.html", "app.js", "app.js.gz", "app-config.js"} <= served
    assert not served & {"app.js.map", "ort.wasm", "sw.js"}
    assert b"dicom-web" in (into / "ohif" / "app-config.js").read_bytes()
    hooks = (into / "margin-viewer" / "vendor" / "hooks.js").read_text()
    assert hooks == 'import{options as n}from"./preact.js";'
    assert (into / "margin-viewer" / "panel" / "panel.js").is_file()


def test_a_second_run_changes_nothing(
    installer: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "viewer"
    installer.install(into, tmp_path / "tarballs")
    capsys.readouterr()
    installer.install(into, tmp_path / "nowhere")
    assert capsys.readouterr().out.count("is up to date") == 2


def test_a_changed_configuration_is_exchanged_without_fetching(
    installer: ModuleType, tmp_path: Path
) -> None:
    into = tmp_path / "viewer"
    installer.install(into, tmp_path / "tarballs")
    config = tmp_path / "viewer_config" / "app-config.js"
    config.write_text(config.read_text() + "// changed\n")
    installer.install(into, tmp_path / "nowhere")
    assert (into / "ohif" / "app-config.js").read_text().endswith("// changed\n")


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
