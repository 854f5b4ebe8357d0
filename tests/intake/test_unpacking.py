"""Archives made by strangers: gone through file by file, and stopped where they turn bad."""

from __future__ import annotations

import io
import os
import random
import stat
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from server.intake.uploads import kinds
from server.intake.uploads.kinds import DICOM, STL, NotTaken, NotWanted, kind_of
from server.intake.uploads.unpacking import Found, Limits, walk

ROOMY = Limits(10**9, 10**10)
PART10 = bytes(128) + b"DICM" + b"x" * 100
PDF = b"%PDF-1.7\n1 0 obj\nendobj\nstartxref\n9\n%%EOF\n"


def reason(found: Found) -> str:
    return found.kind.reason if isinstance(found.kind, NotTaken | NotWanted) else ""


def all_of(path: Path, scratch: Path, limits: Limits = ROOMY, position: int = 0) -> list[Found]:
    return list(walk(path, path.name, scratch, limits, position))


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_what_a_file_is_is_told_by_its_bytes() -> None:
    for head, name, kind in (
        (PART10, "IM0001", DICOM),
        (b"MZ" + PART10[2:], "virus.exe", DICOM),
        (b"II*\0" + PART10[4:], "slide.tif", DICOM),
        (PDF, "letter", kinds.PDF),
        (b"\xff\xd8\xff\xe0 JFIF", "IMG.dcm", kinds.JPEG),
        (b"\x89PNG\r\n\x1a\n", "scan.png", kinds.PNG),
        (b"MM\0*", "fax", kinds.TIFF),
        (b"\0\0\0\x18ftypheic", "IMG_1.HEIC", kinds.HEIC),
        (b"PK\x03\x04", "study.zip", kinds.ZIP),
    ):
        assert kind_of(head, head, name) == kind, name


@pytest.mark.parametrize(
    ("head", "name", "said"),
    [
        (b"", "IM0001", "empty"),
        (b"<!DOCTYPE html><title>x", "report.pdf", "named a PDF, but it is a web page"),
        (b"%PDF-1.4\n<html><script>alert(1)</script>%%EOF", "a.pdf", "holds a web page"),
        (b"%PDF-1.4\nobj", "a.pdf", "cut off"),
        (b"PK\x03\x04", "letter.docx", "Save it as PDF"),
        (b"\xd0\xcf\x11\xe0", "letter.doc", "Save it as PDF"),
        (b"Dear colleague", "letter.txt", "Print it to a PDF"),
        (b"Rar!\x1a\x07\x00", "study.rar", "RAR archives are not taken"),
        (b"7z\xbc\xaf\x27\x1c", "study.7z", "7z archives"),
        (bytes(257) + b"ustar\x00", "study.tar", "tar archives are not taken"),
        (bytes(900), "disc.iso", "Open it and send the folders in it"),
        (b"{\\rtf1\\ansi Dear", "letter", "Save it as PDF"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "letter", "Save it as PDF"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis", "letter", "Save it as PDF"),
        (b"GIF89a", "a.gif", "imaging as DICOM"),
        (b"\x00\x01\x02", "IM0001", "neither a DICOM file"),
    ],
)
def test_what_is_not_taken_is_told_what_to_do(head: bytes, name: str, said: str) -> None:
    kind = kind_of(head, head, name)
    assert isinstance(kind, NotTaken)
    assert said in kind.reason


@pytest.mark.parametrize(
    "name", ["__MACOSX/._IM0001", ".DS_Store", "Thumbs.db", "viewer/start.exe", "AUTORUN.INF"]
)
def test_what_lies_on_every_disc_is_left_out_without_alarm(name: str) -> None:
    assert isinstance(kind_of(b"MZ\x90", b"", name), NotWanted)


@pytest.mark.parametrize("name", ["DICOMDIR", "disc/dicomdir"])
def test_a_table_of_contents_that_is_damaged_is_not_needed_either(name: str) -> None:
    kind = kind_of(b"not a table at all", b"", name)
    assert isinstance(kind, NotWanted)
    assert "damaged" in kind.reason


@pytest.mark.parametrize(
    "head",
    [
        b"\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100",
        b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100",
        b"\x02\x00\x00\x00UL\x04\x00\xc4\x00\x00\x00",
        b"\x08\x00\x00\x00\x04\x00\x00\x00\x64\x01\x00\x00",
    ],
)
def test_a_dicom_file_without_its_beginning_is_told_what_to_do(head: bytes) -> None:
    kind = kind_of(head + bytes(200), b"", "IM0001")
    assert isinstance(kind, NotTaken)
    assert "lost its beginning" in kind.reason


def test_a_model_for_printing_is_a_document_and_other_models_are_asked_for_as_one() -> None:
    binary = b"\0" * 80 + (2).to_bytes(4, "little") + bytes(100)
    text = b"solid liver\n facet normal 0 0 1\n"
    assert kind_of(binary, b"", "liver.STL") == kind_of(text, b"", "liver.stl") == STL
    assert kind_of(binary, b"", "liver.dat") != STL
    for name, head in (("liver.stl", binary[:90]), ("liver.obj", b"v 0 0 0")):
        kind = kind_of(head, b"", name)
        assert isinstance(kind, NotTaken)
        assert "3-D model" in kind.reason


def test_every_file_of_an_archive_is_given_with_its_bytes(tmp_path: Path, scratch: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("IM1", PART10)
        archive.writestr("again.zip", zip_bytes({"IM2": PART10}))
    path = zipped(
        tmp_path / "disc.zip",
        {"DICOM/A1": PART10, "letter.pdf": PDF, "old.zip": inner.getvalue(), "last": PART10},
    )
    seen = []
    for found in walk(path, "disc.zip", scratch, ROOMY):
        content = found.path.read_bytes() if found.path else b""
        seen.append((found.place, found.name, content[128:132], reason(found)[:20]))
    assert seen == [
        (0, "DICOM/A1", b"DICM", ""),
        (1, "letter.pdf", b"", ""),
        (2, "old.zip/IM1", b"DICM", ""),
        (3, "old.zip/again.zip", b"", "A zip file in a zip "),
        (4, "last", b"DICM", ""),
    ]
    assert list(scratch.iterdir()) == []
    for position in range(5):
        rest = [one.place for one in all_of(path, scratch, position=position)]
        assert rest == list(range(position, 5)), "whoever begins again goes on at the same place"


def zip_bytes(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_a_single_file_is_what_it_is(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "IM0001"
    path.write_bytes(PART10)
    (found,) = all_of(path, scratch)
    assert (found.place, found.kind, found.path, found.size_bytes) == (0, DICOM, path, len(PART10))


def test_names_that_lead_out_links_and_devices_are_refused_by_name(
    tmp_path: Path, scratch: Path
) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../../etc/cron.d/x", "/etc/passwd", "a/../../b", "C:\\x", "..\\..\\x"):
            archive.writestr(name, PART10)
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        pipe = zipfile.ZipInfo("pipe")
        pipe.external_attr = (stat.S_IFIFO | 0o666) << 16
        archive.writestr(pipe, "")
        archive.writestr("good\\IM1", PART10)
    found = all_of(path, scratch)
    refused, good = found[:-1], found[-1]
    assert {one.name for one in refused} >= {"../../etc/cron.d/x", "/etc/passwd", "link", "pipe"}
    for one in refused:
        assert "leads out" in reason(one) or "link or a device" in reason(one), one
    assert good.kind == DICOM
    assert sorted(os.listdir(tmp_path)) == ["evil.zip", "scratch"]


def altered(path: Path, signature: bytes, at: int, value: bytes, which: int = 0) -> None:
    """Write over a field of a zip file's header."""
    content = bytearray(path.read_bytes())
    start = -1
    for _ in range(which + 1):
        start = content.index(signature, start + 1)
    content[start + at : start + at + len(value)] = value
    path.write_bytes(bytes(content))


def test_an_encrypted_file_is_refused_and_the_rest_goes_on(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"secret": PART10, "open": PART10})
    altered(path, b"PK\x01\x02", 8, b"\x01\x00")
    first, second = all_of(path, scratch)
    assert "encrypted" in reason(first)
    assert second.kind == DICOM


def test_a_damaged_file_is_refused_and_the_rest_goes_on(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"bad": PART10, "good": PART10}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"DICM") + 10] ^= 0xFF
    path.write_bytes(bytes(content))
    first, second = all_of(path, scratch)
    assert "its checksum is another" in reason(first)
    assert second.kind == DICOM


def test_an_unusual_compression_is_refused(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"IM1": PART10 * 100}, zipfile.ZIP_LZMA)
    assert "Make an ordinary zip file" in reason(all_of(path, scratch)[0])


@pytest.mark.parametrize("left", [0, 10, 200])
def test_half_an_archive_says_so(tmp_path: Path, scratch: Path, left: int) -> None:
    path = zipped(tmp_path / "a.zip", {"IM1": os.urandom(400)})
    path.write_bytes(b"PK\x03\x04" + path.read_bytes()[4 : 4 + left])
    assert "cut off" in reason(all_of(path, scratch)[0])


def test_an_empty_archive_says_so(tmp_path: Path, scratch: Path) -> None:
    assert "empty" in reason(all_of(zipped(tmp_path / "a.zip", {}), scratch)[0])


def test_a_bomb_is_not_unpacked(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        with archive.open("zeros", "w", force_zip64=True) as entry:
            for _ in range(300):
                entry.write(bytes(1_000_000))
        archive.writestr("good", PART10)
    started = time.monotonic()
    (only,) = all_of(path, scratch)
    assert "far more than it is" in reason(only)
    assert time.monotonic() - started < 1


def test_a_blank_segmentation_is_no_bomb(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "seg.zip", {"seg": PART10 + bytes(20_000_000)})
    assert all_of(path, scratch)[0].kind == DICOM


def test_files_that_share_their_bytes_are_refused(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"one": PART10, "two": PART10})
    altered(path, b"PK\x01\x02", 42, struct.pack("<L", 0), which=1)
    assert "lie upon each other" in reason(all_of(path, scratch)[0])


def test_an_entry_that_lies_about_its_size_stops_there(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"liar": PART10 * 1000, "good": PART10})
    altered(path, b"PK\x01\x02", 24, struct.pack("<L", 500))
    first, second = all_of(path, scratch)
    assert "checksum" in reason(first)
    assert second.kind == DICOM


def test_limits_on_one_file_and_on_all_are_kept_before_unpacking(
    tmp_path: Path, scratch: Path
) -> None:
    files = {f"IM{number}": PART10 + os.urandom(5000) for number in range(5)}
    path = zipped(tmp_path / "a.zip", {**files, "large": os.urandom(9000)})
    found = all_of(path, scratch, Limits(8000, 16_000))
    said = [reason(one)[:32] for one in found]
    assert said[:3] == ["", "", ""]
    assert set(said[3:5]) == {"Unpacked, this is more than the "}
    assert said[5].startswith("Unpacked it is larger than")


def test_a_table_of_contents_that_would_fill_memory_is_not_read(
    tmp_path: Path, scratch: Path
) -> None:
    path = zipped(tmp_path / "a.zip", {"IM1": PART10})
    altered(path, b"PK\x05\x06", 12, struct.pack("<L", 0x7FFFFFFF))
    assert "table of contents is larger" in reason(all_of(path, scratch)[0])


def in_large_form(path: Path, contents_bytes: int | None = None) -> None:
    """End an archive as those beyond 4 GB do, with the larger record before the small one, which has no
    number any more; `contents_bytes` is what the larger one says of its table of contents."""
    content = path.read_bytes()
    at = content.rindex(b"PK\x05\x06")
    (_, _, _, _, count, size, start, _) = struct.unpack("<4s4H2LH", content[at : at + 22])
    said = size if contents_bytes is None else contents_bytes
    large = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, said, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    small = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    path.write_bytes(content[:at] + large + locator + small)


def test_the_large_form_of_a_zip_file_is_read(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            with archive.open(f"IM{number}", "w", force_zip64=True) as entry:
                entry.write(PART10 + bytes(number))
    in_large_form(path)
    found = all_of(path, scratch)
    assert [(one.name, one.kind, one.size_bytes) for one in found] == [
        (f"IM{number}", DICOM, len(PART10) + number) for number in range(3)
    ]


@pytest.mark.parametrize(
    ("contents_bytes", "said"),
    [
        (40_000_000, "cannot be read"),  # may be so large, but is not there
        (40_000_001, "table of contents is larger"),
        (2**40, "table of contents is larger"),
    ],
)
def test_a_table_of_contents_of_the_large_form_is_held_against_the_same_limit(
    tmp_path: Path, scratch: Path, contents_bytes: int, said: str
) -> None:
    path = zipped(tmp_path / "a.zip", {"IM1": PART10})
    in_large_form(path, contents_bytes)
    assert said in reason(all_of(path, scratch)[0])


@pytest.mark.parametrize("seed", range(40))
def test_bytes_changed_at_random_never_raise(tmp_path: Path, scratch: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = zipped(tmp_path / "a.zip", {f"d/IM{n}": PART10 * n for n in range(1, 6)})
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 12)):
        content[chance.randrange(4, len(content))] = chance.randrange(256)
    path.write_bytes(bytes(content))
    for found in walk(path, "a.zip", scratch, ROOMY):
        assert found.path is not None or reason(found)


def test_a_hundred_thousand_tiny_files_take_little_time_and_memory(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100_000):
            archive.writestr(f"notes/{number:06d}.txt", b"x")
    code = (
        "import pathlib,re,sys,time;from server.intake.uploads.unpacking import *;"
        "p=pathlib.Path(sys.argv[1]);s=p.parent/'s';s.mkdir();"
        "n=sum(1 for _ in walk(p,'many.zip',s,Limits(10**9,10**10)));"
        "said=pathlib.Path('/proc/self/status').read_text();"
        "print(n,re.findall(r'VmHWM:\\s+(\\d+)',said)[0],round(time.process_time()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    count, peak_kb, busy_s = map(int, done.stdout.split())
    assert count == 100_000
    assert peak_kb < 300_000, "kilobytes of memory at the most"
    assert busy_s < 40


def test_a_name_that_is_wrongly_marked_as_utf8_costs_its_name_and_nothing_else(
    tmp_path: Path, scratch: Path
) -> None:
    path = zipped(tmp_path / "disc.zip", {"Müller": PDF, "Grüße": PART10}, zipfile.ZIP_STORED)
    # What a program writes that marks every name as UTF-8, whatever it is in.
    content = path.read_bytes().replace("Müller".encode(), b"M\xfcller ")
    path.write_bytes(content)
    with pytest.raises(UnicodeDecodeError):
        zipfile.ZipFile(path)
    found = all_of(path, scratch)
    assert [one.kind for one in found] == [kinds.PDF, DICOM]
    assert [one.name for one in found] == ["Mⁿller ", "Grüße"]


def test_names_in_utf8_without_the_mark_are_read_as_they_were_written(
    tmp_path: Path, scratch: Path
) -> None:
    path = zipped(tmp_path / "disc.zip", {"肝脏": PDF, "a": PDF})
    marked = b"\0\x08"  # the flags of a name that is marked
    path.write_bytes(path.read_bytes().replace(b"\x14\0" + marked, b"\x14\0\0\0"))
    assert zipfile.ZipFile(path).namelist()[0] != "肝脏"
    assert [one.name for one in all_of(path, scratch)] == ["肝脏", "a"]
