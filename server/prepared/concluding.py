"""The last steps of preparing a series: metadata, thumbnail, and the manifest that vouches for it all."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path

from server.archive import Series
from server.dicom.transfer_syntaxes import EXPLICIT_LITTLE, NOT_FOR_THE_WEB, UNCOMPRESSED
from server.prepared import metadata
from server.prepared.codec import Layout, Unreadable, decoded
from server.prepared.manifest import Manifest, PreparedInstance
from server.prepared.metadata import JsonDataset
from server.prepared.shelf import (
    CLOSING,
    FRAMES,
    MANIFEST,
    PLAIN,
    THUMBNAIL,
    UNFINISHED,
    digest,
)
from server.prepared.thumbnails import thumbnail
from server.prepared.writing import DRAFT, ShelfNotWritable, sync_to_disk, write_whole


def conclude(
    folder: Path,
    StudyInstanceUID: str,
    series: Series,
    datasets: dict[str, JsonDataset],
    instances: list[PreparedInstance],
) -> Manifest:
    """Write what belongs to the whole series. Raises ShelfNotWritable."""
    ordered = sorted(instances, key=lambda one: metadata.place(datasets[one.SOPInstanceUID]))
    texts = [
        metadata.written(
            metadata.with_syntaxes(datasets[one.SOPInstanceUID], available_syntaxes(one))
        )
        for one in ordered
    ]
    _forget_views(folder)
    write_whole(
        folder / f"metadata.{PLAIN}.json.gz", lambda file: metadata.write_array(file, texts)
    )
    _write_thumbnail(folder, ordered, datasets)
    forget_strangers(folder, {one.SOPInstanceUID for one in ordered})
    manifest = Manifest(
        StudyInstanceUID=StudyInstanceUID,
        SeriesInstanceUID=series.SeriesInstanceUID,
        orthanc_id=series.orthanc_id,
        instance_count=len(ordered),
        last_update=series.last_update.isoformat() if series.last_update else "",
        attributes=metadata.without_bulk(datasets[ordered[0].SOPInstanceUID]) if ordered else {},
        has_bulk=any(map(metadata.has_bulk, texts)),
        instances=tuple(ordered),
        opened_with=metadata.opened_with(
            [datasets[one.SOPInstanceUID] for one in ordered if any(one.frame_bytes)]
        ),
    )
    sync_to_disk(folder)
    # A manifest that a power cut leaves empty is none: the series is prepared again.
    write_whole(folder / MANIFEST, metadata.written(manifest.written()))
    try:
        (folder / UNFINISHED).unlink(missing_ok=True)
    except OSError as reason:
        raise ShelfNotWritable(reason) from reason
    return manifest


def available_syntaxes(one: PreparedInstance) -> list[str]:
    """In which transfer syntaxes an instance is sure to be had (PS3.18 10.6.3.3.3), the one that its
    frames are given in first. Further ones are made where a client names them."""
    kept = (one.frame_syntax if any(one.frame_bytes) else "", one.TransferSyntaxUID)
    found = list(dict.fromkeys(uid for uid in kept if uid and uid not in NOT_FOR_THE_WEB))
    has_whole_bytes = one.BitsAllocated % 8 == 0 or one.TransferSyntaxUID in UNCOMPRESSED
    is_readable = bool(one.TransferSyntaxUID) and not one.problem and all(one.frame_bytes)
    if is_readable and has_whole_bytes and EXPLICIT_LITTLE not in found:
        found.append(EXPLICIT_LITTLE)
    return found


def middle(
    instances: list[PreparedInstance] | tuple[PreparedInstance, ...],
) -> tuple[PreparedInstance, int] | None:
    """The readable frame nearest to the middle of a series: its instance and number (from 1)."""
    readable = [
        (one, number) for one in instances for number, size in enumerate(one.frame_bytes, 1) if size
    ]
    return readable[len(readable) // 2] if readable else None


def read_frame(path: Path) -> bytes:
    """The frame within a frame's file. Raises OSError, ValueError."""
    _head, separator, rest = path.read_bytes().partition(b"\r\n\r\n")
    if not separator or not rest.endswith(CLOSING):
        raise ValueError("this is not a frame's file")
    return rest[: -len(CLOSING)]


def layout_of(one: PreparedInstance) -> Layout:
    """What the prepared frames of an instance are, for decoding them."""
    return Layout(
        TransferSyntaxUID=one.frame_syntax,
        Rows=one.Rows,
        Columns=one.Columns,
        NumberOfFrames=one.NumberOfFrames,
        SamplesPerPixel=one.SamplesPerPixel,
        BitsAllocated=one.BitsAllocated,
        BitsStored=one.BitsStored,
        PixelRepresentation=one.PixelRepresentation,
        PhotometricInterpretation=one.PhotometricInterpretation,
        PlanarConfiguration=one.PlanarConfiguration,
    )


def _write_thumbnail(
    folder: Path, ordered: list[PreparedInstance], datasets: dict[str, JsonDataset]
) -> None:
    """A small picture where one can be made; a series without one is no worse."""
    found = middle(ordered)
    picture = None
    is_drawn = found is not None and found[0].SamplesPerPixel in (1, 3)
    if found is not None and is_drawn and found[0].BitsAllocated <= 16:
        one, number = found
        with contextlib.suppress(OSError, ValueError):
            frame = read_frame(folder / FRAMES / f"{digest(one.SOPInstanceUID)}.{number}")
            pixels = decoded(layout_of(one), frame)
            if not isinstance(pixels, Unreadable):
                picture = thumbnail(pixels, layout_of(one), datasets[one.SOPInstanceUID])
    if picture is None:
        (folder / THUMBNAIL).unlink(missing_ok=True)
    else:
        write_whole(folder / THUMBNAIL, picture)


def _forget_views(folder: Path) -> None:
    """Metadata that were made for other views of the series as it was."""
    for path in folder.glob("metadata.*.json.gz"):
        path.unlink(missing_ok=True)


def forget_strangers(folder: Path, SOPInstanceUIDs: Collection[str]) -> None:
    """Frames of all other instances, and drafts of whoever died."""
    known = {digest(uid) for uid in SOPInstanceUIDs}
    for path in (folder / FRAMES).iterdir():
        if path.name.partition(".")[0] not in known or path.name.startswith(DRAFT):
            path.unlink(missing_ok=True)
    for path in folder.glob(f"{DRAFT}*"):
        path.unlink(missing_ok=True)
