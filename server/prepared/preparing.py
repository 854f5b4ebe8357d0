"""Preparing one series: from the archive's files to a folder on the shelf.

One thread fetches and reads, two encode and write (the codec lets go of the interpreter), and never more
than a few frames are in memory. A frame's file appears only after its content was proven. The manifest
comes last, after everything has reached the disk.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from threading import BoundedSemaphore
from typing import BinaryIO

from server.archive import Archive, ArchiveFailed, Instance, NotInArchive, Series
from server.dicom.transfer_syntaxes import EXPLICIT_LITTLE, HTJ2K_RPCL, UNCOMPRESSED
from server.foundation.errors import MarginError, Unavailable
from server.prepared import metadata
from server.prepared.codec import Layout, Unreadable, fits_htj2k, kept_syntax, prepared
from server.prepared.concluding import conclude
from server.prepared.describing import described
from server.prepared.eviction import Room
from server.prepared.fetching import fetch, fetched_ahead
from server.prepared.finding import SeriesGone
from server.prepared.journal import ALONE_AFTER, GIVEN_UP_AFTER, Journal, is_doubtful
from server.prepared.manifest import NO_REMARKS, REMARKS, Manifest, PreparedInstance
from server.prepared.metadata import JsonDataset
from server.prepared.shelf import FRAMES, Shelf, bare, digest, frame_body
from server.prepared.soundness import NotAsReceived, check_sound
from server.prepared.stored import MOST_FRAMES, NoFrames, StoredInstance, read_stored
from server.prepared.way import Way
from server.prepared.writing import (
    InOtherHands,
    ShelfNotWritable,
    held,
    make_folder,
    remove_folder,
    write_whole,
)

ENCODERS = 2
FRAMES_IN_FLIGHT = 6
REFUSALS_ENDURED = 3
USUAL_SHARE = 0.45  # of a series' files that its prepared frames take (HTJ2K of CT: 0.35 to 0.42)

Progress = Callable[[int, int], None]


class SeriesChanging(Unavailable):
    """The archive's answers about a series do not fit each other: it is just being added to."""


class SeriesTooLarge(MarginError):
    """The series alone would take more than all prepared series may."""


@dataclass(frozen=True)
class Outcome:
    """What came of it. `bytes` is what the folder takes, `encoded` how many frames were new."""

    manifest: Manifest
    bytes: int
    seconds: float
    encoded: int


@dataclass(frozen=True)
class _Kept:
    """What became of one frame."""

    size: int
    resolutions: tuple[int, ...] = ()
    remarks: int = NO_REMARKS
    reason: str = ""
    not_held: bool = False


@dataclass
class _Begun:
    """An instance whose frames are being encoded."""

    instance: Instance
    stored: StoredInstance
    layout: Layout
    htj2k: bool
    frames: list[Future[_Kept]] = field(default_factory=list)
    reason: str = ""


class Preparer:
    """Prepares series, one after the other. Not to be shared between threads.

    Files of a series that was whole before `compared_before` are compared with their MD5.
    """

    def __init__(
        self,
        archive: Archive,
        shelf: Shelf,
        room: Room,
        compared_before: datetime | None = None,
    ) -> None:
        self._archive = archive
        self._shelf = shelf
        self._room = room
        self._compared_before = compared_before

    def prepare(
        self, StudyInstanceUID: str, series_id: str, progress: Progress = lambda *_: None
    ) -> Outcome | None:
        """Prepare a series as the archive holds it now; None when it is prepared so already.

        `series_id` is the archive's; `progress(done, total)` hears of instances, and often. Raises
        SeriesGone, SeriesTooLarge, and of Unavailable whatever only needs waiting.
        """
        began = time.monotonic()
        try:
            series = self._archive.series(series_id)
            instances = self._archive.series_instances(series_id)
        except NotInArchive as gone:
            raise SeriesGone("The archive holds this series no more.") from gone
        if len(instances) != len(series.instance_ids):
            raise SeriesChanging("The series is still being received.")
        known = self._shelf.series(StudyInstanceUID, series.SeriesInstanceUID)
        if known is not None and _is_same(known, series):
            return None
        needed = int(USUAL_SHARE * sum(one.file_size_bytes for one in instances))
        if needed > self._room.most_bytes:
            raise SeriesTooLarge(
                "This series alone is larger than all prepared images may be.",
                remedy="Raise MARGIN_CACHE_MB. It opens meanwhile, only slower.",
            )
        folder = self._shelf.folder(StudyInstanceUID, series.SeriesInstanceUID)
        with held(folder):
            if is_doubtful(folder):
                remove_folder(folder, self._shelf.root)
                raise InOtherHands("What was left unfinished before a restart was thrown away.")
            self._room.make(needed, spare=folder)
            way = Way(self._shelf.root)
            work = _Work(self._archive, StudyInstanceUID, series, folder, way, progress)
            work.compares_files = self._may_have_aged(series)
            try:
                manifest = _on_the_shelf(lambda: work.do(instances, known))
            except ShelfNotWritable as error:
                if error.is_full and not self._room.make(needed, spare=folder):
                    remove_folder(folder, self._shelf.root)
                raise
            size = self._room.note(folder)
        self._room.make(0, spare=folder)
        return Outcome(manifest, size, time.monotonic() - began, work.encoded)

    def _may_have_aged(self, series: Series) -> bool:
        before, came = self._compared_before, series.last_update
        return before is not None and (came is None or came < before)


def _on_the_shelf(do: Callable[[], Manifest]) -> Manifest:
    """Whatever the file system refuses is ShelfNotWritable; the archive's refusals are its own."""
    try:
        return do()
    except OSError as reason:
        raise ShelfNotWritable(reason) from reason


def _is_same(known: Manifest, series: Series) -> bool:
    updated = series.last_update.isoformat() if series.last_update else ""
    now = (series.orthanc_id, len(series.instance_ids), updated)
    return (known.orthanc_id, known.instance_count, known.last_update) == now


class _Work:
    """One series being prepared into its folder."""

    def __init__(
        self,
        archive: Archive,
        study: str,
        series: Series,
        folder: Path,
        way: Way,
        progress: Progress,
    ) -> None:
        self._archive = archive
        self._study = study
        self._series = series
        self._folder = folder
        self._way = way
        self._progress = progress
        self._slots = BoundedSemaphore(FRAMES_IN_FLIGHT)
        self._done: dict[str, PreparedInstance] = {}
        self._begun: deque[_Begun] = deque()
        self._total = 0
        self.compares_files = False
        self.encoded = 0

    def do(self, instances: tuple[Instance, ...], known: Manifest | None) -> Manifest:
        """All of it; raises as Preparer.prepare."""
        make_folder(self._folder / FRAMES)
        self._total = len(instances)
        with closing(Journal(self._folder)) as journal:
            self._journal = journal
            self._keep_what_is_there(instances, known)
            # The archive works them out on one processor, while frames are encoded on the others.
            with ThreadPoolExecutor(1, "metadata") as aside:
                self._told = aside.submit(self._read_metadata)
                self._encode(instances)
                datasets = self._told.result()
        if not {one.SOPInstanceUID for one in instances} <= datasets.keys():
            raise SeriesChanging("The series is still being received.")
        done = [self._done[one.SOPInstanceUID] for one in instances]
        return conclude(self._folder, self._study, self._series, datasets, done)

    def _keep_what_is_there(self, instances: tuple[Instance, ...], known: Manifest | None) -> None:
        """Frames that an earlier attempt made, or that were made before the series grew.

        Only when nothing but additions happened: an instance that was deleted and sent again may
        hold other pixels under the same identifiers.
        """
        ids = {one.SOPInstanceUID: one.orthanc_id for one in instances}
        earlier = dict(self._journal.done)
        if known is not None and known.by_uid.keys() < ids.keys():
            earlier |= known.by_uid
        for uid, one in earlier.items():
            if ids.get(uid) == one.orthanc_id and self._frames_are_there(one):
                self._done[uid] = one

    def _frames_are_there(self, one: PreparedInstance) -> bool:
        return all(
            path.exists() and (one.remarks_in(number) != REMARKS or bare(path).exists())
            for number, size in enumerate(one.frame_bytes, 1)
            if size and (path := self._frame(one.SOPInstanceUID, number))
        )

    def _frame(self, SOPInstanceUID: str, number: int) -> Path:
        return self._folder / FRAMES / f"{digest(SOPInstanceUID)}.{number}"

    def _read_metadata(self) -> dict[str, JsonDataset]:
        """Each instance's metadata by its SOPInstanceUID."""
        path = f"/studies/{self._study}/series/{self._series.SeriesInstanceUID}/metadata"
        try:
            with self._archive.open_dicomweb(path, accept="application/dicom+json") as stream:
                told = described(self._archive, stream)
                return {metadata.text_of(one, "00080018"): one for one in told}
        except NotInArchive as gone:
            raise SeriesGone("The archive holds this series no more.") from gone
        except metadata.MetadataUnreadable as reason:
            raise SeriesChanging(str(reason)) from reason

    # Frames

    def _encode(self, instances: tuple[Instance, ...]) -> None:
        open_ones = [one for one in instances if one.SOPInstanceUID not in self._done]
        alone = [one for one in open_ones if self._interrupted(one) >= ALONE_AFTER]
        together = [one for one in open_ones if self._interrupted(one) < ALONE_AFTER]
        self._progress(len(self._done), self._total)
        try:
            with (
                ThreadPoolExecutor(ENCODERS, "encoder") as pool,
                closing(fetched_ahead(self._archive, together, self._folder)) as fetched,
            ):
                for one, file in fetched:
                    self._begin(pool, one, file)
                    self._finish(ready=True)
                self._finish()
                for one in alone:
                    self._begin_alone(pool, one)
        except BaseException:
            for begun in self._begun:
                if begun.layout.TransferSyntaxUID not in UNCOMPRESSED:
                    self._journal.leave(begun.instance.SOPInstanceUID)
            raise

    def _interrupted(self, instance: Instance) -> int:
        return self._journal.was_interrupted(instance.SOPInstanceUID)

    def _begin_alone(self, pool: ThreadPoolExecutor, instance: Instance) -> None:
        """An instance that was being decoded when an earlier attempt died: nothing else beside it."""
        if self._interrupted(instance) >= GIVEN_UP_AFTER:
            self._give_up(instance, "Decoding it ended the program each time.")
            return
        with closing(fetched_ahead(self._archive, [instance], self._folder)) as fetched:
            for one, file in fetched:
                self._begin(pool, one, file)
        self._finish()

    def _begin(
        self, pool: ThreadPoolExecutor, instance: Instance, fetched: Future[BinaryIO]
    ) -> None:
        """Read one instance and hand its frames to the encoders as they take them."""
        try:
            with fetched.result() as file:
                self._submit(pool, instance, file)
        except ArchiveFailed:
            if self._journal.refuse(instance.SOPInstanceUID) < REFUSALS_ENDURED:
                raise
            self._give_up(instance, "The archive cannot give its file.")
        except NotInArchive as gone:
            raise SeriesChanging("An instance was deleted from the series.") from gone
        except MarginError:
            raise
        except NotAsReceived as reason:
            self._give_up(instance, str(reason), even_as_stored=True)
        except NoFrames as reason:
            self._give_up(instance, str(reason))
        except Exception as error:  # a file that pydicom cannot read fails in many ways
            self._give_up(instance, f"Its file cannot be read ({type(error).__name__}).")

    def _submit(self, pool: ThreadPoolExecutor, instance: Instance, file: BinaryIO) -> None:
        if self.compares_files:
            check_sound(self._archive, instance, file)
        stored = read_stored(file)
        if stored.layout is None:
            syntax = str(stored.header.file_meta.TransferSyntaxUID)
            self._note(_listed(instance, stored.SOPClassUID, syntax))
            return
        begun = _Begun(instance, stored, stored.layout, fits_htj2k(stored.layout))
        if begun.layout.TransferSyntaxUID not in UNCOMPRESSED:
            self._journal.begin(instance.SOPInstanceUID)
        self._begun.append(begun)
        self._submit_frames(pool, begun)

    def _submit_frames(self, pool: ThreadPoolExecutor, begun: _Begun) -> None:
        try:
            for number, frame in enumerate(begun.stored.frames(), 1):
                self._way.give()
                self._slots.acquire()
                task = pool.submit(self._keep_frame, begun, number, frame)
                task.add_done_callback(lambda _: self._slots.release())
                begun.frames.append(task)
                self._tick()
        except ShelfNotWritable:
            raise
        except (
            Exception
        ) as error:  # wrapping that is not what it says: no further frame can be found
            begun.reason = f"Its frames are not wrapped as they should be ({type(error).__name__})."

    def _keep_frame(self, begun: _Begun, number: int, frame: bytes) -> _Kept:
        """In an encoder's thread: encode, prove, write."""
        made = prepared(begun.layout, frame, htj2k=begun.htj2k)
        if isinstance(made, Unreadable):
            return _Kept(0, reason=made.reason, not_held=made.not_held)
        path = self._frame(begun.instance.SOPInstanceUID, number)
        write_whole(path, frame_body(made.syntax, made.data))
        if made.bare:
            write_whole(bare(path), frame_body(made.syntax, made.bare))
        return _Kept(len(made.data), made.resolution_bytes, made.remarks)

    def _finish(self, *, ready: bool = False) -> None:
        """Note the instances whose frames are made, in order; with `ready` without waiting."""
        while self._begun:
            if ready and not all(one.done() for one in self._begun[0].frames):
                return
            self._note(self._made(self._begun[0]))
            self._begun.popleft()

    def _made(self, begun: _Begun) -> PreparedInstance:
        kept = [one.result() for one in begun.frames]
        if begun.htj2k and any(one.not_held for one in kept):
            kept, begun.htj2k = self._anew(begun), False
        layout, missing = begun.layout, begun.layout.NumberOfFrames - len(kept)
        ended = begun.reason or "It ends early: not all of its frames are there."
        kept += [_Kept(0, reason=ended)] * missing
        self.encoded += sum(1 for one in kept if one.size)
        listed = _listed(begun.instance, begun.stored.SOPClassUID, layout.TransferSyntaxUID)
        ladder = tuple(one.resolutions for one in kept)
        remarks = tuple(one.remarks for one in kept)
        return replace(
            listed,
            NumberOfFrames=layout.NumberOfFrames,
            Rows=layout.Rows,
            Columns=layout.Columns,
            SamplesPerPixel=layout.SamplesPerPixel,
            BitsAllocated=layout.BitsAllocated,
            BitsStored=layout.BitsStored,
            PixelRepresentation=layout.PixelRepresentation,
            PhotometricInterpretation=layout.PhotometricInterpretation,
            PlanarConfiguration=layout.PlanarConfiguration,
            frame_syntax=HTJ2K_RPCL if begun.htj2k else kept_syntax(layout),
            frame_bytes=tuple(one.size for one in kept),
            resolution_bytes=ladder if any(ladder) else (),
            remarks=remarks if any(remarks) else (),
            problem=next((one.reason for one in kept if one.reason), ""),
        )

    def _anew(self, begun: _Begun) -> list[_Kept]:
        """All frames of an instance as they are stored, because HTJ2K did not hold one of them."""
        with fetch(self._archive, begun.instance, self._folder) as file:
            frames = enumerate(read_stored(file).frames(), 1)
            plain = replace(begun, htj2k=False)
            return [self._keep_frame(plain, number, frame) for number, frame in frames]

    def _give_up(self, instance: Instance, reason: str, *, even_as_stored: bool = False) -> None:
        """List the instance with all its frames as unreadable; `even_as_stored`, so that they are not
        passed through from the archive either."""
        dataset = self._told.result().get(instance.SOPInstanceUID, {})
        number = metadata.numbers_of(dataset, "00280008")
        frames = int(number[0]) if number else 1
        unread = (0,) * max(1, min(frames, MOST_FRAMES))
        sop_class, syntax = (metadata.text_of(dataset, tag) for tag in ("00080016", "00083002"))
        self._note(
            replace(
                _listed(instance, sop_class, syntax),
                problem=reason,
                NumberOfFrames=len(unread),
                frame_syntax=EXPLICIT_LITTLE if even_as_stored else "",
                frame_bytes=unread,
            )
        )

    def _note(self, one: PreparedInstance) -> None:
        self._done[one.SOPInstanceUID] = one
        self._journal.finish(one)
        self._tick()

    def _tick(self) -> None:
        self._progress(len(self._done), self._total)


def _listed(instance: Instance, SOPClassUID: str, TransferSyntaxUID: str) -> PreparedInstance:
    return PreparedInstance(
        SOPInstanceUID=instance.SOPInstanceUID,
        SOPClassUID=SOPClassUID,
        orthanc_id=instance.orthanc_id,
        TransferSyntaxUID=TransferSyntaxUID,
    )
