"""Whether a picture may show who the patient is, and whether an object is a document. Pure.

Nobody here reads the pixels. A picture is shown where its kind is made by a scanner that writes nothing
into it; every other kind only where its maker says that nothing is burned in (0028,0301).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

Texts = tuple[str, ...]

_IMAGE: Final = "1.2.840.10008.5.1.4.1.1."
# PS3.4 B.5: cross-sections and what is computed from them.
_SAFE_CLASSES: Final = frozenset(
    _IMAGE + rest
    for rest in (
        *("2", "2.1", "2.2", "4", "4.1", "4.3", "4.4"),  # CT and MR, enhanced, converted
        *("20", "128", "128.1", "130"),  # NM and PET
        *("30", "66.4", "66.5", "66.7", "481.2", "77.1.6"),  # maps, SEG, dose, slide microscopy
    )
)
# Without pixels: reports, presentation states, registrations, structure sets, plans, meshes.
_WITHOUT_PIXELS: Final = tuple(
    _IMAGE + rest for rest in ("88.", "11.", "66.1", "66.2", "66.3", "66.6", "481.3", "481.5", "9.")
)
_DOCUMENTS: Final = _IMAGE + "104."  # PDF, CDA, STL, OBJ, MTL
_OPAQUE: Final = frozenset({_IMAGE + "66", "1.2.840.10008.5.1.4.1.1.9.4.1"})  # raw data, a voice
# PS3.3 C.7.3.1.1.1: ultrasound, endoscopes, cameras, projections, films, captures.
_RISKY_MODALITIES: Final = frozenset(
    ("US", "IVUS", "ES", "XC", "GM", "DMS", "OP", "OT", "SC", "DOC", "HC", "VF", "XA", "RF", "CR")
) | {"DX", "IO", "PX", "MG"}
# Values of Image Type (0008,0008) with which scanners mark pages of text and pictures of labels.
_PAGES: Final = frozenset(
    {"SCREEN SAVE", "SCREEN_SAVE", "DOSE", "DOSE_INFO", "DOSE REPORT", "REPORT", "PROT", "PROTOCOL"}
    | {"PASTED", "LABEL", "OVERVIEW", "PATIENT PROTOCOL", "SUMMARY", "RESULT TABLE"}
)

ANNOTATED: Final = "The pixels of this image bear burned-in annotation; they are not shown."
RECOGNISABLE: Final = "The pixels of this image show recognisable features; they are not shown."
LABELLED: Final = "This image shows a label or a page of text; its pixels are not shown."
NOT_CLEARED: Final = (
    "Images of this kind often bear burned-in names, and this one does not say that it is free of "
    "them; its pixels are not shown."
)


@dataclass(frozen=True)
class Facts:
    """What is known of an instance (or of a series: then only its modality)."""

    SOPClassUID: str
    Modality: str
    ImageType: Texts
    BurnedInAnnotation: str
    RecognizableVisualFeatures: str
    SpecimenLabelInImage: str
    ConversionType: str
    SamplesPerPixel: str


Reader = Callable[[int], Texts]


def facts(values_of: Reader) -> Facts:
    """Facts by a function that gives the texts of an attribute by its tag."""

    def one(tag: int) -> str:
        return next(iter(values_of(tag)), "").strip().upper()

    return Facts(
        SOPClassUID=next(iter(values_of(0x00080016)), "").strip(),
        Modality=one(0x00080060),
        ImageType=tuple(text.strip().upper() for text in values_of(0x00080008)),
        BurnedInAnnotation=one(0x00280301),
        RecognizableVisualFeatures=one(0x00280302),
        SpecimenLabelInImage=one(0x00480010),
        ConversionType=one(0x00080064),
        SamplesPerPixel=one(0x00280002),
    )


def facts_of(dataset: Dataset) -> Facts:
    """Facts of a dataset as pydicom read it from a file. Its elements stay as they were read."""

    def texts(tag: int) -> Texts:
        element = dataset.get_item(tag)
        value = element.value if element is not None else None
        if not isinstance(value, bytes):
            return ()
        if tag == 0x00280002:  # one number below 256, in either byte order
            return (str(max(value, default="")),)
        return tuple(value.decode("ascii", errors="replace").replace("\0", " ").split("\\"))

    return facts(texts)


def is_withheld(known: Facts) -> bool:
    """Whether the whole object stays behind: a document, raw data, a voice. An opinion's PDF too:
    it cannot be told with certainty from one that a hospital sent."""
    if known.SOPClassUID in _OPAQUE or known.SOPClassUID.startswith(_DOCUMENTS):
        return True
    return known.Modality == "DOC" and not known.SOPClassUID


def why_withheld(known: Facts) -> str:
    """Why the pixels may not be shown, in a sentence; "" when they may, or when there are none."""
    if known.BurnedInAnnotation == "YES":
        return ANNOTATED
    if known.RecognizableVisualFeatures == "YES":
        return RECOGNISABLE
    if known.SpecimenLabelInImage == "YES" or not _PAGES.isdisjoint(known.ImageType):
        return LABELLED
    if known.BurnedInAnnotation == "NO" or known.SOPClassUID.startswith(_WITHOUT_PIXELS):
        return ""
    by_scanner = (
        known.SOPClassUID in _SAFE_CLASSES
        and known.Modality not in _RISKY_MODALITIES
        and not known.ConversionType
        and (known.SamplesPerPixel in ("", "1") or known.Modality == "SM")
    )
    return "" if by_scanner else NOT_CLEARED


def why_table() -> dict[str, list[str]]:
    """The table behind `why_withheld`, for a reader in another language."""
    return {
        "safe_classes": sorted(_SAFE_CLASSES),
        "without_pixels": list(_WITHOUT_PIXELS),
        "risky_modalities": sorted(_RISKY_MODALITIES),
        "pages": sorted(_PAGES),
        "documents": [_DOCUMENTS, *sorted(_OPAQUE)],
    }
