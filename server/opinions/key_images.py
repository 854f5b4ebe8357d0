"""The images on which the recorded values were seen, chosen and captioned for the opinion. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from server.annotations.evidence import EVIDENCE, evidence_words
from server.annotations.fields import Field, answer_at, is_answered

MOST_IMAGES: Final = 6  # two rows of three on one page
_DRAWN: Final = {"length": "line", "angle": "angle", "bidirectional": "cross"}


@dataclass(frozen=True)
class KeyImage:
    """One image of the opinion, named by what was seen on it.

    `pointer` is the JSON pointer of the value. `window_lower` and `window_upper` are in the values of
    the modality (such as HU); None leaves the choice to the image. `points_mm` are where the
    measurement lies, in mm of the patient's coordinates (PS3.3 C.7.6.2.1.1), and `drawn` says how its
    points are joined: "line", "angle", "cross" or "".
    """

    pointer: str
    shows: str
    series: str
    image_number: int | None
    StudyInstanceUID: str
    SeriesInstanceUID: str
    SOPInstanceUID: str
    frame: int = 1
    figure: str = ""
    window_lower: float | None = None
    window_upper: float | None = None
    drawn: str = ""
    points_mm: tuple[tuple[float, ...], ...] = ()

    @property
    def name(self) -> str:
        """By which the document names the picture: the same for the same picture."""
        return f"{self.SOPInstanceUID}/{self.frame}{self.pointer}"


def key_images(fields: Iterable[Field], answers: Mapping[str, Any]) -> tuple[KeyImage, ...]:
    """Every image that a value still answered was seen on, in the form's order, one for each value.

    A measurement that was deleted since has no image here.
    """
    entries = answers.get(EVIDENCE)
    if not isinstance(entries, dict):
        return ()
    listed = list(fields)
    labels = {field.pointer: field.label for field in listed}
    found = []
    for field in listed:
        entry = entries.get(field.pointer)
        if not isinstance(entry, dict) or entry.get("state") == "unsupported":
            continue
        if is_answered(answer_at(answers, field.path)):
            found.append(_of_entry(field, entry, labels))
    return tuple(found)


def chosen_images(images: Iterable[KeyImage], left_out: Iterable[str]) -> tuple[KeyImage, ...]:
    """Those to print: not the ones left out by their pointer, at most `MOST_IMAGES`."""
    without = set(left_out)
    return tuple([one for one in images if one.pointer not in without][:MOST_IMAGES])


def _of_entry(field: Field, entry: Mapping[str, Any], labels: Mapping[str, str]) -> KeyImage:
    image, window = entry["image"], entry.get("window") or {}
    above = labels.get("/" + "/".join(field.path[:-1]), "")
    shows = ": ".join(part for part in (above, field.label) if part)
    words = evidence_words({**entry, "state": "supported"})
    figure = words.partition(" (")[2].rstrip(")")
    return KeyImage(
        pointer=field.pointer,
        shows=shows,
        series=str(entry.get("series") or ""),
        image_number=entry.get("image_number"),
        StudyInstanceUID=str(image.get("StudyInstanceUID") or ""),
        SeriesInstanceUID=str(image.get("SeriesInstanceUID") or ""),
        SOPInstanceUID=str(image.get("SOPInstanceUID") or ""),
        frame=int(image.get("FrameNumber") or 1),
        figure=figure,
        window_lower=window.get("lower"),
        window_upper=window.get("upper"),
        drawn=_DRAWN.get(str(entry.get("kind")), ""),
        points_mm=tuple(tuple(point) for point in entry.get("points_mm") or ()),
    )
