"""The seal on an opinion: it validates, it breaks with the first changed byte, and its key is kept."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from cryptography.x509 import load_pem_x509_certificate
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pypdf import PdfReader

from server.opinions.pdf import render_pdf
from server.opinions.seal import sealed
from server.opinions.seal_key import SealKey, SealKeyUnusable, make_seal_key, seal_key_of
from server.opinions.standing import Verification
from server.opinions.verifying import mark_in
from tests.opinions import samples
from tests.opinions.seal_reader import seal_state

NOW = datetime.now(UTC)
OPINION = replace(
    samples.LIVER, verification=Verification("https://margin.example/verify", "7K3QX-90MZD")
)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seal") / "folder" / "seal.pem"
    assert make_seal_key(path, NOW, "Test house")
    return path


@pytest.fixture(scope="module")
def key(pem: Path) -> SealKey:
    return seal_key_of(pem, None, "", own=False, now=NOW)


@cache
def printed() -> bytes:
    return render_pdf(OPINION)


@pytest.fixture(scope="module")
def document(key: SealKey) -> bytes:
    return sealed(printed(), OPINION, key)


def test_a_sealed_opinion_validates(document: bytes, key: SealKey) -> None:
    state = seal_state(document, key.certificate)
    assert state is not None
    assert state.good


def test_the_seal_is_added_behind_the_document_as_it_was_printed(document: bytes) -> None:
    assert document.startswith(printed())
    reader = PdfReader(io.BytesIO(document))
    field = reader.get_fields()["MarginSeal"]  # type: ignore[index]
    assert field["/V"]["/SubFilter"] == "/ETSI.CAdES.detached"  # PAdES, ETSI EN 319 142-1
    assert "signed by Dr B. Okafor" in field["/V"]["/Reason"]
    assert "Example" not in str(field["/V"]["/Reason"])


def test_the_file_says_what_to_ask_at_verify(document: bytes) -> None:
    assert mark_in(document) == ("M-2026-0043", "7K3QX-90MZD")
    assert mark_in(printed()) is None


@pytest.mark.parametrize("place", [0.05, 0.3, 0.6, 0.9])
def test_one_changed_byte_breaks_the_seal(document: bytes, key: SealKey, place: float) -> None:
    altered = bytearray(document)
    altered[int(place * len(printed()))] ^= 1
    state = seal_state(bytes(altered), key.certificate)
    assert state is None or not state.good


def test_a_page_added_behind_the_seal_is_told(document: bytes, key: SealKey) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(document))
    writer.root["/Lang"] = writer.root.raw_get("/Lang").__class__("fr")
    writer.update_root()  # type: ignore[no-untyped-call]
    out = io.BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    state = seal_state(out.getvalue(), key.certificate)
    assert state is None or not state.good


def test_another_servers_seal_is_not_trusted(document: bytes, tmp_path: Path) -> None:
    other = seal_key_of(tmp_path / "other.pem", None, "", own=True, now=NOW)
    state = seal_state(document, other.certificate)
    assert state is not None
    assert not state.trusted


def test_a_document_without_a_seal_has_none(key: SealKey) -> None:
    assert seal_state(printed(), key.certificate) is None
    assert seal_state(b"no PDF at all", key.certificate) is None


def test_a_key_is_made_once_readable_by_its_owner_only(pem: Path) -> None:
    before = pem.read_bytes()
    assert not make_seal_key(pem, NOW)
    assert pem.read_bytes() == before
    assert pem.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in pem.parent.iterdir()] == ["seal.pem"]


def test_an_operators_key_is_taken_from_pkcs12_with_its_password(
    pem: Path, key: SealKey, tmp_path: Path
) -> None:
    private = load_pem_private_key(pem.read_bytes(), None)
    certificate = load_pem_x509_certificate(pem.read_bytes())
    path = tmp_path / "seal.p12"
    protection = serialization.BestAvailableEncryption(b"a password")
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(b"seal", private, certificate, None, protection)  # type: ignore[arg-type]
    )
    assert seal_key_of(path, None, "a password", own=False, now=NOW) == key
    with pytest.raises(SealKeyUnusable):
        seal_key_of(path, None, "another", own=False, now=NOW)


def test_a_key_that_cannot_be_used_holds_opinions_up_and_says_why(
    pem: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    make_seal_key(other, NOW)
    damaged = tmp_path / "damaged.pem"
    damaged.write_text("-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----\n")
    for path, certificate in ((tmp_path / "none.pem", None), (damaged, None), (pem, other)):
        with pytest.raises(SealKeyUnusable) as refused:
            seal_key_of(path, certificate, "", own=False, now=NOW)
        assert "MARGIN_SEAL_" in refused.value.remedy
