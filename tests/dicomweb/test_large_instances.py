"""However large an instance is, a request holds one frame or one piece of it."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from server.archive import Archive
from tests.archive.files import ct_slice, written
from tests.archive.orthanc_process import OrthancProcess, running_orthanc
from tests.dicom.remarked import JPEG_LS, NAME, in_jpeg_ls

SIDE, FRAMES = 512, 300  # 150 MB of native pixels
MB = 1024 * 1024
STUDY, SERIES = "1.2.826.0.1.3680043.8.498.70", "1.2.826.0.1.3680043.8.498.71"
NATIVE, COMPRESSED = f"{SERIES}.1", f"{SERIES}.2"
# What such a process takes for itself, measured idle at about 130 MB, and room for a few frames.
MOST_KB = 230 * 1024


def multi_frame(instance: str, syntax: str) -> Dataset:
    dataset = ct_slice("LARGE", STUDY, SERIES, int(instance.rpartition(".")[2]), UID(syntax))
    dataset.Rows = dataset.Columns = SIDE
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.NumberOfFrames = FRAMES
    return dataset


def frame() -> np.ndarray[tuple[int, int], np.dtype[np.uint16]]:
    noise = np.random.default_rng(7).integers(0, 16_000, (SIDE, SIDE))
    return noise.astype(np.uint16)


class Joined(io.RawIOBase):
    """The head of a file and the same frame again and again, without ever being whole."""

    def __init__(self, head: bytes, piece: bytes, times: int, tail: bytes) -> None:
        self._pieces = iter([head, *[piece] * times, tail])
        self._held = b""
        self.size_bytes = len(head) + len(piece) * times + len(tail)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._held) < size:
            following = next(self._pieces, None)
            if following is None:
                break
            self._held += following
        found, self._held = self._held[:size], self._held[size:]
        return found


def store(archive: Archive, instance: str, syntax: str, one: bytes) -> None:
    """The head is written with one frame, and its lengths are those of all of them."""
    dataset = multi_frame(instance, syntax)
    is_native = syntax == "1.2.840.10008.1.2.1"
    dataset.PixelData = one if is_native else encapsulate([one])
    dataset["PixelData"].VR = "OW" if is_native else "OB"
    dataset["PixelData"].is_undefined_length = not is_native
    data = written(dataset)
    if is_native:
        at = len(data) - len(one)
        head = data[: at - 4] + (len(one) * FRAMES).to_bytes(4, "little")
        file = Joined(head, one, FRAMES, b"")
    else:
        at = data.rindex(one) - 8
        tail = at + 8 + len(one) + len(one) % 2
        file = Joined(data[:at], data[at:tail], FRAMES, data[tail:])
    archive.store_instance(file, size_bytes=file.size_bytes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancProcess]:
    with running_orthanc(tmp_path_factory.mktemp("large-orthanc")) as process:
        archive = process.archive(timeout_s=120)
        store(archive, NATIVE, "1.2.840.10008.1.2.1", frame().tobytes())
        stream = in_jpeg_ls(bytes(imagecodecs.jpegls_encode(frame(), out=2 * MB)))
        store(archive, COMPRESSED, JPEG_LS, stream)
        archive.close()
        yield process


@dataclass
class Served:
    url: str
    process: subprocess.Popen[str]

    def peak_kb(self) -> int:
        """Ends the process and tells how much it ever took."""
        said, _ = self.process.communicate(timeout=60)
        return int(said.strip().splitlines()[-1])


@contextlib.contextmanager
def served(orthanc: OrthancProcess, instance: str) -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.dicomweb.large_served", orthanc.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        path = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{instance}"
        yield Served(f"http://127.0.0.1:{port}{path}", process)
    finally:
        process.kill()
        process.wait(20)


def drained(url: str, accept: str) -> int:
    """How many bytes came; none of them is kept, and none of them is a name."""
    size, tail = 0, b""
    headers = {"Authorization": "Bearer reader", "Accept": accept}
    with httpx.stream("GET", url, headers=headers, timeout=120) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw(MB):
            assert NAME not in tail + piece
            tail = piece[-len(NAME) :]
            size += len(piece)
    return size


@pytest.mark.parametrize("instance", [NATIVE, COMPRESSED])
def test_a_pseudonymised_file_is_never_whole_in_memory(
    orthanc: OrthancProcess, instance: str
) -> None:
    with served(orthanc, instance) as gateway:
        size = drained(gateway.url, "application/dicom; transfer-syntax=*")
        assert size > 120 * MB
        assert gateway.peak_kb() < MOST_KB


def test_many_frames_and_all_pixels_are_never_whole_in_memory(orthanc: OrthancProcess) -> None:
    any_frame = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
    numbers = ",".join(map(str, range(1, FRAMES + 1)))
    with served(orthanc, COMPRESSED) as gateway:
        assert drained(f"{gateway.url}/frames/{numbers}", any_frame) > 120 * MB
        assert drained(f"{gateway.url}/bulk/7fe00010", "*/*") == FRAMES * SIDE * SIDE * 2
        assert gateway.peak_kb() < MOST_KB


def test_a_file_in_another_transfer_syntax_is_never_whole_in_memory(
    orthanc: OrthancProcess,
) -> None:
    with served(orthanc, COMPRESSED) as gateway:
        size = drained(gateway.url, "application/dicom")
        assert size > FRAMES * SIDE * SIDE * 2
        assert gateway.peak_kb() < MOST_KB
