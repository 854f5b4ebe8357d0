"""`margin push` and `margin echo` against a real Orthanc."""

from __future__ import annotations

import socket
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    MediaStorageDirectoryStorage,
    RLELossless,
)

from server.cli.network import echo as echo_command
from server.cli.network import push as push_command
from server.dicom.association import AssociationRejected, Peer, PeerUnreachable
from server.dicom.files import FileHead, read_head
from server.dicom.sending import echo, find, send
from server.dicom.uids import new_uid
from tests.dicom.conftest import Receiver
from tests.dicom.line import CutLine

pytestmark = pytest.mark.orthanc


def uids_of(folder: Path) -> set[str]:
    return {head.SOPInstanceUID for head in find(folder).to_send}


def test_every_file_of_a_folder_is_stored_as_it_is(receiver: Receiver, folder: Path) -> None:
    summary = send(folder, receiver.peer())
    assert (summary.accepted, summary.refused, summary.retried) == (12, (), 0)
    assert uids_of(folder) <= receiver.stored()
    sent = next(folder.rglob("*.dcm"))
    header = dcmread(sent)
    stored = dcmread(BytesIO(receiver.file(header.SOPInstanceUID)))
    assert stored == header
    assert stored.file_meta.TransferSyntaxUID == header.file_meta.TransferSyntaxUID


def test_sending_the_same_folder_twice_adds_nothing(receiver: Receiver, folder: Path) -> None:
    send(folder, receiver.peer())
    before = receiver.stored()
    assert send(folder, receiver.peer()).is_complete
    assert receiver.stored() == before


def test_several_associations_store_everything_once(receiver: Receiver, folder: Path) -> None:
    settled: list[str] = []
    summary = send(
        folder, receiver.peer(), associations=4, progress=lambda head, _: settled.append(head.name)
    )
    assert summary.accepted == len(settled) == len(set(settled)) == 12
    assert uids_of(folder) <= receiver.stored()


def test_a_file_that_is_not_dicom_is_refused_by_name_and_the_rest_goes_on(
    receiver: Receiver, folder: Path
) -> None:
    (folder / "letter.pdf").write_bytes(b"%PDF-1.7 not an image")
    (folder / "empty").write_bytes(b"")
    whole = next(folder.rglob("*.dcm")).read_bytes()
    (folder / "cut.dcm").write_bytes(whole[:140])
    summary = send(folder, receiver.peer())
    assert summary.accepted == 12
    reasons = {refused.name: refused.reason for refused in summary.refused}
    assert set(reasons) == {"letter.pdf", "empty", "cut.dcm"}
    assert reasons["letter.pdf"].startswith("It is not a DICOM file")
    assert reasons["empty"] == "It is empty."
    assert "File Meta Information" in reasons["cut.dcm"]
    assert not summary.is_complete


def test_what_a_receiver_could_not_follow_to_its_end_is_not_sent(
    receiver: Receiver, folder: Path
) -> None:
    """Orthanc would wait for the rest of each, and everything behind it in the folder with it."""
    whole = next(folder.rglob("*.dcm")).read_bytes()
    head = read_head(whole)
    assert isinstance(head, FileHead)
    for cut in (len(whole) - 1, len(whole) // 2, head.dataset_offset + 101):
        (folder / f"cut {cut}.dcm").write_bytes(whole[:cut])
    for other in (JPEGLSLossless, DeflatedExplicitVRLittleEndian):
        renamed = dcmread(BytesIO(whole))
        renamed.file_meta.TransferSyntaxUID = other
        start = DicomBytesIO()
        start.write(bytes(128) + b"DICM")
        write_file_meta_info(start, renamed.file_meta)
        (folder / f"not {other.name}.dcm").write_bytes(
            start.getvalue() + whole[head.dataset_offset :]
        )
    summary = send(folder, receiver.peer())
    assert summary.accepted == 12
    assert summary.retried == 0
    assert len(summary.refused) == 5
    assert {one.reason.split(".")[0] for one in summary.refused} == {
        "It is cut off or damaged, or not in the transfer syntax that it names"
    }


def test_a_dicomdir_is_left_out_with_a_word(receiver: Receiver, folder: Path) -> None:
    contents = Dataset()
    contents.FileSetID = "DISC"
    contents.file_meta = FileMetaDataset()
    contents.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    contents.file_meta.MediaStorageSOPInstanceUID = new_uid()
    contents.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    contents.save_as(folder / "DICOMDIR", enforce_file_format=True)
    summary = send(folder, receiver.peer())
    assert summary.accepted == 12
    assert [skipped.name for skipped in summary.skipped] == ["DICOMDIR"]
    assert summary.is_complete


def test_compressed_files_go_in_their_own_transfer_syntax(
    receiver: Receiver, tmp_path: Path, folder: Path
) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for number, syntax in enumerate((RLELossless, JPEGLSLossless, None)):
        dataset = dcmread(next(folder.rglob("*.dcm")))
        dataset.SOPInstanceUID = new_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        if syntax is not None:
            dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(mixed / f"image-{number}", enforce_file_format=True)
    assert send(mixed, receiver.peer()).accepted == 3
    for path in mixed.iterdir():
        sent = dcmread(path)
        stored = dcmread(BytesIO(receiver.file(sent.SOPInstanceUID)))
        assert stored.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
        assert stored.PixelData == sent.PixelData


def test_a_class_the_receiver_does_not_know_is_refused_and_the_rest_goes_on(
    receiver: Receiver, folder: Path
) -> None:
    strange = dcmread(next(folder.rglob("*.dcm")))
    strange.SOPClassUID = strange.file_meta.MediaStorageSOPClassUID = "1.2.3.4"
    strange.save_as(folder / "strange.dcm", enforce_file_format=True)
    summary = send(folder, receiver.peer())
    assert summary.accepted == 12
    assert [refused.name for refused in summary.refused] == ["strange.dcm"]
    assert "does not accept 1.2.3.4" in summary.refused[0].reason


def test_a_cut_association_is_taken_up_again_with_what_is_missing(
    receiver: Receiver, folder: Path
) -> None:
    with CutLine(receiver.orthanc.dicom_port, [30_000, 55_000]) as line:
        peer = Peer("127.0.0.1", line.port, "HOSPITAL", "MARGIN", answer_timeout_s=10)
        summary = send(folder, peer)
        assert line.connections == 3
    assert (summary.accepted, summary.refused, summary.retried) == (12, (), 2)
    assert uids_of(folder) <= receiver.stored()


def test_a_line_that_is_always_cut_ends_with_every_file_refused(
    receiver: Receiver, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.dicom.sending._FIRST_PAUSE_S", 0.01)
    with CutLine(receiver.orthanc.dicom_port, [25_000] + [2_000] * 60) as line:
        peer = Peer("127.0.0.1", line.port, "HOSPITAL", "MARGIN", answer_timeout_s=10)
        summary = send(folder, peer)
    assert summary.accepted > 0
    assert summary.accepted + len(summary.refused) == 12
    assert not summary.is_complete


def test_an_unregistered_sender_is_refused(receiver: Receiver, folder: Path) -> None:
    with pytest.raises(AssociationRejected) as refusal:
        send(folder, receiver.peer(calling_aet="STRANGER"))
    assert "STRANGER" in refusal.value.detail
    assert not uids_of(folder) & receiver.stored()


def test_echo_measures_the_round_trip(receiver: Receiver) -> None:
    assert 0 < echo(receiver.peer()) < 5


def test_echo_tells_a_wrong_called_title_from_a_wrong_calling_title(receiver: Receiver) -> None:
    with pytest.raises(AssociationRejected, match="called AE title WRONG"):
        echo(receiver.peer(called_aet="WRONG"))
    with pytest.raises(AssociationRejected, match="STRANGER"):
        echo(receiver.peer(calling_aet="STRANGER"))


def test_a_port_where_nothing_listens_is_named() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with pytest.raises(PeerUnreachable, match=f"Nothing listens at 127.0.0.1:{port}"):
            echo(Peer("127.0.0.1", port, "HOSPITAL", "MARGIN"))


def test_a_receiver_that_never_answers_is_not_waited_for_longer_than_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        peer = Peer("127.0.0.1", silent.getsockname()[1], "A", "B", answer_timeout_s=0.2)
        with pytest.raises(Exception, match=r"did not answer within 0\.2 s"):
            echo(peer)


def test_push_exits_with_zero_only_when_everything_was_accepted(
    receiver: Receiver, folder: Path
) -> None:
    address = f"127.0.0.1:{receiver.orthanc.dicom_port}"
    command = [str(folder), "--to", address, "--calling-aet", "HOSPITAL", "--called-aet", "MARGIN"]
    good = CliRunner().invoke(push_command, command)
    assert good.exit_code == 0, good.output
    (folder / "notes.txt").write_text("not an image")
    bad = CliRunner().invoke(push_command, command)
    assert bad.exit_code == 1
    assert "notes.txt: It is not a DICOM file" in bad.output


def test_push_and_echo_name_the_reason_when_they_are_turned_away(
    receiver: Receiver, folder: Path
) -> None:
    address = f"127.0.0.1:{receiver.orthanc.dicom_port}"
    pushed = CliRunner().invoke(
        push_command, [str(folder), "--to", address, "--calling-aet", "STRANGER"]
    )
    assert pushed.exit_code == 1
    assert "STRANGER" in pushed.output
    echoed = CliRunner().invoke(echo_command, [address, "--calling-aet", "HOSPITAL"])
    assert echoed.exit_code == 0, echoed.output
    assert "answers C-ECHO in" in echoed.output
