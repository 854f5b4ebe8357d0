"""One DICOM association as its requestor: open it, echo, store, release.

PDUs are pynetdicom's; the exchange itself is here, because a requestor
that sends one instance and waits for its answer needs no threads. pynetdicom's own requestor polls
two of them every millisecond and stays near 100 instances of 527 kB per second where the receiver
takes 170.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from pydicom.uid import UID
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
    A_ASSOCIATE,
    A_RELEASE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext

from server.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from server.foundation.errors import Refused, Unavailable

VERIFICATION: Final = "1.2.840.10008.1.1"  # Verification SOP Class, PS3.4 Annex A
MOST_CONTEXTS: Final = 128  # odd identifiers 1 to 255, PS3.8 9.3.2.2
DEFAULT_SYNTAX: Final = "1.2.840.10008.1.2"  # Implicit VR Little Endian, PS3.5 10.1

_APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"  # PS3.7 A.2.1
_LARGEST_PDU: Final = 131072  # what we offer, and what we send to a peer that names no limit
_LARGEST_ANSWER: Final = 1 << 24  # an answer to C-STORE or C-ECHO is far below 1 kB
_WRITE_BYTES: Final = 1 << 20
_PDV_OVERHEAD: Final = 6  # item length 4, context identifier 1, control header 1, PS3.8 9.3.5.1
_COMMAND: Final = 1  # control header bits, PS3.8 E.2
_LAST: Final = 2
_C_STORE_RQ: Final = 0x0001  # command fields, PS3.7 E.1
_C_ECHO_RQ: Final = 0x0030
_NO_DATASET: Final = 0x0101  # PS3.7 E.1
_WITH_DATASET: Final = 0x0001

# Elements of group 0000, PS3.7 E.1.
_AFFECTED_CLASS: Final = 0x0002
_FIELD: Final = 0x0100
_MESSAGE_ID: Final = 0x0110
_RESPONDED_TO: Final = 0x0120
_PRIORITY: Final = 0x0700
_DATASET_TYPE: Final = 0x0800
_STATUS: Final = 0x0900
_ERROR_COMMENT: Final = 0x0902
_AFFECTED_INSTANCE: Final = 0x1000


class PeerUnreachable(Unavailable):
    """No connection could be made to the receiver."""


class AssociationRejected(Refused):
    """The receiver answered and did not accept the association; `is_transient` says whether a later
    attempt may succeed (PS3.8 9.3.4, Result 2)."""

    is_transient = False


class AssociationLost(Unavailable):
    """An open association ended before it was released: cut, aborted or silent for too long."""


@dataclass(frozen=True)
class Peer:
    """Who speaks to whom: the receiver's address, and both Application Entity titles (1 to 16
    characters, PS3.5 6.2 VR AE). Timeouts in seconds: for the connection, and for each answer."""

    host: str
    port: int
    calling_aet: str
    called_aet: str
    connect_timeout_s: float = 10.0
    answer_timeout_s: float = 60.0

    def __str__(self) -> str:
        return f"{self.called_aet} at {self.host}:{self.port}"


@dataclass(frozen=True)
class Answer:
    """The receiver's answer: Status (0000,0900), 0 for success, and its ErrorComment (0000,0902),
    empty when it gave none."""

    status: int
    comment: str


Wanted = tuple[str, str]
"""SOP class and transfer syntax, each pair a presentation context of its own."""


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
        connection = _connect(peer)
        try:
            connection.sendall(A_ASSOCIATE_RQ(_request(peer, wanted)).encode())
            answer = _read_pdu(connection, peer)
        except OSError as problem:
            connection.close()
            raise _lost(peer, problem) from problem
        except AssociationLost:
            connection.close()
            raise
        if isinstance(answer, A_ASSOCIATE_RJ):
            connection.close()
            raise _rejection(peer, answer)
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
            peer, connection, accepted, min(limit or _LARGEST_PDU, _WRITE_BYTES) - _PDV_OVERHEAD
        )

    def echo(self) -> Answer:
        """C-ECHO (PS3.7 9.1.5). Raises AssociationLost."""
        command = {
            _AFFECTED_CLASS: _uid(VERIFICATION),
            _FIELD: _short(_C_ECHO_RQ),
            _DATASET_TYPE: _short(_NO_DATASET),
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
            _AFFECTED_CLASS: _uid(pair[0]),
            _FIELD: _short(_C_STORE_RQ),
            _PRIORITY: _short(0),
            _DATASET_TYPE: _short(_WITH_DATASET),
            _AFFECTED_INSTANCE: _uid(sop_instance_uid),
        }
        return self._exchange(self.contexts[pair], command, dataset)

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

    def _exchange(self, context_id: int, command: dict[int, bytes], dataset: memoryview) -> Answer:
        self._message_id = self._message_id % 0xFFFF + 1
        command[_MESSAGE_ID] = _short(self._message_id)
        try:
            self._send(context_id, _encoded(command), dataset)
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
                self._connection.sendall(b"".join(pieces))
                pieces, waiting = [], 0
        self._connection.sendall(b"".join(pieces))

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
        command = b""
        while True:
            pdu = _read_pdu(self._connection, self.peer)
            if not isinstance(pdu, P_DATA_TF):
                if isinstance(pdu, A_RELEASE_RQ):
                    self._connection.sendall(A_RELEASE_RP(A_RELEASE()).encode())
                raise AssociationLost(f"{self.peer} ended the association before it answered.")
            for item in pdu.presentation_data_value_items:
                value = item.presentation_data_value or b"\x00"
                command += value[1:]
                if value[0] & _COMMAND and value[0] & _LAST:
                    return _decoded(command, self._message_id, self.peer)


def _request(peer: Peer, wanted: Sequence[Wanted]) -> A_ASSOCIATE:
    request = A_ASSOCIATE()
    request.application_context_name = UID(_APPLICATION_CONTEXT)
    request.calling_ae_title = peer.calling_aet
    request.called_ae_title = peer.called_aet
    contexts = []
    for index, (sop_class, syntax) in enumerate(wanted):
        context = PresentationContext()
        context.context_id = 2 * index + 1
        context.abstract_syntax = UID(sop_class)
        context.transfer_syntax = [UID(syntax)]
        contexts.append(context)
    request.presentation_context_definition_list = contexts
    length = MaximumLengthNotification()
    length.maximum_length_received = _LARGEST_PDU
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    request.user_information = [length, implementation, version]
    return request


def _connect(peer: Peer) -> socket.socket:
    try:
        connection = socket.create_connection((peer.host, peer.port), peer.connect_timeout_s)
    except socket.gaierror as problem:
        raise PeerUnreachable(
            f"The name {peer.host} is not known.", remedy="Check the host in HOST:PORT."
        ) from problem
    except ConnectionRefusedError as problem:
        raise PeerUnreachable(
            f"Nothing listens at {peer.host}:{peer.port} (connection refused).",
            remedy="Check the address and the port, and whether the receiver is running.",
        ) from problem
    except TimeoutError as problem:
        raise PeerUnreachable(
            f"{peer.host}:{peer.port} did not answer within {peer.connect_timeout_s:g} s.",
            remedy="Check the address, and whether a firewall lies between.",
        ) from problem
    except OSError as problem:
        raise PeerUnreachable(
            f"{peer.host}:{peer.port} cannot be reached: {problem.strerror or problem}."
        ) from problem
    # Nagle's delay meets the receiver's delayed acknowledgement and costs 40 ms per instance.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(peer.answer_timeout_s)
    return connection


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


def _short(value: int) -> bytes:
    return struct.pack("<H", value)


def _uid(value: str) -> bytes:
    return value.encode("ascii") + b"\0" * (len(value) % 2)  # even length, PS3.5 9.1


def _encoded(command: dict[int, bytes]) -> bytes:
    # Command sets are Implicit VR Little Endian, group 0000, in ascending order, and begin with
    # their own length (PS3.7 6.3.1). Packed here because pydicom takes 0.4 ms for it, per instance.
    body = b"".join(
        struct.pack("<HHL", 0, element, len(value)) + value
        for element, value in sorted(command.items())
    )
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def _decoded(command: bytes, message_id: int, peer: Peer) -> Answer:
    found: dict[int, bytes] = {}
    at = 0
    try:
        while at < len(command):
            group, element, length = struct.unpack_from("<HHL", command, at)
            if group != 0 or at + 8 + length > len(command):
                raise AssociationLost(f"{peer} sent an answer that cannot be read.")
            found[element] = command[at + 8 : at + 8 + length]
            at += 8 + length
        (answered,) = struct.unpack("<H", found[_RESPONDED_TO])
        (status,) = struct.unpack("<H", found[_STATUS])
    except (struct.error, KeyError) as problem:
        raise AssociationLost(f"{peer} sent an answer that cannot be read.") from problem
    if answered != message_id:
        raise AssociationLost(f"{peer} answered message {answered} instead of {message_id}.")
    comment = found.get(_ERROR_COMMENT, b"").decode("ascii", "replace").strip(" \0")
    return Answer(status, comment)


def _rejection(peer: Peer, answer: A_ASSOCIATE_RJ) -> AssociationRejected:
    cause = (answer.source, answer.reason_diagnostic)  # PS3.8 Table 9-21
    if cause == (1, 3):
        detail = (
            f"{peer.host}:{peer.port} does not recognise the calling AE title {peer.calling_aet}."
        )
        remedy = "Have this title registered there, or give the registered one with --calling-aet."
    elif cause == (1, 7):
        detail = f"{peer.host}:{peer.port} does not go by the called AE title {peer.called_aet}."
        remedy = "Give the receiver's own title with --called-aet."
    else:
        try:
            reason = answer.reason_str
        except ValueError:
            reason = f"source {answer.source}, reason {answer.reason_diagnostic}"
        detail = f"{peer} rejected the association: {reason}."
        remedy = "Ask whoever runs the receiver; its log names the cause."
    rejection = AssociationRejected(detail, remedy=remedy)
    rejection.is_transient = answer.result == 2
    return rejection


def _lost(peer: Peer, problem: OSError) -> AssociationLost:
    if isinstance(problem, TimeoutError):
        return AssociationLost(f"{peer} did not answer within {peer.answer_timeout_s:g} s.")
    return AssociationLost(f"The connection to {peer} was lost: {problem.strerror or problem}.")
