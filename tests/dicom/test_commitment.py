"""Storage commitment with a receiver that reports on the association on which it was asked."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, evt

from server.dicom.association import AssociationRejected
from server.dicom.commitment import (
    PUSH_MODEL,
    WELL_KNOWN,
    Report,
    commit,
    listening,
    report_of,
)
from server.dicom.files import FileHead
from server.dicom.peer import Peer
from server.foundation.errors import Unavailable
from tests.archive.orthanc_process import free_port

CT = "1.2.840.10008.5.1.4.1.1.2"


def head(number: int) -> FileHead:
    return FileHead(f"{number}", CT, f"1.2.3.{number}", ImplicitVRLittleEndian, 0, 1)


@dataclass
class Answering:
    """A receiver that has every instance but those in `lost`, and says so at once."""

    port: int
    lost: set[str] = field(default_factory=set)
    offers: bool = True
    hangs_up: bool = False
    elsewhere: queue.Queue[Report] = field(default_factory=queue.Queue)
    asked: list[Dataset] = field(default_factory=list)
    _answered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _reporting: list[threading.Thread] = field(default_factory=list)

    def start(self) -> AE:
        ours = AE(ae_title="MARGIN")
        if self.offers:
            ours.add_supported_context(PUSH_MODEL, ImplicitVRLittleEndian)
        else:
            ours.add_supported_context("1.2.840.10008.1.1")
        ours.start_server(
            ("127.0.0.1", self.port),
            block=False,
            evt_handlers=[(evt.EVT_N_ACTION, self._action), (evt.EVT_DATA_SENT, self._sent)],
        )
        return ours

    def _sent(self, event: Any) -> None:
        if event.data[:1] == b"\x04":  # P-DATA-TF, PS3.8 9.3.5: here the answer to the question
            self._answered.release()

    def _action(self, event: Any) -> tuple[int, None]:
        question = event.action_information
        self.asked.append(question)
        thread = threading.Thread(target=self._report, args=(event.assoc, question))
        self._reporting.append(thread)
        thread.start()
        return 0x0000, None

    def _report(self, association: Any, question: Dataset) -> None:
        report = Dataset()
        report.TransactionUID = question.TransactionUID
        report.ReferencedSOPSequence, report.FailedSOPSequence = [], []
        for item in question.ReferencedSOPSequence:
            if item.ReferencedSOPInstanceUID in self.lost:
                item.FailureReason = 0x0112
                report.FailedSOPSequence.append(item)
            else:
                report.ReferencedSOPSequence.append(item)
        if self.hangs_up:
            self._answered.acquire(timeout=10)
            association.abort()
            self.elsewhere.put(report_of(report))
            return
        association.send_n_event_report(report, 2 if self.lost else 1, PUSH_MODEL, WELL_KNOWN)

    def stop(self, ours: AE) -> None:
        for thread in self._reporting:
            thread.join(10)
        ours.shutdown()


@pytest.fixture
def answering() -> Iterator[Answering]:
    found = Answering(free_port(18420, 18459))
    running = found.start()
    yield found
    found.stop(running)


def test_the_report_comes_on_the_same_association(answering: Answering) -> None:
    answering.lost = {"1.2.3.2"}
    peer = Peer("127.0.0.1", answering.port, "HOSPITAL", "MARGIN", answer_timeout_s=5)
    found = commit([head(n) for n in range(5)], peer, wait_s=10, reports=None)
    assert found.committed == {"1.2.3.0", "1.2.3.1", "1.2.3.3", "1.2.3.4"}
    assert found.failed == {"1.2.3.2": "the receiver does not have it"}
    assert not found.unanswered
    assert not found.is_whole
    assert len(answering.asked) == 1


def test_a_receiver_that_hangs_up_after_the_question_may_still_report_elsewhere(
    answering: Answering,
) -> None:
    answering.hangs_up = True
    peer = Peer("127.0.0.1", answering.port, "HOSPITAL", "MARGIN", answer_timeout_s=5)
    assert commit([head(1)], peer, wait_s=10, reports=answering.elsewhere).committed == {"1.2.3.1"}
    alone = commit([head(1)], peer, wait_s=10, reports=None)
    assert alone.unanswered == {"1.2.3.1"}


def test_a_receiver_without_storage_commitment_says_so() -> None:
    plain = Answering(free_port(18420, 18459), offers=False)
    running = plain.start()
    try:
        peer = Peer("127.0.0.1", plain.port, "HOSPITAL", "MARGIN", answer_timeout_s=5)
        with pytest.raises(AssociationRejected, match="does not offer storage commitment"):
            commit([head(1)], peer, wait_s=1, reports=None)
    finally:
        plain.stop(running)


def test_a_port_that_is_taken_is_known_before_anything_is_sent(answering: Answering) -> None:
    peer = Peer("127.0.0.1", answering.port, "HOSPITAL", "MARGIN")
    with pytest.raises(Unavailable, match="cannot be listened on"), listening(peer, answering.port):
        raise AssertionError("the port is taken")


def test_an_empty_report_says_nothing_is_safe() -> None:
    assert report_of(Dataset()) == ("", [], {})
