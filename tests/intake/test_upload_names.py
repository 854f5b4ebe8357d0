"""Names in archives from computers that do not say in which letters they write."""

from __future__ import annotations

import io
import zipfile

import pytest

from server.intake.uploads.names import legible
from server.intake.uploads.unpacking import readable_name


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("患者/画像１.dcm", "cp932"),
        ("読影レポート表.doc", "cp932"),
        ("山田太郎/腹部造影.zip", "cp932"),
        ("病理/报告.txt", "gbk"),
        ("张伟/肝脏增强CT.pdf", "gbk"),
        ("第1页.pdf", "gbk"),
        ("हिन्दी.pdf", "utf-8"),
        ("Müller/Röntgen.pdf", "cp437"),
        ("Überprüfung Größe.pdf", "cp437"),
        ("José/Ñandú.pdf", "cp437"),
        ("report.pdf", "ascii"),
    ],
)
def test_a_name_is_read_in_the_letters_in_which_it_was_written(name: str, letters: str) -> None:
    assert legible(name.encode(letters)) == name


def test_bytes_that_make_no_sense_still_give_a_name() -> None:
    assert len(legible(bytes(range(128, 256)))) == 128


def test_a_letter_that_ends_in_a_backslash_is_no_folder() -> None:
    raw = "表紙.pdf".encode("cp932")
    assert b"\\" in raw
    plain = b"x" * len(raw)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(plain.decode(), b"content")
    written = io.BytesIO(out.getvalue().replace(plain, raw))
    with zipfile.ZipFile(written) as archive:
        assert [readable_name(one) for one in archive.infolist()] == ["表紙.pdf"]
