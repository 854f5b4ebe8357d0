"""Descriptions in the letters of many countries, with their character set declared or not."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from server.imaging.character_sets import decoded, encodings_of
from server.imaging.facts import facts_of
from server.imaging.headers import of_dataset, of_json
from server.imaging.phase import Phase

CHINESE, JAPANESE = "腹部 门静脉期", "腹部 門脈相"


@pytest.mark.parametrize(
    ("declared", "text", "encoding", "read"),
    [
        ([""], CHINESE, "utf-8", CHINESE),
        ([""], CHINESE, "gb18030", CHINESE),
        (["ISO_IR 100"], CHINESE, "gb18030", CHINESE),
        (["GB18030"], CHINESE, "gb18030", CHINESE),
        (["GBK"], CHINESE, "gbk", CHINESE),
        (["ISO_IR 192"], CHINESE, "gb18030", CHINESE),
        (["ISO_IR 192"], "portalvenös", "latin-1", "portalvenös"),
        (["ISO_IR 100"], "portalvenös", "utf-8", "portalvenös"),
        (["ISO_IR 100"], "Übersicht ÄÖÜ", "latin-1", "Übersicht ÄÖÜ"),
        ([""], "fase portal é", "latin-1", "fase portal é"),
        (["", "ISO 2022 IR 87"], JAPANESE, "iso2022_jp", JAPANESE),
        ([""], JAPANESE, "iso2022_jp", JAPANESE),
        (["ISO_IR 13"], JAPANESE, "shift_jis", JAPANESE),
        (["ISO_IR 13"], JAPANESE, "utf-8", JAPANESE),
        (["", "ISO 2022 IR 149"], "복부", "euc_kr", None),
        (["NONSENSE"], "portal", "ascii", "portal"),
    ],
)
def test_a_description_is_read_as_it_was_meant(
    declared: list[str], text: str, encoding: str, read: str | None
) -> None:
    raw = text.encode(encoding)
    if encoding == "euc_kr":
        raw, read = b"\x1b$)C" + raw, text
    assert decoded(raw, encodings_of(declared)) == read


@pytest.mark.parametrize(
    ("text", "encoding", "phase"),
    [
        ("造影 門脈相", "cp932", Phase.PORTAL_VENOUS),
        ("腹部 動脈相", "cp932", Phase.ARTERIAL_LATE),
        ("上腹部 门脉期", "gb18030", Phase.PORTAL_VENOUS),
        ("上腹部 門靜脈期", "big5", Phase.PORTAL_VENOUS),
        ("복부 문맥기", "cp949", Phase.PORTAL_VENOUS),
        ("Abdomen portalvenös", "latin-1", Phase.PORTAL_VENOUS),
        ("Übersicht", "latin-1", Phase.NATIVE),  # by the contrast attributes alone
    ],
)
def test_words_are_found_in_letters_nobody_declared_and_not_shown_as_certain(
    text: str, encoding: str, phase: Phase
) -> None:
    raw = text.encode(encoding)
    image = Dataset()
    image.SOPClassUID, image.Modality, image.Rows = CTImageStorage, "CT", 512
    image.SeriesDescription = "Q" * len(raw)
    stream = BytesIO()
    image.save_as(stream, implicit_vr=False, little_endian=True)
    headers = of_dataset(
        dcmread(BytesIO(stream.getvalue().replace(b"Q" * len(raw), raw)), force=True)
    )
    # The archive reads such bytes one by one, as Latin letters.
    image.SeriesDescription = raw.decode("latin-1")
    for read in (headers, of_json(image.to_json_dict())):
        facts = facts_of(read)
        assert facts.header_phase.phase is phase
        by_guess = any("was guessed" in one for one in facts.header_phase.evidence)
        assert by_guess == (facts.description != text)


@pytest.mark.parametrize("raw", [b"\xff\xfe\xfd", b"\x1b\x1b", b"\x80\\\x81", bytes(range(256))])
def test_no_bytes_are_too_strange_to_be_read(raw: bytes) -> None:
    for declared in (None, "ISO_IR 192", ["", "ISO 2022 IR 87"], b"GB18030\\NONSENSE"):
        assert isinstance(decoded(raw, encodings_of(declared)), str)


def test_the_phase_of_a_japanese_file_is_read_from_the_disc(tmp_path: Path) -> None:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = UID("1.2.3")
    image.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    image.Modality, image.SeriesDescription = "CT", JAPANESE
    image.Rows = image.Columns = 1
    image.save_as(tmp_path / "one.dcm", enforce_file_format=True)
    facts = facts_of(of_dataset(dcmread(tmp_path / "one.dcm")))
    assert facts.description == JAPANESE
    assert facts.header_phase.phase is Phase.PORTAL_VENOUS
