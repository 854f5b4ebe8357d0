"""Making what is prepared of one series: from the archive's files to a folder on the shelf.

One thread fetches and reads, two encode and write (the codec lets go of the interpreter), and never more
than a few frames are in memory. A frame's file appears only after its content was proven. The manifest
comes last, after everything has reached the disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import BoundedSemaphore
from typing import BinaryIO

from server.archive import Archive, ArchiveFailed, Instance, NotInArchive, Series
from server.dicom.transfer_syntaxes import EXPLICIT_LITTLE, UNCOMPRESSED
from server.foundation.errors import MarginError
from server.prepared import metadata
from server.prepared.begun import BegunInstance, KeptFrame, entry, listed
from server.prepared.codec import Unreadable, fits_htj2k, prepared
from server.prepared.concluding import conclude, forget_strangers
from server.prepared.describing import described
from server.prepared.fetching import fetch, fetched_ahead
from server.prepared.finding import SeriesChanging, SeriesGone
from server.prepared.journal import ALONE_AFTER, GIVEN_UP_AFTER, Journal
from server.prepared.manifest import REMARKS, Manifest, PreparedInstance
from server.prepared.metadata import JsonDataset
from server.prepared.shelf import FRAMES, bare, digest, frame_body
from server.prepared.soundness import NotAsReceived, check_sound
from server.prepared.stored import MOST_FRAMES, NoFrames, read_stored
from server.prepared.way import Way
from server.prepared.writing import ShelfNotWritable, make_folder, write_whole

ENCODERS = 2
FRAMES_IN_FLIGHT = 6
REFUSALS_ENDURED = 3

Progress = Callable[[int, int], None]


class Making:
    """One series being prepared into its folder. `encoded` counts the frames that were made anew."""

    def __init__(
        self,
        archive: Archive,
        study: str,
        series: Series,
        folder: Path,
        way: Way,
        progress: Progress,
        *,
        compares_files: bool,
    ) -> None:
        self._archive = archive
        self._study = study
        self._series = series
        self._folder = folder
        self._way = way
        self._progress = progress
        self._compares_files = compares_files
        self._slots = BoundedSemaphore(FRAMES_IN_FLIGHT)
        self._done: dict[str, PreparedInstance] = {}
        self._begun: deque[BegunInstance] = deque()
        self._total = 0
        self.encoded = 0

    def do(self, instances: tuple[Instance, ...], known: Manifest | None) -> Manifest:
        """All of it; raises as Preparer.prepare."""
        make_folder(self._folder / FRAMES)
        self._total = len(instances)
        # Its metadata are what whoever opened this series is waiting for at the archive.
        self._way.give()
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
        """Frames that an earlier attempt made, or that were made before the series changed.

        Only of the very files that the archive holds now. All others are taken away at once: who asks
        for them must not be given what was.
        """
        earlier = [*self._journal.done.values(), *(known.instances if known is not None else ())]
        now = {one.SOPInstanceUID: one for one in instances}
        for one in earlier:
            held = now.get(one.SOPInstanceUID)
            is_same = held is not None and one.is_of(held.orthanc_id, held.file_uuid)
            if is_same and self._frames_are_there(one):
                self._done[one.SOPInstanceUID] = one
        forget_strangers(self._folder, self._done)

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
        if self._compares_files:
            check_sound(self._archive, instance, file)
        stored = read_stored(file)
        if stored.layout is None:
            syntax = str(stored.header.file_meta.TransferSyntaxUID)
            self._note(listed(instance, stored.SOPClassUID, syntax))
            return
        begun = BegunInstance(instance, stored, stored.layout, fits_htj2k(stored.layout))
        if begun.layout.TransferSyntaxUID not in UNCOMPRESSED:
            self._journal.begin(instance.SOPInstanceUID)
        self._begun.append(begun)
        self._submit_frames(pool, begun)

    def _submit_frames(self, pool: ThreadPoolExecutor, begun: BegunInstance) -> None:
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

    def _keep_frame(self, begun: BegunInstance, number: int, frame: bytes) -> KeptFrame:
        """In an encoder's thread: encode, prove, write."""
        made = prepared(begun.layout, frame, htj2k=begun.htj2k)
        if isinstance(made, Unreadable):
            return KeptFrame(0, reason=made.reason, not_held=made.not_held)
        path = self._frame(begun.instance.SOPInstanceUID, number)
        write_whole(path, frame_body(made.syntax, made.data))
        if made.bare:
            write_whole(bare(path), frame_body(made.syntax, made.bare))
        return KeptFrame(len(made.data), made.resolution_bytes, made.remarks)

    def _finish(self, *, ready: bool = False) -> None:
        """Note the instances whose frames are made, in order; with `ready` without waiting."""
        while self._begun:
            if ready and not all(one.done() for one in self._begun[0].frames):
                return
            self._note(self._made(self._begun[0]))
            self._begun.popleft()

    def _made(self, begun: BegunInstance) -> PreparedInstance:
        kept = [one.result() for one in begun.frames]
        if begun.htj2k and any(one.not_held for one in kept):
            kept, begun.htj2k = self._anew(begun), False
        self.encoded += sum(1 for one in kept if one.size)
        return entry(begun, kept)

    def _anew(self, begun: BegunInstance) -> list[KeptFrame]:
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
                listed(instance, sop_class, syntax),
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
