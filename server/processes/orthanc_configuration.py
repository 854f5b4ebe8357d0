"""Orthanc's configuration for one home: the hardened file of the project plus what is local.

`orthanc/orthanc.json` holds what is the same everywhere and is mounted by docker-compose.yml too;
ports, folders, the AE title and the one service user are added here.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from server.foundation.errors import Unavailable
from server.foundation.settings import PROJECT, Settings

TEMPLATE = PROJECT / "orthanc" / "orthanc.json"
PROGRAM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/bin")
PLUGIN_FOLDERS = (Path("/usr/share/orthanc/plugins"), Path("/usr/local/share/orthanc/plugins"))
DICOMWEB_PLUGIN = "libOrthancDicomWeb.so"
PYTHON_PLUGIN = "libOrthancPython.so"
# Looks at every image that comes by C-STORE before Orthanc does.
REPEATS_SCRIPT = PROJECT / "orthanc" / "repeats.py"

# Without any one of these a stranger could write, read or run something through Orthanc, so the
# server does not start on a template that somebody has loosened.
MUST_HOLD: dict[str, Any] = {
    "AuthenticationEnabled": True,
    "ExecuteLuaEnabled": False,
    "RestApiWriteToFileSystemEnabled": False,
    "WebDavEnabled": False,
    "OrthancExplorerEnabled": False,
    "DicomAlwaysAllowEcho": False,
    "DicomAlwaysAllowStore": False,
    "DicomAlwaysAllowFind": False,
    "DicomAlwaysAllowGet": False,
    "DicomAlwaysAllowMove": False,
    "DicomCheckCalledAet": True,
    "OverwriteInstances": False,
    "SyncStorageArea": True,
    "MaximumStorageSize": 0,
}


class OrthancMissing(Unavailable):
    """Orthanc or its DICOMweb plugin is not installed on this machine."""


class OrthancConfigurationUnsafe(Unavailable):
    """The template no longer holds what Margin's safety rests on."""


def orthanc_program(folders: Iterable[str] = PROGRAM_FOLDERS) -> Path:
    """The Orthanc executable. Raises OrthancMissing with the remedy."""
    found = program("Orthanc", folders)
    if found is None:
        raise OrthancMissing(
            "Orthanc is not installed: no program of that name in the usual folders",
            remedy="Run `make install`, or install the packages orthanc and orthanc-dicomweb.",
        )
    return found


def program(name: str, folders: Iterable[str]) -> Path | None:
    """An installed program, in these folders or on the PATH; servers stand where few look for them."""
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))
    return Path(found) if found else None


def plugins(folders: Iterable[Path] = PLUGIN_FOLDERS) -> tuple[Path, ...]:
    """The plugins that Orthanc is run with. Raises OrthancMissing with the remedy."""
    searched = tuple(folders)
    return tuple(
        _plugin(name, package, searched)
        for name, package in (
            (DICOMWEB_PLUGIN, "orthanc-dicomweb"),
            (PYTHON_PLUGIN, "orthanc-python"),
        )
    )


def _plugin(name: str, package: str, folders: Iterable[Path]) -> Path:
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise OrthancMissing(
        f"Orthanc's plugin {name} is not installed",
        remedy=f"Run `make install`, or install the package {package}.",
    )


def configuration(
    settings: Settings, plugins: Iterable[Path], template: Path = TEMPLATE
) -> dict[str, Any]:
    """The whole configuration for `settings.home`; needs `settings.orthanc_password`.

    Raises OrthancConfigurationUnsafe when the template was loosened.
    """
    base: dict[str, Any] = json.loads(template.read_text())
    loosened = sorted(name for name, value in MUST_HOLD.items() if base.get(name) != value)
    if loosened or not settings.orthanc_password:
        what = ", ".join(loosened) or "RegisteredUsers (no password)"
        raise OrthancConfigurationUnsafe(
            f"{template} does not hold what Margin's safety rests on: {what}",
            remedy="Restore the file from the project; orthanc/README.md explains each line.",
        )
    storage = str(settings.orthanc_dir)
    return (
        base
        | encryption(settings)
        | {
            "StorageDirectory": storage,
            "IndexDirectory": storage,
            "TemporaryDirectory": str(settings.run_dir / "orthanc-tmp"),
            "HttpPort": settings.orthanc_port,
            "RegisteredUsers": {settings.orthanc_user: settings.orthanc_password},
            "DicomPort": settings.dicom_port,
            "DicomAet": settings.dicom_aet,
            "DicomCheckModalityHost": settings.dicom_check_host,
            "DeflatedTransferSyntaxAccepted": settings.dicom_deflated,
            "StableAge": settings.stable_age_s,
            "Plugins": [str(plugin) for plugin in plugins],
            "PythonScript": str(REPEATS_SCRIPT),
        }
    )


def encryption(settings: Settings) -> dict[str, Any]:
    """What makes the DICOM port speak TLS; empty without a certificate (PS3.15 Annex B).

    Raises OrthancConfigurationUnsafe when only a part of it is given or a file is not there.
    """
    certificate, key, authorities = (
        settings.dicom_tls_certificate,
        settings.dicom_tls_key,
        settings.dicom_tls_ca,
    )
    if not certificate and not key and not authorities:
        return {}
    given = {
        "MARGIN_DICOM_TLS_CERTIFICATE": certificate,
        "MARGIN_DICOM_TLS_KEY": key,
        **({"MARGIN_DICOM_TLS_CA": authorities} if authorities else {}),
    }
    missing = [name for name, path in given.items() if not path or not Path(path).is_file()]
    if missing:
        raise OrthancConfigurationUnsafe(
            f"the DICOM port cannot speak TLS: {' and '.join(missing)} names no file",
            remedy="Give certificate and key, or neither; docs/operations.md says how.",
        )
    return {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(certificate),
        "DicomTlsPrivateKey": str(key),
        # Orthanc 1.10 wants a file here even when it asks for no certificate.
        "DicomTlsTrustedCertificates": str(authorities or certificate),
        "DicomTlsRemoteCertificateRequired": bool(authorities),
    }


def write_configuration(settings: Settings) -> Path:
    """Write HOME/run/orthanc.json (0600: it holds the password) and make the folders it names."""
    content = configuration(settings, plugins())
    for folder in (content["StorageDirectory"], content["TemporaryDirectory"]):
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.run_dir / "orthanc.json"
    write_private(path, json.dumps(content, indent=2))
    return path


def write_private(path: Path, text: str) -> None:
    """Replace `path` by a file only its owner can read."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
