"""One DICOM association as its requestor: open it, echo, store, release.

PDUs are pynetdicom's; the exchange itself is here, because a requestor
that sends one instance and waits for its answer needs no threads. pynetdicom's own requestor polls
two of them every millisecond and stays near 100 instances of 527 kB per second where the receiver
takes 170.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self

from pynetdicom.pdu import (
    A_ABORT_RQ,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    P_DATA_TF,
    PDU,
)
from pynetdicom.pdu_primitives import (
    A_ABORT,
    A_RELEASE,
)

from server.dicom import commands
from server.dicom.commands import Command
from server.dicom.negotiation import LARGEST_PDU, rejection, request_of
from server.dicom.negotiation import AssociationRejected as AssociationRejected
from server.dicom.negotiation import Wanted as Wanted
from server.dicom.peer import Peer as Peer
from server.dicom.peer import PeerUnreachable as PeerUnreachable
from server.dicom.peer import connect
from server.foundation.errors import Unavailable

VERIFICATION: Final = "1.2.840.10008.1.1"  # Verification SOP Class, PS3.4 Annex A
MOST_CONTEXTS: Final = 128  # odd identifiers 1 to 255, PS3.8 9.3.2.2
DEFAULT_SYNTAX: Final = "1.2.840.10008.1.2"  # Implicit VR Little Endian, PS3.5 10.1

_LARGEST_ANSWER: Final = 1 << 24  # an answer to C-STORE or C-ECHO is far below 1 kB
_WRITE_BYTES: Final = 1 << 20
_MOST_PIECES: Final = 256  # in one sendmsg; POSIX promises 16, Linux takes 1,024
_PDV_OVERHEAD: Final = 6  # item length 4, context identifier 1, control header 1, PS3.8 9.3.5.1
_COMMAND: Final = 1  # control header bits, PS3.8 E.2
_LAST: Final = 2


class AssociationLost(Unavailable):
    """An open association ended before it was released: cut, aborted or silent for too long."""


@dataclass(frozen=True)
class Answer:
    """The receiver's answer: Status (0000,0900), 0 for success, and its ErrorComment (0000,0902),
    empty when it gave none."""

    status: int
    comment: str


@dataclass(frozen=True)
class Event:
    """An N-EVENT-REPORT of the receiver: Event Type ID (0000,1002) and its dataset, encoded in the
    transfer syntax of the context."""

    event_type: int
    dataset: bytes


class Association:
    """An open association. Not for use by two threads at once."""

    def __init__(
        self,
        peer: Peer,
        connection: socket.socket,
        contexts: dict[Wanted, int],
        fragment_bytes: int,
    ) -> None:
        self.peer = peer
        self.contexts = contexts
        self._connection = connection
        self._fragment_bytes = fragment_bytes
        self._message_id = 0
        self._events: deque[Event] = deque()

    @classmethod
    def open(cls, peer: Peer, wanted: Sequence[Wanted]) -> Self:
        """Connects and negotiates one context per pair in `wanted` (1 to 128 pairs).

        `contexts` of the result holds the pairs the receiver accepted.
        Raises PeerUnreachable, AssociationRejected or AssociationLost.
        """
        if not 1 <= len(wanted) <= MOST_CONTEXTS:
            raise ValueError(
                f"an association takes 1 to {MOST_CONTEXTS} contexts, not {len(wanted)}"
            )
        connection = connect(peer)
        try:
            connection.sendall(A_ASSOCIATE_RQ(request_of(peer, wanted)).encode())
            answer = _read_pdu(connection, peer)
        except OSError as problem:
            connection.close()
            raise _lost(peer, problem) from problem
        except AssociationLost:
            connection.close()
            raise
        if isinstance(answer, A_ASSOCIATE_RJ):
            connection.close()
            raise rejection(peer, answer)
        if not isinstance(answer, A_ASSOCIATE_AC):
            connection.close()
            raise AssociationLost(f"{peer} ended the association before accepting it.")
        by_id = {2 * index + 1: pair for index, pair in enumerate(wanted)}
        accepted = {
            by_id[item.presentation_context_id]: item.presentation_context_id
            for item in answer.presentation_context
            if item.result == 0 and item.presentation_context_id in by_id
        }
        limit = answer.user_information.maximum_length if answer.user_information else 0
        return cls(
            peer, connection, accepted, min(limit or LARGEST_PDU, _WRITE_BYTES) - _PDV_OVERHEAD
        )

    def echo(self) -> Answer:
        """C-ECHO (PS3.7 9.1.5). Raises AssociationLost."""
        command = {
            commands.AFFECTED_CLASS: commands.uid(VERIFICATION),
            commands.FIELD: commands.short(commands.C_ECHO_RQ),
            commands.DATASET_TYPE: commands.short(commands.NO_DATASET),
        }
        return self._exchange(
            self.contexts[(VERIFICATION, DEFAULT_SYNTAX)], command, memoryview(b"")
        )

    def store(self, pair: Wanted, sop_instance_uid: str, dataset: memoryview) -> Answer:
        """C-STORE (PS3.7 9.1.1) of a dataset encoded in the pair's transfer syntax, without its
        File Meta Information.

        Raises KeyError when the pair was not accepted, AssociationLost when no answer came.
        """
        command = {
            commands.AFFECTED_CLASS: commands.uid(pair[0]),
            commands.FIELD: commands.short(commands.C_STORE_RQ),
            commands.PRIORITY: commands.short(0),
            commands.DATASET_TYPE: commands.short(commands.WITH_DATASET),
            commands.AFFECTED_INSTANCE: commands.uid(sop_instance_uid),
        }
        return self._exchange(self.contexts[pair], command, dataset)

    def action(
        self, pair: Wanted, sop_instance_uid: str, action_type: int, dataset: bytes
    ) -> Answer:
        """N-ACTION (PS3.7 10.1.4) on a well-known instance. Raises KeyError when the pair was not
        accepted, AssociationLost when no answer came."""
        command = {
            commands.REQUESTED_CLASS: commands.uid(pair[0]),
            commands.FIELD: commands.short(commands.N_ACTION_RQ),
            commands.DATASET_TYPE: commands.short(commands.WITH_DATASET),
            commands.REQUESTED_INSTANCE: commands.uid(sop_instance_uid),
            commands.ACTION_TYPE: commands.short(action_type),
        }
        return self._exchange(self.contexts[pair], command, memoryview(dataset))

    def await_event(self, timeout_s: float) -> Event | None:
        """The next N-EVENT-REPORT (PS3.7 10.1.1) on this association, answered with success; None
        when none begins within `timeout_s` seconds or the receiver releases the association.

        Raises AssociationLost.
        """
        if self._events:
            return self._events.popleft()
        if not select.select([self._connection], [], [], timeout_s)[0] and not self._has_read():
            return None
        try:
            message = self._message()
            if message is None:
                return None
            if commands.number(message[1], commands.FIELD) != commands.N_EVENT_REPORT_RQ:
                raise AssociationLost(f"{self.peer} sent something that was not asked for.")
            self._note_event(*message)
        except OSError as problem:
            raise _lost(self.peer, problem) from problem
        return self._events.popleft()

    def _note_event(self, context_id: int, command: Command, dataset: bytes) -> None:
        """Keep an N-EVENT-REPORT and answer it with success (PS3.7 10.3.1)."""
        reply = {
            commands.AFFECTED_CLASS: command.get(commands.AFFECTED_CLASS, b""),
            commands.FIELD: commands.short(commands.N_EVENT_REPORT_RSP),
            commands.RESPONDED_TO: command.get(commands.MESSAGE_ID, commands.short(0)),
            commands.DATASET_TYPE: commands.short(commands.NO_DATASET),
            commands.STATUS: commands.short(0),
            commands.AFFECTED_INSTANCE: command.get(commands.AFFECTED_INSTANCE, b""),
            commands.EVENT_TYPE: command.get(commands.EVENT_TYPE, commands.short(1)),
        }
        self._send(context_id, commands.encoded(reply), memoryview(b""))
        self._events.append(Event(commands.number(command, commands.EVENT_TYPE), dataset))

    def _has_read(self) -> bool:
        """Whether TLS has bytes that the socket no longer shows."""
        return isinstance(self._connection, ssl.SSLSocket) and self._connection.pending() > 0

    def release(self) -> None:
        """Ends the association in order (PS3.8 7.2). What was answered stays valid whatever
        happens.
        """
        try:
            self._connection.sendall(A_RELEASE_RQ(A_RELEASE()).encode())
            _read_pdu(self._connection, self.peer)
        except (OSError, AssociationLost):
            # Every instance has had its answer by now; an unanswered release changes nothing.
            pass
        finally:
            self._connection.close()

    def abort(self) -> None:
        """Ends the association at once (PS3.8 7.3)."""
        notice = A_ABORT()
        notice.abort_source = 0
        try:
            self._connection.sendall(A_ABORT_RQ(notice).encode())
        except OSError:
            pass
        finally:
            self._connection.close()

    def _exchange(self, context_id: int, command: Command, dataset: memoryview) -> Answer:
        self._message_id = self._message_id % 0xFFFF + 1
        command[commands.MESSAGE_ID] = commands.short(self._message_id)
        try:
            self._send(context_id, commands.encoded(command), dataset)
            return self._answer()
        except OSError as problem:
            self._connection.close()
            raise _lost(self.peer, problem) from problem
        except AssociationLost:
            self._connection.close()
            raise

    def _send(self, context_id: int, command: bytes, dataset: memoryview) -> None:
        pieces: list[bytes | memoryview] = []
        waiting = 0
        for control, fragment in self._fragments(memoryview(command), dataset):
            length = len(fragment)
            pieces += (
                struct.pack(
                    ">BxLLBB", 0x04, length + _PDV_OVERHEAD, length + 2, context_id, control
                ),  # P-DATA-TF with one PDV, PS3.8 9.3.5
                fragment,
            )
            waiting += length
            if waiting >= _WRITE_BYTES:
                self._write(pieces)
                pieces, waiting = [], 0
        self._write(pieces)

    def _write(self, pieces: list[bytes | memoryview]) -> None:
        """Send all of it; without TLS the pieces go as they lie in memory, which saves a copy of every
        image before its first byte leaves."""
        if isinstance(self._connection, ssl.SSLSocket):
            self._connection.sendall(b"".join(pieces))
            return
        left = deque(memoryview(piece) for piece in pieces if len(piece))
        while left:
            sent = self._connection.sendmsg(list(islice(left, _MOST_PIECES)))
            while left and sent >= len(left[0]):
                sent -= len(left.popleft())
            if sent:
                left[0] = left[0][sent:]

    def _fragments(
        self, command: memoryview, dataset: memoryview
    ) -> Sequence[tuple[int, memoryview]]:
        found: list[tuple[int, memoryview]] = []
        for kind, content in ((_COMMAND, command), (0, dataset)):
            starts = range(0, len(content), self._fragment_bytes)
            for start in starts:
                last = _LAST if start == starts[-1] else 0
                found.append((kind | last, content[start : start + self._fragment_bytes]))
        return found

    def _answer(self) -> Answer:
        while (message := self._message()) is not None:
            if commands.number(message[1], commands.FIELD) != commands.N_EVENT_REPORT_RQ:
                return _as_answer(message[1], self._message_id, self.peer)
            self._note_event(*message)  # it may overtake the answer
        raise AssociationLost(f"{self.peer} ended the association before it answered.")

    def _message(self) -> tuple[int, Command, bytes] | None:
        """The next whole message: its context, its command and its dataset; None when the association
        ends in order."""
        command, dataset = b"", b""
        found: Command = {}
        while True:
            pdu = _read_pdu(self._connection, self.peer)
            if isinstance(pdu, A_RELEASE_RQ):
                self._connection.sendall(A_RELEASE_RP(A_RELEASE()).encode())
                return None
            if not isinstance(pdu, P_DATA_TF):
                raise AssociationLost(f"{self.peer} ended the association before it answered.")
            for item in pdu.presentation_data_value_items:
                value = item.presentation_data_value or b"\x00"
                if value[0] & _COMMAND:
                    command += value[1:]
                else:
                    dataset += value[1:]
                if not value[0] & _LAST:
                    continue
                if value[0] & _COMMAND:
                    found = _elements(command, self.peer)
                kind = commands.number(found, commands.DATASET_TYPE)
                if not value[0] & _COMMAND or kind == commands.NO_DATASET:
                    return item.presentation_context_id or 1, found, dataset


def _read_pdu(connection: socket.socket, peer: Peer) -> PDU:
    kind, length = struct.unpack(">BxL", head := _read(connection, 6, peer))
    if kind not in _PDUS or length > _LARGEST_ANSWER:
        raise AssociationLost(f"{peer} does not answer as a DICOM receiver does.")
    pdu = _PDUS[kind]()
    body = _read(connection, length, peer)
    try:
        pdu.decode(head + body)
    except Exception as problem:
        raise AssociationLost(f"{peer} sent something that is not a DICOM answer.") from problem
    return pdu


_PDUS: Final[dict[int, type[PDU]]] = {  # PS3.8 9.3
    0x02: A_ASSOCIATE_AC,
    0x03: A_ASSOCIATE_RJ,
    0x04: P_DATA_TF,
    0x05: A_RELEASE_RQ,
    0x06: A_RELEASE_RP,
    0x07: A_ABORT_RQ,
}


def _read(connection: socket.socket, count: int, peer: Peer) -> bytes:
    found = bytearray()
    while len(found) < count:
        piece = connection.recv(count - len(found))
        if not piece:
            raise AssociationLost(f"{peer} closed the connection.")
        found += piece
    return bytes(found)


def _elements(command: bytes, peer: Peer) -> Command:
    try:
        return commands.elements(command)
    except ValueError as problem:
        raise AssociationLost(f"{peer} sent an answer that cannot be read.") from problem


def _as_answer(found: Command, message_id: int, peer: Peer) -> Answer:
    answered, status = (
        commands.number(found, commands.RESPONDED_TO),
        commands.number(found, commands.STATUS),
    )
    if answered < 0 or status < 0:
        raise AssociationLost(f"{peer} sent an answer that cannot be read.")
    if answered != message_id:
        raise AssociationLost(f"{peer} answered message {answered} instead of {message_id}.")
    comment = found.get(commands.ERROR_COMMENT, b"").decode("ascii", "replace").strip(" \0")
    return Answer(status, comment)


def _lost(peer: Peer, problem: OSError) -> AssociationLost:
    if isinstance(problem, TimeoutError):
        return AssociationLost(f"{peer} did not answer within {peer.answer_timeout_s:g} s.")
    return AssociationLost(f"The connection to {peer} was lost: {problem.strerror or problem}.")
