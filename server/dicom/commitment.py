"""Storage commitment, push model (PS3.4 Annex J): asking the receiver to answer for what it was sent.

The question goes by N-ACTION; the answer comes by N-EVENT-REPORT, on the same association or, later, on
one that the receiver opens to us. Orthanc does the latter, at the address that is registered for our AE
title, so somebody has to listen there.
"""

from __future__ import annotations

import queue
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.filebase import DicomFileLike
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt

from server.dicom.association import (
    DEFAULT_SYNTAX,
    Association,
    AssociationLost,
    AssociationRejected,
    Peer,
)
from server.dicom.files import FileHead
from server.dicom.uids import new_uid
from server.foundation.errors import Unavailable

PUSH_MODEL: Final = "1.2.840.10008.1.20.1"  # PS3.4 J.3.5
WELL_KNOWN: Final = "1.2.840.10008.1.20.1.1"  # PS3.4 J.3.5
REQUEST_COMMITMENT: Final = 1  # action type, PS3.4 J.3.2
MOST_IN_ONE: Final = 1000
PAIR: Final = (PUSH_MODEL, DEFAULT_SYNTAX)
# PS3.3 C.14.1.1
FAILURES: Final = {
    0x0110: "the receiver failed while it looked",
    0x0112: "the receiver does not have it",
    0x0119: "the receiver has it under another SOP class",
    0x0122: "the receiver does not commit to this SOP class",
    0x0131: "the receiver has seen this question before",
    0x0213: "the receiver has no room for it",
}


class ListeningImpossible(Unavailable):
    """The port on which the report was to arrive cannot be listened on."""


@dataclass
class Commitment:
    """What the receiver answers for, by SOPInstanceUID; `failed` with the reason in words. What it
    said nothing about in time is `unanswered`."""

    committed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        return not self.failed and not self.unanswered


Report = tuple[str, list[str], dict[str, str]]
"""Transaction UID, SOPInstanceUIDs that are safe, those that are not with the reason."""


def commit(
    heads: Iterable[FileHead], peer: Peer, *, wait_s: float, reports: queue.Queue[Report] | None
) -> Commitment:
    """Asks the receiver to answer for these instances and waits for it, `wait_s` seconds in all.

    `reports` is where a `listening` port puts what arrives; None waits on the same association only.
    Raises AssociationRejected when the receiver knows no storage commitment, PeerUnreachable, or
    AssociationLost when it ends the association before it took the question.
    """
    asked = {head.SOPInstanceUID: head.SOPClassUID for head in heads}
    found = Commitment(unanswered=set(asked))
    association = Association.open(peer, [PAIR])
    if PAIR not in association.contexts:
        association.abort()
        raise AssociationRejected(
            f"{peer} does not offer storage commitment.",
            remedy="It accepted the files all the same; leave --commit out.",
        )
    transactions = set()
    for batch in _batches(sorted(asked.items())):
        transaction = new_uid()
        answer = association.action(
            PAIR, WELL_KNOWN, REQUEST_COMMITMENT, _question(transaction, batch)
        )
        if answer.status != 0:
            reason = f"the receiver answered 0x{answer.status:04X} {answer.comment}".strip()
            _take(found, (transaction, [], {uid: reason for uid, _ in batch}))
        else:
            transactions.add(transaction)
    _collect(association, transactions, found, wait_s, reports)
    association.release()
    return found


def _collect(
    association: Association,
    transactions: set[str],
    found: Commitment,
    wait_s: float,
    reports: queue.Queue[Report] | None,
) -> None:
    until = time.monotonic() + wait_s
    is_open = True
    while transactions and (left := until - time.monotonic()) > 0:
        report: Report | None = None
        step = min(left, 0.2 if reports is not None else left)
        if is_open:
            try:
                event = association.await_event(step)
                is_open = event is not None or reports is not None
            except AssociationLost:
                # A receiver ends what is idle; it may still report on an association of its own.
                event, is_open = None, False
            report = report_of(_decoded(event.dataset)) if event is not None else None
        if report is None and reports is not None:
            try:
                report = reports.get(timeout=0.01)
            except queue.Empty:
                continue
        if report is None:
            return
        if report[0] in transactions:
            transactions.discard(report[0])
            _take(found, report)


def _take(found: Commitment, report: Report) -> None:
    _, safe, failed = report
    found.committed |= found.unanswered & set(safe)
    found.failed.update({uid: why for uid, why in failed.items() if uid in found.unanswered})
    found.unanswered -= found.committed | set(found.failed)


def report_of(dataset: Dataset) -> Report:
    """What an N-EVENT-REPORT says (PS3.4 J.3.3)."""
    safe = [str(one.ReferencedSOPInstanceUID) for one in dataset.get("ReferencedSOPSequence", [])]
    failed = {}
    for one in dataset.get("FailedSOPSequence", []):
        reason = int(one.get("FailureReason", 0))
        failed[str(one.ReferencedSOPInstanceUID)] = FAILURES.get(
            reason, f"the receiver gave the reason 0x{reason:04X}"
        )
    return str(dataset.get("TransactionUID", "")), safe, failed


@contextmanager
def listening(peer: Peer, port: int) -> Iterator[queue.Queue[Report]]:
    """A port where the receiver delivers its reports, for as long as the block runs.

    Only the AE title that we call is let in. Raises ListeningImpossible.
    """
    reports: queue.Queue[Report] = queue.Queue()

    def arrived(event: Any) -> tuple[int, None]:
        reports.put(report_of(event.event_information))
        return 0x0000, None

    ours = AE(ae_title=peer.calling_aet)
    ours.require_called_aet = False
    ours.require_calling_aet = [peer.called_aet]
    ours.add_supported_context(
        PUSH_MODEL, [ImplicitVRLittleEndian, ExplicitVRLittleEndian], scu_role=True, scp_role=True
    )
    ours.add_supported_context("1.2.840.10008.1.1")
    context = None
    if peer.tls is not None and peer.tls.certificate is not None:
        context = _as_receiver(peer)
    try:
        ours.start_server(
            ("", port),
            block=False,
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, arrived)],
            ssl_context=context,
        )
    except OSError as problem:
        raise ListeningImpossible(
            f"Port {port} cannot be listened on: {problem.strerror or problem}.",
            remedy="Choose another one with --listen, and have it registered for our AE title.",
        ) from problem
    try:
        yield reports
    finally:
        ours.shutdown()


def _as_receiver(peer: Peer) -> ssl.SSLContext:
    assert peer.tls is not None
    context = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cafile=str(peer.tls.ca) if peer.tls.ca else None
    )
    context.load_cert_chain(str(peer.tls.certificate), str(peer.tls.key) if peer.tls.key else None)
    return context


def _question(transaction: str, batch: list[tuple[str, str]]) -> bytes:
    dataset = Dataset()
    dataset.TransactionUID = transaction
    dataset.ReferencedSOPSequence = []
    for instance, sop_class in batch:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class
        item.ReferencedSOPInstanceUID = instance
        dataset.ReferencedSOPSequence.append(item)
    written = BytesIO()
    stream = DicomFileLike(written)
    stream.is_little_endian, stream.is_implicit_VR = True, True
    write_dataset(stream, dataset)
    return written.getvalue()


def _decoded(content: bytes) -> Dataset:
    return read_dataset(BytesIO(content), is_implicit_VR=True, is_little_endian=True)


def _batches(asked: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    for start in range(0, len(asked), MOST_IN_ONE):
        yield asked[start : start + MOST_IN_ONE]
