"""What a registered hospital may send by C-STORE and nobody wants: refused, or kept without harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
)
from sqlalchemy import select

from server.archive import Archive
from server.dicom.peer import Peer
from server.dicom.sending import Summary, send
from server.intake.arrivals.feed import Feed
from server.intake.imaging_job import ImagingJob
from server.intake.lines.orthanc_log import Refusal, facts_in
from server.intake.lines.refusals import IN_WORDS
from server.intake.records import Arrival
from server.prepared.shelf import Shelf
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import OrthancProcess
from tests.intake.conftest import Clock, settle
from tests.world import World

pytestmark = pytest.mark.orthanc
STUDY = "1.2.826.0.1.3680043.8.498.993"


def image(number: int, **values: object) -> Dataset:
    """A study of its own, under the accession number that the case expects."""
    study = f"{STUDY}.{number}"
    made = ct_slice("PID-1", study, f"{study}.1", number, ExplicitVRLittleEndian)
    made.AccessionNumber = "ACC-Riverside"
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def deep(number: int, depth: int, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    made = image(number)
    for _ in range(depth):
        made.ContentSequence, inner = Sequence([Dataset()]), made.get("ContentSequence")
        if inner is not None:
            made.ContentSequence[0].ContentSequence = inner
    return written(in_syntax(made, syntax))


def in_syntax(made: Dataset, syntax: UID) -> Dataset:
    made.file_meta.TransferSyntaxUID = syntax
    return made


def deep_and_private(number: int, depth: int) -> bytes:
    """Sequences behind the pixels, in a private element, of undefined length."""
    opened = b"\xe1\x7f\x10\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    closed = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    return written(image(number)) + opened * depth + closed * depth


def sent(orthanc: OrthancProcess, folder: Path, content: bytes) -> Summary:
    folder.mkdir()
    (folder / "1.dcm").write_bytes(content)
    return send(
        folder, Peer("127.0.0.1", orthanc.dicom_port, "RIVERSIDE", "MARGIN", answer_timeout_s=5)
    )


def test_an_image_whose_attributes_nobody_could_ask_for_is_refused_and_counted(
    orthanc: OrthancProcess, archive: Archive, feed: Feed, tmp_path: Path
) -> None:
    hostile = {
        "plain": deep(1, 60),
        "private": deep_and_private(2, 2000),
        "big endian": deep(3, 60, ExplicitVRBigEndian),
        "deflated": deep(4, 60, DeflatedExplicitVRLittleEndian),
    }
    for name, content in hostile.items():
        summary = sent(orthanc, tmp_path / name, content)
        assert ["C112" in one.reason for one in summary.refused] == [True], (name, summary)
    assert sent(orthanc, tmp_path / "as deep as may be", deep(5, 31)).is_complete
    (kept,) = archive.studies()
    assert archive.instance_tags(archive.study_series(kept.orthanc_id)[0].instance_ids[0])
    said = facts_in((orthanc.home / "orthanc.log").read_text().splitlines())
    assert said.count(Refusal("too_deep", "RIVERSIDE")) == len(hostile)
    assert "too_deep" in IN_WORDS


def test_headers_that_lie_are_refused_or_judged_beside_an_honest_study(
    sqlite_world: World,
    orthanc: OrthancProcess,
    archive: Archive,
    feed: Feed,
    clock: Clock,
    tmp_path: Path,
) -> None:
    date_less = image(3)
    del date_less.StudyDate
    for number, content in enumerate(
        [
            written(image(1, Rows=65535, Columns=65535, NumberOfFrames="2147483647")),
            written(image(2, PatientName="<script>1</script>^A", StudyDescription="<img src=x>")),
            written(date_less),
            written(image(4)).replace(b"20260102", b"2026xx99"),
            written(image(5, StudyDate="29991231", AcquisitionDate="29991231")),
            written(image(6)).replace(b"ISO_IR 192", b"ISO_IR 999"),
            written(image(7, StudyDescription="x" * 64)).replace(b"x" * 60, b"\xff\0\x1b$B" * 12),
            written(image(8, PixelData=b"\0\0")),
            written(image(9, PatientID="")),
            written(image(10)),
            written(in_syntax(image(11, PixelData=b"\0\0"), ExplicitVRBigEndian)),
            written(in_syntax(image(12, PixelData=b"\0\0"), DeflatedExplicitVRLittleEndian)),
        ]
    ):
        summary = sent(orthanc, tmp_path / str(number), content)
        if number in (0, 7, 10, 11):  # more pixels than there can be, or fewer than there should be
            assert ["C113" in one.reason for one in summary.refused] == [True], number
        else:
            assert summary.is_complete, number
    settle(feed, clock)
    with sqlite_world.db.reading() as session:
        found = list(session.scalars(select(Arrival)))
    assert len(found) == 8
    assert {one.state for one in found} <= {"matched", "unmatched", "held"}
    honest = next(one for one in found if one.StudyInstanceUID == f"{STUDY}.10")
    assert (honest.state, honest.case_id) == ("matched", sqlite_world.inside.id)
    job = ImagingJob(sqlite_world.db, archive, Shelf(tmp_path / "shelf"), clock)
    assert job.do(sqlite_world.inside.id) is not None
