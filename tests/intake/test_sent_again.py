"""An image sent again by C-STORE: the same is taken, another one under its name is refused and seen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless
from sqlalchemy import select

from server.archive import Archive, OnDisk
from server.archive.ids import orthanc_id
from server.dicom.association import Peer
from server.dicom.sending import Summary, send
from server.foundation import audit
from server.intake.arrivals.feed import Feed
from server.intake.lines.orthanc_log import Repeated, facts_in
from server.intake.lines.refusals import take_over
from server.intake.records import (
    Arrival,
    ReceivedInstance,
    RefusedAssociation,
    RepeatedInstance,
)
from tests.archive import orthanc_process
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import OrthancProcess, held_to_permissions
from tests.intake.conftest import Clock, push, settle
from tests.world import World

pytestmark = pytest.mark.orthanc
STUDY = "1.2.826.0.1.3680043.8.498.77"
SERIES = f"{STUDY}.1"
CANNOT_UNDERSTAND = "C111"
Change = Callable[[Dataset], None]


def other_pixels(image: Dataset) -> None:
    image.PixelData = bytes(len(image.PixelData))


def other_words(image: Dataset) -> None:
    image.StudyDescription = "CT of the chest"


def other_packing(image: Dataset) -> None:
    image.compress(JPEGLSLossless, generate_instance_uid=False)


def both(image: Dataset) -> None:
    other_words(image)
    other_packing(image)


def nothing(image: Dataset) -> None:
    image.file_meta.ImplementationVersionName = "ANOTHER"


def no_character_set(image: Dataset) -> None:
    del image.SpecificCharacterSet


def other_padding(image: Dataset) -> None:
    image.DataSetTrailingPadding = bytes(64)


def another_patient(image: Dataset) -> None:
    image.PatientID = "SOMEBODY"


@pytest.fixture
def first(orthanc: OrthancProcess, feed: Feed, tmp_path: Path) -> Path:
    """The folder with the image that Orthanc has; the feed registered its sender."""
    folder = tmp_path / "sent"
    folder.mkdir()
    (folder / "1.dcm").write_bytes(written(ct_slice("PAT", STUDY, SERIES, 1)))
    push(orthanc, folder)
    return folder


def sent_again(orthanc: OrthancProcess, folder: Path, change: Change) -> Summary:
    image = dcmread(folder / "1.dcm")
    change(image)
    (folder / "1.dcm").write_bytes(written(image))
    return send(folder, Peer("127.0.0.1", orthanc.dicom_port, "RIVERSIDE", "MARGIN"))


def told(orthanc: OrthancProcess) -> list[Repeated]:
    lines = (orthanc.home / "orthanc.log").read_text().splitlines()
    return [fact for fact in facts_in(lines) if isinstance(fact, Repeated)]


@pytest.mark.parametrize(
    "change", [nothing, other_packing, another_patient, no_character_set, other_padding]
)
def test_what_says_the_same_is_taken(orthanc: OrthancProcess, first: Path, change: Change) -> None:
    assert sent_again(orthanc, first, change).is_complete
    assert told(orthanc) == []


def test_padded_text_and_a_sequence_without_a_length_do_not_make_another_image(
    orthanc: OrthancProcess, tmp_path: Path, feed: Feed
) -> None:
    image = ct_slice("PAT", STUDY, SERIES, 1, ExplicitVRLittleEndian)
    (tmp_path / "sent").mkdir()
    path = tmp_path / "sent" / "1.dcm"
    path.write_bytes(written(image))
    push(orthanc, path.parent)
    image.PatientName = "Phantom^PAT     "
    path.write_bytes(written(image))
    push(orthanc, path.parent)

    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(f"{SERIES}.2")
    image.ProcedureCodeSequence = Sequence([Dataset()])
    image["ProcedureCodeSequence"].is_undefined_length = True
    path.write_bytes(written(image))
    push(orthanc, path.parent)
    del image.SpecificCharacterSet
    path.write_bytes(written(image))
    push(orthanc, path.parent)
    assert told(orthanc) == []


def test_padded_text_without_a_form_is_no_other_content_and_a_number_is(
    orthanc: OrthancProcess, tmp_path: Path, feed: Feed
) -> None:
    image = ct_slice("PAT", STUDY, SERIES, 1, ImplicitVRLittleEndian)
    path = tmp_path / "sent" / "1.dcm"
    path.parent.mkdir()
    path.write_bytes(written(image))
    push(orthanc, path.parent)
    image.PatientName, image.StudyDescription = "Phantom^PAT     ", f"{image.StudyDescription}  "
    path.write_bytes(written(image))
    push(orthanc, path.parent)
    assert told(orthanc) == []
    # As bytes both numbers are a letter and padding.
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(f"{SERIES}.2")
    for number, accepted in ((0x0041, 1), (0x2041, 0)):
        image.SmallestImagePixelValue = number
        path.write_bytes(written(image))
        peer = Peer("127.0.0.1", orthanc.dicom_port, "RIVERSIDE", "MARGIN")
        assert send(path.parent, peer).accepted == accepted


def test_what_is_cut_off_is_refused_its_study_held_and_the_whole_one_taken_later(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, first: Path
) -> None:
    whole = ct_slice("PAT", STUDY, SERIES, 2)
    cut = ct_slice("PAT", STUDY, SERIES, 2)
    cut.PixelData = cut.PixelData[:-100]
    peer = Peer("127.0.0.1", orthanc.dicom_port, "RIVERSIDE", "MARGIN")
    (first / "1.dcm").write_bytes(written(cut))
    (refused,) = send(first, peer).refused
    assert "C113" in refused.reason

    def arrival() -> Arrival:
        with sqlite_world.db.writing() as session:
            take_over(session, orthanc.home / "orthanc.log", clock())
        settle(feed, clock)
        with sqlite_world.db.reading() as session:
            return session.scalars(select(Arrival)).one()

    held = arrival()
    (doubt,) = held.held_for
    assert held.state == "held"
    assert "1 image by RIVERSIDE: the pixel data is shorter than the header says" in doubt["text"]
    with sqlite_world.db.reading() as session:
        counted = session.scalars(select(RefusedAssociation)).all()
        assert [(one.reason, one.calling_aet, one.times) for one in counted] == [
            ("short", "RIVERSIDE", 1)
        ]

    (first / "1.dcm").write_bytes(written(whole))
    assert send(first, peer).is_complete
    clock.forward(minutes=2)  # an image more in a series that is there is seen by the sweep
    found = arrival()
    assert (found.held_for, found.instance_count) == ([], 2)


@pytest.mark.parametrize("change", [other_pixels, other_words, both])
def test_what_says_something_else_is_refused_and_the_first_stays(
    orthanc: OrthancProcess, archive: Archive, first: Path, change: Change
) -> None:
    uid = dcmread(first / "1.dcm").SOPInstanceUID
    instance = orthanc_id("PAT", STUDY, SERIES, uid)
    kept = archive.instance_md5(instance)
    summary = sent_again(orthanc, first, change)
    assert summary.accepted == 0
    (refused,) = summary.refused
    assert CANNOT_UNDERSTAND in refused.reason
    assert archive.instance_md5(instance) == kept
    (seen,) = told(orthanc)
    assert seen == Repeated(instance, orthanc_id("PAT", STUDY), seen.md5, "RIVERSIDE")
    assert seen.md5 != kept


def test_a_text_that_reads_differently_in_its_character_set_is_another(
    orthanc: OrthancProcess, first: Path
) -> None:
    image = dcmread(first / "1.dcm")
    image.StudyDescription = "Sch\u00e4del"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = UID(f"{SERIES}.2")
    (first / "1.dcm").write_bytes(written(image))
    push(orthanc, first)
    (first / "1.dcm").write_bytes(
        (first / "1.dcm").read_bytes().replace(b"ISO_IR 192", b"ISO_IR 100")
    )
    peer = Peer("127.0.0.1", orthanc.dicom_port, "RIVERSIDE", "MARGIN")
    assert send(first, peer).accepted == 0


def test_of_two_that_come_at_once_one_is_taken(
    orthanc: OrthancProcess, archive: Archive, first: Path, tmp_path: Path
) -> None:
    senders = []
    for number in (1, 2):
        folder = tmp_path / f"sender {number}"
        folder.mkdir()
        for instance in range(2, 32):
            image = ct_slice("PAT", STUDY, SERIES, instance)
            image.StudyDescription = f"as sent by {number}"
            (folder / f"{instance:02d}.dcm").write_bytes(written(image))
        senders.append(folder)
    peer = Peer("127.0.0.1", orthanc.dicom_port, "RIVERSIDE", "MARGIN")
    with ThreadPoolExecutor() as threads:
        both_ways = list(threads.map(lambda folder: send(folder, peer), senders))
    refused = [{Path(one.name).name for one in summary.refused} for summary in both_ways]
    names = {path.name for path in senders[0].iterdir()}
    assert refused[0] | refused[1] == names, "both were told that theirs is here"
    assert not refused[0] & refused[1], "neither was taken"
    for folder, others in zip(senders, reversed(refused), strict=True):
        for name in others:
            uid = dcmread(folder / name).SOPInstanceUID
            kept = archive.instance_file(orthanc_id("PAT", STUDY, SERIES, uid))
            assert dcmread(BytesIO(kept)) == dcmread(folder / name)


def test_its_study_is_held_and_says_why(
    sqlite_world: World, orthanc: OrthancProcess, feed: Feed, clock: Clock, first: Path
) -> None:
    settle(feed, clock)
    sent_again(orthanc, first, other_pixels)
    for _ in range(2):  # What was read once is not read again.
        with sqlite_world.db.writing() as session:
            take_over(session, orthanc.home / "orthanc.log", clock())
    settle(feed, clock)
    with sqlite_world.db.reading() as session:
        (repeat,) = session.scalars(select(RepeatedInstance))
        (arrival,) = session.scalars(select(Arrival))
        assert (repeat.sender, repeat.times) == ("RIVERSIDE", 1)
        assert arrival.state == "held"
        assert "1 image by RIVERSIDE" in arrival.held_for[0]["text"]


def damaged(orthanc: OrthancProcess, change: Callable[[Path], object]) -> Path:
    """Does something to the one stored file while Orthanc does not run: else it gives it from memory."""
    orthanc.stop()
    (kept,) = (
        one
        for one in (orthanc.home / "store").rglob("*")
        if one.is_file() and one.read_bytes()[128:132] == b"DICM"
    )
    change(kept)
    orthanc.start()
    return kept


def lose_a_bit(kept: Path) -> None:
    changed = bytearray(kept.read_bytes())
    changed[-100] ^= 1
    kept.write_bytes(changed)


@pytest.mark.parametrize(
    ("damage", "change", "said"),
    [
        (lose_a_bit, nothing, ""),
        (lose_a_bit, other_packing, "only what stands beside its pixels could be compared"),
        (Path.unlink, other_packing, "nothing could be compared"),
    ],
)
def test_what_takes_a_damaged_files_place_is_told_and_unproven_it_is_held(
    sqlite_world: World,
    orthanc: OrthancProcess,
    archive: Archive,
    feed: Feed,
    clock: Clock,
    first: Path,
    damage: Callable[[Path], object],
    change: Change,
    said: str,
) -> None:
    settle(feed, clock)
    damaged(orthanc, damage)
    assert sent_again(orthanc, first, change).is_complete
    with sqlite_world.db.writing() as session:
        take_over(session, orthanc.home / "orthanc.log", clock())
    clock.forward(minutes=2)
    settle(feed, clock)
    with sqlite_world.db.reading() as session:
        (received,) = session.scalars(select(ReceivedInstance))
        assert received.md5 == archive.instance_md5(received.orthanc_id)
        assert archive.on_disk(received.orthanc_id) is OnDisk.AS_RECEIVED
        (arrival,) = session.scalars(select(Arrival))
        (line,) = [one for one in audit.newest(session) if one.action == "images.replace"]
        assert (line.actor, said in line.reason) == ("AE RIVERSIDE", True)
        texts = [doubt["text"] for doubt in arrival.held_for]
        assert arrival.state == ("held" if said else "unmatched")
        assert all(said in text and "1 image by RIVERSIDE" in text for text in texts)
        assert bool(texts) == bool(said)


def test_what_cannot_be_compared_now_is_not_said_to_be_here(
    orthanc: OrthancProcess,
    archive: Archive,
    first: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orthanc_process, "ORTHANC", held_to_permissions(tmp_path / "run"))
    kept = damaged(orthanc, lambda path: path.chmod(0))
    for change in (other_pixels, nothing):
        (refused,) = sent_again(orthanc, first, change).refused
        assert "A700" in refused.reason
    assert told(orthanc) == []
    kept.chmod(0o600)
    assert sent_again(orthanc, first, other_words).accepted == 0
    assert len(told(orthanc)) == 1
