"""Sending a folder of DICOM files by C-STORE (PS3.4 Annex B), as they are stored.

No file is decoded or converted: each goes in its own transfer syntax, under a presentation context
of its own pair of SOP class and transfer syntax. A lost association is opened again after a pause,
and sending goes on with what has not been accepted yet. A file that keeps ending associations is
given up; the rest goes on.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydicom.uid import UID
from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS
from tenacity import RetryCallState, Retrying, retry_if_exception

from server.dicom.association import (
    DEFAULT_SYNTAX,
    MOST_CONTEXTS,
    VERIFICATION,
    Answer,
    Association,
    AssociationLost,
    AssociationRejected,
    Peer,
    PeerUnreachable,
    Wanted,
)
from server.dicom.files import FileHead, RefusedFile, read_head, why_unreadable

_ATTEMPTS: Final = 5  # without a single accepted file in between
_LOSSES_PER_FILE: Final = 3
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 8.0
_READ_WHOLE_BYTES: Final = 64 << 20  # larger files are mapped instead
_WARNINGS: Final = frozenset({0xB000, 0xB006, 0xB007})  # stored all the same, PS3.4 Table B.2-1


@dataclass(frozen=True)
class Found:
    """What a folder holds: files to send, files that are no DICOM instance, and files left out on
    purpose (DICOMDIR), each with its reason."""

    to_send: tuple[FileHead, ...]
    refused: tuple[RefusedFile, ...]
    skipped: tuple[RefusedFile, ...]

    @property
    def pairs(self) -> tuple[Wanted, ...]:
        """The pairs of SOP class and transfer syntax present, each once, in order of appearance."""
        return tuple(dict.fromkeys(_pair(head) for head in self.to_send))


@dataclass(frozen=True)
class Summary:
    """What became of every file. `accepted` counts files the receiver confirmed, `warned` those
    of them it confirmed with a warning; `retried` counts sendings repeated after a lost
    association; `bytes_sent` counts the confirmed files; `seconds` runs from the first
    connection to the last answer.
    """

    accepted: int
    warned: tuple[RefusedFile, ...]
    refused: tuple[RefusedFile, ...]
    skipped: tuple[RefusedFile, ...]
    retried: int
    bytes_sent: int
    seconds: float

    @property
    def is_complete(self) -> bool:
        """Every file was a DICOM instance and was accepted (a skipped DICOMDIR does not count)."""
        return not self.refused

    @property
    def instances_per_s(self) -> float:
        """Confirmed instances per second."""
        return self.accepted / self.seconds if self.seconds > 0 else 0.0

    @property
    def megabytes_per_s(self) -> float:
        """Confirmed megabytes (10^6 bytes) per second."""
        return self.bytes_sent / 1e6 / self.seconds if self.seconds > 0 else 0.0


Progress = Callable[[FileHead, RefusedFile | None], None]
"""Called once per file that was settled: with None when it was accepted, with the refusal
otherwise.
"""

Look = Callable[[FileHead, memoryview], None]
"""Called with the whole content of each file before it is sent, from the thread that read it."""


def find(folder: Path) -> Found:
    """Looks through a folder and everything below it, in order of name, whatever the extensions; a
    single file stands for itself. Raises FileNotFoundError when there is nothing of that name."""
    to_send: list[FileHead] = []
    refused: list[RefusedFile] = []
    skipped: list[RefusedFile] = []
    for path, name in _files(folder):
        head = read_head(path, name)
        if isinstance(head, RefusedFile):
            refused.append(head)
        elif head.is_media_directory:
            skipped.append(
                RefusedFile(name, "It is a DICOMDIR: the files it lists are sent themselves.")
            )
        else:
            to_send.append(head)
    return Found(tuple(to_send), tuple(refused), tuple(skipped))


def send(
    folder: Path,
    peer: Peer,
    *,
    associations: int = 1,
    progress: Progress | None = None,
    found: Found | None = None,
    look: Look | None = None,
) -> Summary:
    """Sends what `find` finds in the folder over one or more associations at a time (1 to 16).

    Raises AssociationRejected when the receiver does not want this sender, PeerUnreachable when it
    was never reached. Once anything was accepted nothing is raised: what could not be sent is
    refused by name, with the reason.
    """
    if not 1 <= associations <= 16:
        raise ValueError(f"1 to 16 associations can be used, not {associations}")
    found = found or find(folder)
    root = folder if folder.is_dir() else folder.parent
    sending = _Sending(root, peer, progress or _silent, look)
    started = time.monotonic()
    for batch in _batches(found):
        sending.run(batch, associations)
    return Summary(
        accepted=sending.accepted,
        warned=tuple(sending.warned),
        refused=(*found.refused, *sending.refused),
        skipped=found.skipped,
        retried=sending.retried,
        bytes_sent=sending.bytes_sent,
        seconds=time.monotonic() - started,
    )


def echo(peer: Peer) -> float:
    """C-ECHO; the round-trip time of the message in seconds, the opening of the association not
    included. Raises PeerUnreachable, AssociationRejected or AssociationLost."""
    association = Association.open(peer, [(VERIFICATION, DEFAULT_SYNTAX)])
    if not association.contexts:
        association.abort()
        raise AssociationRejected(f"{peer} accepts the association but not verification (C-ECHO).")
    started = time.monotonic()
    status = association.echo().status
    seconds = time.monotonic() - started
    association.release()
    if status != 0:
        raise AssociationRejected(f"{peer} answered C-ECHO with status 0x{status:04X}.")
    return seconds


@dataclass
class _Queue:
    """The files of one batch that are not settled yet, shared by its associations."""

    waiting: deque[FileHead]
    pairs: tuple[Wanted, ...]
    losses: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> FileHead | None:
        with self.lock:
            return self.waiting.popleft() if self.waiting else None

    def put_back(self, head: FileHead) -> None:
        with self.lock:
            self.waiting.appendleft(head)


class _Sending:
    def __init__(self, root: Path, peer: Peer, progress: Progress, look: Look | None) -> None:
        self._look = look
        self._root = root
        self._peer = peer
        self._progress = progress
        self._lock = threading.Lock()
        self.accepted = 0
        self.retried = 0
        self.bytes_sent = 0
        self.warned: list[RefusedFile] = []
        self.refused: list[RefusedFile] = []

    def run(self, batch: _Queue, associations: int) -> None:
        workers = min(associations, len(batch.waiting))
        with ThreadPoolExecutor(workers, thread_name_prefix="association") as pool:
            running = [pool.submit(self._until_settled, batch) for _ in range(workers)]
        problems = [problem for job in running if (problem := job.exception())]
        if problems and self.accepted == 0:
            raise problems[0]
        if problems:
            while (head := batch.take()) is not None:
                self._settle(head, RefusedFile(head.name, f"It was not sent: {problems[0]}"))

    def _until_settled(self, batch: _Queue) -> None:
        before = [self.accepted, 0]

        def without_progress(_state: RetryCallState) -> bool:
            if self.accepted > before[0]:
                before[:] = [self.accepted, 0]
            before[1] += 1
            return before[1] >= _ATTEMPTS

        def pause_s(_state: RetryCallState) -> float:
            return min(_FIRST_PAUSE_S * 2.0 ** max(before[1] - 1, 0), _LONGEST_PAUSE_S)

        for attempt in Retrying(
            retry=retry_if_exception(_worth_repeating),
            stop=without_progress,
            wait=pause_s,
            reraise=True,
        ):
            with attempt:
                self._through_one_association(batch)

    def _through_one_association(self, batch: _Queue) -> None:
        head = batch.take()
        if head is None:
            return
        try:
            association = Association.open(self._peer, batch.pairs)
        except BaseException:
            batch.put_back(head)
            raise
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="reading") as reader:
                self._store_all(batch, association, reader, head)
        except BaseException:
            association.abort()
            raise
        association.release()

    def _store_all(
        self, batch: _Queue, association: Association, reader: ThreadPoolExecutor, first: FileHead
    ) -> None:
        current: FileHead | None = first
        content = reader.submit(self._read, first)
        while current is not None:
            # The next file is read while the receiver is still busy with this one.
            upcoming = batch.take()
            upcoming_content = reader.submit(self._read, upcoming) if upcoming else content
            try:
                self._store(association, current, content)
            except AssociationLost as loss:
                if upcoming is not None:
                    batch.put_back(upcoming)
                self._after_loss(batch, current, loss)
                raise
            current, content = upcoming, upcoming_content

    def _store(
        self, association: Association, head: FileHead, content: Future[memoryview | RefusedFile]
    ) -> None:
        pair = _pair(head)
        if pair not in association.contexts:
            self._settle(head, RefusedFile(head.name, _unwanted(pair)))
            return
        dataset = content.result()
        if isinstance(dataset, RefusedFile):
            self._settle(head, dataset)
            return
        answer = association.store(pair, head.SOPInstanceUID, dataset)
        said = RefusedFile(head.name, _in_words(answer))
        if answer.status in _WARNINGS:
            with self._lock:
                self.warned.append(said)
        self._settle(head, None if answer.status == 0 or answer.status in _WARNINGS else said)

    def _after_loss(self, batch: _Queue, head: FileHead, loss: AssociationLost) -> None:
        with batch.lock:
            batch.losses[head.name] = losses = batch.losses.get(head.name, 0) + 1
            if losses < _LOSSES_PER_FILE:
                # To the end, so that one file that ends associations does not hold up the others.
                batch.waiting.append(head)
                self.retried += 1
                return
        self._settle(
            head, RefusedFile(head.name, f"{losses} associations ended while it was sent. {loss}")
        )

    def _settle(self, head: FileHead, refusal: RefusedFile | None) -> None:
        with self._lock:
            if refusal is not None:
                self.refused.append(refusal)
            else:
                self.accepted += 1
                self.bytes_sent += head.size_bytes
            self._progress(head, refusal)

    def _read(self, head: FileHead) -> memoryview | RefusedFile:
        path = self._root / head.name
        try:
            if problem := why_unreadable(path, head):
                return RefusedFile(head.name, problem)
            if head.size_bytes <= _READ_WHOLE_BYTES:
                content = memoryview(path.read_bytes())
            else:
                with path.open("rb") as stream:
                    content = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
            if self._look is not None:
                self._look(head, content)
            return content[head.dataset_offset :]
        except (OSError, ValueError) as problem:
            if isinstance(problem, ValueError):
                return RefusedFile(head.name, "It became empty while it was being sent.")
            return RefusedFile(head.name, f"It cannot be read: {problem.strerror or problem}.")


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    if folder.is_file():
        yield folder, folder.name
        return
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder or file {folder}")
    for directory, below, names in os.walk(folder):
        below.sort()
        for name in sorted(names):
            path = Path(directory, name)
            yield path, str(path.relative_to(folder))


def _batches(found: Found) -> Iterable[_Queue]:
    pairs = found.pairs
    for start in range(0, len(pairs), MOST_CONTEXTS):
        chosen = pairs[start : start + MOST_CONTEXTS]
        members = frozenset(chosen)
        yield _Queue(deque(h for h in found.to_send if _pair(h) in members), chosen)


def _pair(head: FileHead) -> Wanted:
    return head.SOPClassUID, head.TransferSyntaxUID


# Statuses of a Margin server's own (`orthanc/repeats.py`); DICOM leaves their meaning to the receiver.
_OF_MARGIN: Final = {
    0xC111: " From Margin: another image with this SOPInstanceUID is there already, with other content.",
    0xC112: " From Margin: its sequences lie in each other too deep.",
    0xC113: " From Margin: it is not what its header says (pixels cut off, an absurd size, a PDF that is "
    "none). Send it again from the original.",
}


def _in_words(answer: Answer) -> str:
    meaning = STORAGE_SERVICE_CLASS_STATUS.get(answer.status, ("", ""))[1] or "no meaning given"
    said = f", and says: {answer.comment}" if answer.comment else ""
    own = _OF_MARGIN.get(answer.status, "")
    return f"The receiver answered 0x{answer.status:04X} ({meaning}){said}.{own}"


def _unwanted(pair: Wanted) -> str:
    return f"The receiver does not accept {UID(pair[0]).name} in {UID(pair[1]).name}."


def _worth_repeating(problem: BaseException) -> bool:
    if isinstance(problem, AssociationRejected):
        return problem.is_transient
    return isinstance(problem, AssociationLost | PeerUnreachable)


def _silent(head: FileHead, refusal: RefusedFile | None) -> None:
    """Nobody is watching."""
