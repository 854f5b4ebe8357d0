"""What a sender keeps of a sending: how far it got, and a receipt of what was taken.

Neither holds a name of a patient: files are known by SOPInstanceUID, size and time of change, and the
place where it is kept is named by a digest of the folder and the destination.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from server.dicom.files import FileHead
from server.dicom.peer import Peer
from server.foundation.clock import Clock, utc_iso_ms

STATE_HOME = "XDG_STATE_HOME"


def state_folder() -> Path:
    """Where unfinished sendings are remembered: below the user's own folder for such things."""
    base = os.environ.get(STATE_HOME, "")
    return (Path(base) if base else Path.home() / ".local" / "state") / "margin" / "push"


class Progress:
    """Which files of a folder one receiver has accepted, kept so that killing the sender loses nothing.

    A line for each accepted file, written before the next is sent. A file that was changed since counts
    as another one.
    """

    def __init__(self, path: Path, accepted: set[str]) -> None:
        self._path = path
        self._accepted = accepted
        self._lock = threading.Lock()

    @classmethod
    def of(cls, folder: Path, peer: Peer) -> Self:
        """What is remembered of sending this folder to this receiver; nothing when it cannot be read."""
        place = f"{folder.resolve()}\x1f{peer.host}:{peer.port}\x1f{peer.calling_aet}\x1f{peer.called_aet}"
        path = state_folder() / f"{hashlib.sha256(place.encode()).hexdigest()[:32]}.txt"
        try:
            # Half a line, from a sender that was killed, is a file that is sent again.
            lines = path.read_text().split("\n")[:-1]
        except (OSError, UnicodeDecodeError):
            lines = []
        return cls(path, set(lines))

    def has(self, root: Path, head: FileHead) -> bool:
        """Whether this file, as it lies there now, was accepted before."""
        return _mark(root, head) in self._accepted

    def note(self, root: Path, head: FileHead) -> None:
        """The receiver has accepted this file. A place that cannot be written is no reason to stop."""
        mark = _mark(root, head)
        with self._lock:
            self._accepted.add(mark)
            try:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with self._path.open("a") as stream:
                    stream.write(f"{mark}\n")
            except OSError:
                return

    def forget(self) -> None:
        """Everything was sent: the next sending of this folder begins anew."""
        self._path.unlink(missing_ok=True)
        self._accepted = set()


def _mark(root: Path, head: FileHead) -> str:
    try:
        changed_ns = (root / head.name).stat().st_mtime_ns
    except OSError:
        changed_ns = 0
    return f"{head.SOPInstanceUID} {head.size_bytes} {changed_ns}"


@dataclass
class Entry:
    """One file of a receipt. `status` is accepted, accepted before, refused or left out;
    `commitment` is committed, failed or unanswered, empty when it was not asked for. `md5` is of the
    file, `dataset_md5` of its dataset without the File Meta Information, which the receiver writes
    anew; both empty for what was not read."""

    SOPInstanceUID: str
    SOPClassUID: str
    size_bytes: int
    status: str
    reason: str = ""
    md5: str = ""
    dataset_md5: str = ""
    settled_at: str = ""
    commitment: str = ""
    commitment_reason: str = ""


class Receipt:
    """Gathers what became of each file, while it is sent: begun when it is made."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_at = clock()
        self.entries: dict[str, Entry] = {}
        self._digests: dict[str, tuple[str, str]] = {}

    def look(self, head: FileHead, content: memoryview) -> None:
        """Take the digests of a file."""
        whole = hashlib.md5(content, usedforsecurity=False).hexdigest()
        dataset = hashlib.md5(content[head.dataset_offset :], usedforsecurity=False).hexdigest()
        self._digests[head.name] = (whole, dataset)

    def note(self, head: FileHead, status: str, reason: str = "") -> None:
        """What became of a file, by its name in the folder, which stays out of the receipt."""
        md5, dataset_md5 = self._digests.get(head.name, ("", ""))
        self.entries[head.name] = Entry(
            SOPInstanceUID=head.SOPInstanceUID,
            SOPClassUID=head.SOPClassUID,
            size_bytes=head.size_bytes,
            status=status,
            reason=reason,
            md5=md5,
            dataset_md5=dataset_md5,
            settled_at=utc_iso_ms(self._clock()),
        )

    def note_commitment(
        self, committed: Iterable[str], failed: dict[str, str], unanswered: Iterable[str]
    ) -> None:
        """What the receiver answers for."""
        said = dict.fromkeys(committed, "committed")
        said |= dict.fromkeys(failed, "failed") | dict.fromkeys(unanswered, "unanswered")
        for entry in self.entries.values():
            entry.commitment = said.get(entry.SOPInstanceUID, "")
            entry.commitment_reason = failed.get(entry.SOPInstanceUID, "")

    def write(self, path: Path, peer: Peer, summary: dict[str, Any]) -> None:
        """Write it as JSON; raises OSError."""
        content = {
            "receipt": "margin push",
            "to": {"host": peer.host, "port": peer.port, "called_aet": peer.called_aet},
            "from": {"calling_aet": peer.calling_aet, "tls": peer.tls is not None},
            "started_at": utc_iso_ms(self._started_at),
            "ended_at": utc_iso_ms(self._clock()),
            **summary,
            "instances": [asdict(entry) for entry in self.entries.values()],
        }
        draft = path.with_name(path.name + ".new")
        draft.write_text(json.dumps(content, indent=1) + "\n")
        draft.replace(path)
