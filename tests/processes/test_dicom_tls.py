"""Whether the DICOM port speaks TLS is said by files: all of them, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.foundation.settings import Settings
from server.processes.orthanc_configuration import OrthancConfigurationUnsafe, encryption


def said(**files: Path) -> Settings:
    return Settings.from_environ(
        {f"MARGIN_DICOM_TLS_{name.upper()}": str(path) for name, path in files.items()}
    )


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    path = tmp_path / "some.pem"
    path.write_text("a certificate")
    return path


def test_without_files_the_port_speaks_plainly() -> None:
    assert encryption(said()) == {}


def test_a_certificate_alone_encrypts_and_an_authority_asks_for_theirs(pem: Path) -> None:
    alone = encryption(said(certificate=pem, key=pem))
    assert (alone["DicomTlsEnabled"], alone["DicomTlsRemoteCertificateRequired"]) == (True, False)
    mutual = encryption(said(certificate=pem, key=pem, ca=pem))
    assert mutual["DicomTlsRemoteCertificateRequired"] is True


@pytest.mark.parametrize("given", [("certificate",), ("key",), ("ca",), ("certificate", "ca")])
def test_half_of_it_starts_nothing(pem: Path, given: tuple[str, ...]) -> None:
    with pytest.raises(OrthancConfigurationUnsafe, match="MARGIN_DICOM_TLS_"):
        encryption(said(**dict.fromkeys(given, pem)))


def test_a_file_that_is_not_there_is_named(pem: Path, tmp_path: Path) -> None:
    with pytest.raises(OrthancConfigurationUnsafe, match="MARGIN_DICOM_TLS_KEY names no file"):
        encryption(said(certificate=pem, key=tmp_path / "missing.pem"))
