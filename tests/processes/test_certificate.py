"""The proxy's certificate: given, made, made anew, and looked up at each handshake."""

from __future__ import annotations

import socket
import stat
import subprocess
from pathlib import Path

import pytest

from server.foundation.settings import Settings
from server.processes import certificate
from server.processes.certificate import CertificateMissing, ensure_certificate, names_of
from tests.processes.conftest import MakeSettings
from tests.processes.proxied import Proxy, running_proxy, trusting


def given(folder: Path) -> dict[str, str]:
    """Settings that name a certificate which somebody else made."""
    folder.mkdir()
    paths = folder / "fullchain.pem", folder / "privkey.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=given"]
    command += ["-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(command, check=True, capture_output=True)
    return {"MARGIN_TLS_CERTIFICATE": str(paths[0]), "MARGIN_TLS_KEY": str(paths[1])}


def shown(settings: Settings, *what: str) -> str:
    command = ["openssl", "x509", "-noout", "-in", str(settings.tls_certificate), *what]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def test_one_is_made_for_the_names_of_this_machine(make_settings: MakeSettings) -> None:
    settings = make_settings(MARGIN_PROXY="true", MARGIN_PUBLIC_URL="https://margin.test:8600")
    ensure_certificate(settings)
    assert stat.S_IMODE(settings.tls_key.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.tls_key.parent.stat().st_mode) == 0o700
    for name in ("margin.test", "localhost"):
        assert "does match" in shown(settings, "-checkhost", name), name
    assert "does match" in shown(settings, "-checkip", "127.0.0.1")
    assert "margin.test" in names_of(settings)


def test_one_that_is_good_stays_and_one_for_other_names_does_not(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(MARGIN_PROXY="true")
    ensure_certificate(settings)
    first = settings.tls_certificate.read_text()
    ensure_certificate(settings)
    assert settings.tls_certificate.read_text() == first
    renamed = Settings.from_environ(
        {**settings.to_environ(), "MARGIN_PUBLIC_URL": "https://other.test"}
    )
    ensure_certificate(renamed)
    second = settings.tls_certificate.read_text()
    assert second != first
    monkeypatch.setattr(certificate, "RENEWED_BEFORE_S", 400 * 24 * 3600)
    ensure_certificate(renamed)
    assert settings.tls_certificate.read_text() != second


def test_a_given_one_is_left_alone_whatever_it_says(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings(MARGIN_PROXY="true", **given(tmp_path / "given"))
    before = settings.tls_certificate.read_text()
    ensure_certificate(settings)
    assert settings.tls_certificate.read_text() == before
    assert not (settings.home / "tls").exists()


def test_a_named_one_that_is_missing_is_not_made(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    named = given(tmp_path / "given")
    settings = make_settings(MARGIN_PROXY="true", **named)
    settings.tls_key.unlink()
    with pytest.raises(CertificateMissing, match=r"privkey\.pem"):
        ensure_certificate(settings)


def test_a_key_without_its_certificate_is_not_overwritten(make_settings: MakeSettings) -> None:
    settings = make_settings(MARGIN_PROXY="true")
    settings.tls_key.parent.mkdir(parents=True)
    settings.tls_key.write_text("somebody's")
    with pytest.raises(CertificateMissing, match=r"certificate\.pem"):
        ensure_certificate(settings)
    assert settings.tls_key.read_text() == "somebody's"


def test_a_renewed_one_is_shown_without_a_restart(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings(MARGIN_PROXY="true")
    with running_proxy(settings, well="the proxy answers 503") as proxy:
        before = presented(proxy)
        renewed = given(tmp_path / "renewed")
        Path(renewed["MARGIN_TLS_KEY"]).replace(settings.tls_key)
        Path(renewed["MARGIN_TLS_CERTIFICATE"]).replace(settings.tls_certificate)
        after = presented(proxy)
    assert before != after


def presented(proxy: Proxy) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", proxy.settings.port), timeout=10) as plain,
        trusting().wrap_socket(plain) as secure,
    ):
        shown = secure.getpeercert(binary_form=True)
        assert shown is not None
        return shown
