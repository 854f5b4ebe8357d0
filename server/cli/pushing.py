"""What `margin push` does around the sending itself: resuming, showing, committing, the receipt."""

from __future__ import annotations

import queue
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from server.dicom import receipts, sending
from server.dicom.association import Peer
from server.dicom.commitment import Commitment, Report, commit, listening
from server.dicom.files import FileHead, RefusedFile
from server.dicom.receipts import Receipt
from server.foundation.clock import utc_now

_MOST_SHOWN = 50


class Push:
    """One sending of a folder. What an earlier one got through is left out unless `again`."""

    def __init__(
        self, folder: Path, peer: Peer, found: sending.Found, *, again: bool, wants_receipt: bool
    ) -> None:
        self.peer = peer
        self._folder = folder
        self._root = folder if folder.is_dir() else folder.parent
        self._progress = receipts.Progress.of(folder, peer)
        self.receipt = Receipt(utc_now) if wants_receipt else None
        if again:
            self._progress.forget()
        self.before = [head for head in found.to_send if self._progress.has(self._root, head)]
        before = {head.name for head in self.before}
        rest = tuple(head for head in found.to_send if head.name not in before)
        self._all = found.to_send
        self._found = replace(found, to_send=rest)
        self.commitment: Commitment | None = None
        self._accepted: list[FileHead] = []

    def run(self, associations: int, console: Console) -> sending.Summary:
        """Send what is left. Raises AssociationRejected, PeerUnreachable, PeerNotTrusted."""
        self._accepted = list(self.before)
        self._note_accepted_before()
        if not self._found.to_send:
            return sending.Summary(
                0, (), self._found.refused, self._found.skipped, retried=0, bytes_sent=0, seconds=0
            )
        total = len(self._found.to_send)
        with Progress(*_columns(), console=console) as bar:
            task = bar.add_task(
                f"Sending to {self.peer}",
                total=sum(head.size_bytes for head in self._found.to_send),
                files=f"0/{total} files",
            )
            done = 0

            def settled(head: FileHead, refusal: RefusedFile | None) -> None:
                nonlocal done
                done += 1
                self._settled(head, refusal)
                bar.update(task, advance=head.size_bytes, files=f"{done}/{total} files")

            return sending.send(
                self._folder,
                self.peer,
                associations=associations,
                progress=settled,
                found=self._found,
                look=self.receipt.look if self.receipt is not None else None,
            )

    def _note_accepted_before(self) -> None:
        """Into the receipt belongs also what an earlier sending got through."""
        if self.receipt is None:
            return
        for head in self.before:
            content = (self._root / head.name).read_bytes()
            self.receipt.look(head, memoryview(content))
            self.receipt.note(head, "accepted before")

    def _settled(self, head: FileHead, refusal: RefusedFile | None) -> None:
        if refusal is None:
            self._accepted.append(head)
            self._progress.note(self._root, head)
        if self.receipt is not None:
            status = "accepted" if refusal is None else "refused"
            self.receipt.note(head, status, refusal.reason if refusal else "")

    def with_commitment(
        self, associations: int, console: Console, *, port: int | None, wait_s: float
    ) -> sending.Summary:
        """Send, then have the receiver answer for everything it has accepted. The port is listened on
        from the beginning, so that one that is taken is known before anything is sent."""
        place = listening(self.peer, port) if port is not None else nullcontext()
        with place as reports:
            summary = self.run(associations, console)
            self._commit(console, wait_s, reports)
        return summary

    def _commit(self, console: Console, wait_s: float, reports: queue.Queue[Report] | None) -> None:
        if not self._accepted:
            return
        console.print(f"Asking {self.peer} to answer for {len(self._accepted)} files.")
        self.commitment = commit(self._accepted, self.peer, wait_s=wait_s, reports=reports)
        if self.receipt is not None:
            self.receipt.note_commitment(
                self.commitment.committed, self.commitment.failed, self.commitment.unanswered
            )

    def is_complete(self, summary: sending.Summary) -> bool:
        """Whether everything was accepted, and answered for where that was asked; then nothing of this
        sending needs to be remembered."""
        whole = summary.is_complete and (self.commitment is None or self.commitment.is_whole)
        if whole and len(self._accepted) == len(self._all):
            self._progress.forget()
        return whole

    def write_receipt(self, path: Path) -> None:
        """Write what is known so far, also of a sending that was broken off."""
        assert self.receipt is not None
        for file in self._found.refused:
            self.receipt.entries.setdefault(
                file.name, receipts.Entry("", "", 0, "refused", file.reason)
            )
        counts: dict[str, int] = {}
        for entry in self.receipt.entries.values():
            counts[entry.status] = counts.get(entry.status, 0) + 1
        try:
            self.receipt.write(path, self.peer, {"counts": counts})
        except OSError as problem:
            raise click.ClickException(
                f"The receipt cannot be written: {problem.strerror or problem}."
            ) from problem


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[files]}"),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )


def report(console: Console, summary: sending.Summary, sent: Push) -> None:
    """What became of it, in a table and lists."""
    table = Table(show_header=False)
    rows = [
        ("accepted", str(summary.accepted)),
        ("refused", str(len(summary.refused))),
        ("left out", str(len(summary.skipped))),
        ("sent again after a lost association", str(summary.retried)),
        ("data", f"{summary.bytes_sent / 1e6:.1f} MB"),
        ("time", f"{summary.seconds:.1f} s"),
        ("rate", f"{summary.instances_per_s:.0f} files/s, {summary.megabytes_per_s:.1f} MB/s"),
    ]
    if sent.before:
        rows.insert(1, ("accepted by an earlier sending", str(len(sent.before))))
    if sent.commitment is not None:
        rows.append(("answered for by the receiver", str(len(sent.commitment.committed))))
        rows.append(("not answered for", str(len(sent.commitment.failed))))
        rows.append(("no answer in time", str(len(sent.commitment.unanswered))))
    for row in rows:
        table.add_row(*row)
    console.print(table)
    uncommitted = tuple(
        RefusedFile(uid, reason)
        for uid, reason in (sent.commitment.failed if sent.commitment else {}).items()
    )
    lists = (
        ("Refused", summary.refused),
        ("Left out", summary.skipped),
        ("Warned", summary.warned),
        ("Not answered for", uncommitted),
    )
    for title, files in lists:
        for file in files[:_MOST_SHOWN]:
            console.print(f"{title}: {file.name}: {file.reason}", markup=False, soft_wrap=True)
        if len(files) > _MOST_SHOWN:
            console.print(f"{title}: and {len(files) - _MOST_SHOWN} more.")
