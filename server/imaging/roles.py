"""What a series is for: to be judged by, to find the way, or no medical image at all. Pure.

Modality and description are what a person typed; class, image type and shape are what a machine
wrote. The machine is believed first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.imaging.headers import Header
from server.imaging.spacing import Spacing


class Role(StrEnum):
    """What a series is."""

    DIAGNOSTIC = "diagnostic"
    PET = "pet"
    LOCALISER = "localiser"
    BOLUS_TRACKING = "bolus_tracking"
    MPR = "mpr"
    MIP = "mip"
    VOLUME_RENDERING = "volume_rendering"
    SUBTRACTION = "subtraction"
    DERIVED = "derived"
    DOSE_REPORT = "dose_report"
    SECONDARY_CAPTURE = "secondary_capture"
    SCREENSHOT = "screenshot"
    SCANNED_FILM = "scanned_film"
    SCANNED_DOCUMENT = "scanned_document"
    PHOTOGRAPH = "photograph"
    DOCUMENT = "document"
    MODEL_3D = "model_3d"
    SEGMENTATION = "segmentation"
    STRUCTURE_SET = "structure_set"
    STRUCTURED_REPORT = "structured_report"
    KEY_OBJECTS = "key_objects"
    PRESENTATION_STATE = "presentation_state"
    ULTRASOUND = "ultrasound"
    PROJECTION = "projection"
    OTHER = "other"

    @property
    def in_words(self) -> str:
        """As a person reads it."""
        return _IN_WORDS.get(self, self.value.replace("_", " "))


_IN_WORDS: Final = {
    Role.LOCALISER: "localiser (scout)",
    Role.PET: "PET",
    Role.MPR: "reformatted (MPR)",
    Role.MIP: "projection (MIP)",
    Role.MODEL_3D: "3-D model",
    Role.SCANNED_FILM: "scanned film",
    Role.PROJECTION: "X-ray projection",
}
# Pictures that are not the images themselves: what a hospital should send as DICOM originals instead.
NOT_ORIGINALS: Final = frozenset(
    {Role.SECONDARY_CAPTURE, Role.SCREENSHOT, Role.SCANNED_FILM, Role.PHOTOGRAPH}
)

_IMAGE: Final = "1.2.840.10008.5.1.4.1.1."
# PS3.4 B.5, the longest match first.
_BY_CLASS: Final = (
    ("66.4", Role.SEGMENTATION),
    ("66.5", Role.SEGMENTATION),
    ("66.7", Role.SEGMENTATION),
    ("88.59", Role.KEY_OBJECTS),
    ("88.67", Role.DOSE_REPORT),  # X-Ray Radiation Dose SR
    ("88.68", Role.DOSE_REPORT),
    ("88.73", Role.DOSE_REPORT),
    ("88.", Role.STRUCTURED_REPORT),
    ("11.", Role.PRESENTATION_STATE),
    ("481.3", Role.STRUCTURE_SET),
    ("104.1", Role.DOCUMENT),
    ("104.2", Role.DOCUMENT),
    ("104.", Role.MODEL_3D),
    ("77.1.4", Role.PHOTOGRAPH),  # VL Photographic
    ("77.1.1", Role.PHOTOGRAPH),  # VL Endoscopic
    ("3", Role.ULTRASOUND),
    ("6", Role.ULTRASOUND),
    ("1", Role.PROJECTION),
    ("12", Role.PROJECTION),
    ("13", Role.PROJECTION),
)
_CAPTURE: Final = _IMAGE + "7"
_PET: Final = (f"{_IMAGE}128", f"{_IMAGE}130")
CT_CLASSES: Final = tuple(_IMAGE + rest for rest in ("2", "2.1", "2.2"))
MR_CLASSES: Final = tuple(_IMAGE + rest for rest in ("4", "4.1", "4.3", "4.4"))

# PS3.3 C.8.6.1 Conversion Type.
_FILM, _DOCUMENT_SCAN = "DF", "SD"
_CAMERA: Final = frozenset({"DV", "SI", "DRW"})
# PS3.3 C.7.6.1.1.2 and what makers write beside it.
_LOCALISER_TYPES: Final = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW"})
_PAGE_TYPES: Final = frozenset({"SCREEN SAVE", "SCREEN_SAVE", "SCREENSHOT"})
_DOSE_TYPES: Final = frozenset(
    {"DOSE", "DOSE_INFO", "DOSE REPORT", "PATIENT PROTOCOL", "REPORT", "PROT", "PROTOCOL"}
)
_MIP_TYPES: Final = frozenset(
    {"MIP", "MINIP", "MIN IP", "MNIP", "PROJECTION IMAGE", "AIP", "MAX_IP"}
)
_MPR_TYPES: Final = frozenset({"MPR", "REFORMATTED", "CPR", "MPR_THICK", "CURVED_MPR"})
_VR_TYPES: Final = frozenset({"VR", "VRT", "VOLREN", "SSD", "3D", "VOLUME RENDERING", "RENDERED"})
_SUBTRACTION_TYPES: Final = frozenset({"SUB", "SUBTRACT", "SUBTRACTION"})
# Pictures that dual-energy CT computes of one material (PS3.3 C.8.15.3.10 and makers' own names): a virtual
# native is no native phase, and an iodine map none of the phase at which it was made.
_MATERIAL_TYPES: Final = frozenset(
    {"VNC", "VNCA", "IODINE", "IODINE_MAP", "MAT_SPECIFIC", "MAT_REMOVED", "MAT_FRACTIONAL"}
    | {"EFF_ATOMIC_NUM", "ELECTRON_DENSITY", "VUE", "WATER", "RHO_Z"}
)

_WORDS: Final = (
    (
        Role.LOCALISER,
        r"scout|topogra|locali[sz]|surview|\bsurvey\b|scanogram|pilot|planung|plan scan|\bloc\b"
        r"|3[ -]?pl(ane)?\b|calibrat|kalibri|\basset cal|\bref(erence)? scan\b|rep[eé]rage|定位|位置決",
    ),
    (
        Role.DOSE_REPORT,
        r"dose (report|info|summary)|dosis|patient protocol|patientenprotokoll|剂量",
    ),
    (
        Role.BOLUS_TRACKING,
        r"bolus ?(track|trigger|time)|test ?bolus|pre ?monitor|monitoring|smart ?prep"
        r"|sure ?start|\btracker\b|\btrigger(ing)?\b|care ?bolus",
    ),
    (Role.SCREENSHOT, r"screen ?(save|shot|capture)|bildschirm|截屏"),
    (Role.VOLUME_RENDERING, r"\b(vr|vrt|volume render\w*|3d ?vr|ssd)\b|三维重建"),
    (Role.MIP, r"\b(mip|minip|thin ?mip)\b|最大密度"),
    (Role.MPR, r"\b(mpr|cpr|reformat\w*|recon ?(cor|sag)\w*)\b|多平面"),
    (Role.SUBTRACTION, r"\b(sub(tr|traction|traktion)?)\b|减影"),
    (
        Role.DERIVED,
        r"\bvnc(a)?\b|virtual(ly)?[ -]?(non|nativ|unenh)|virtuell\w* nativ|virtual sin contraste"
        r"|(iodine|jod)[ -]?(map|overlay|karte|bild|density|\(water)|mapa de [iy]odo"
        r"|\b(z ?eff(ective)?|effective z|electron density)\b|碘图|虚拟平扫",
    ),
)
_SPOKEN: Final = tuple((role, re.compile(words, re.IGNORECASE)) for role, words in _WORDS)
_TRACKING_MOST_PLACES: Final = 2  # a bolus is watched at one level, seldom two
_LOCALISER_MOST_IMAGES: Final = 60
_SCOUTS_MOST_IMAGES: Final = 6  # of CT: one or two projections, seldom repeated
_BITS_OF_GREY: Final = 8  # of a picture on a screen
_CT_FEWEST_BITS: Final = 12  # PS3.3 C.8.2.1.1.4: CT pixels have 12 to 16 bits stored


@dataclass(frozen=True)
class RoleReading:
    """The role of a series and why, as a sentence."""

    role: Role
    evidence: str


def role_of(headers: Sequence[Header], spacing: Spacing) -> RoleReading:
    """The role of one series by all its images. Raises ValueError without any."""
    if not headers:
        raise ValueError("a series without images has no role")
    first = _typical(headers)
    for rule in (_by_class, _by_conversion, _by_type, _by_shape, _by_words):
        found = rule(first, headers, spacing)
        if found is not None:
            return found
    return _of_modality(first)


def _typical(headers: Sequence[Header]) -> Header:
    """An image of the commonest image type: a first page of text does not decide for the rest."""
    kinds = Counter(one.texts("ImageType") for one in headers)
    usual = kinds.most_common(1)[0][0]
    return next(one for one in headers if one.texts("ImageType") == usual)


def _by_class(first: Header, headers: Sequence[Header], spacing: Spacing) -> RoleReading | None:
    uid = first.text("SOPClassUID")
    if uid in _PET:
        made = _by_type(first, headers, spacing)
        if made is not None and made.role in (Role.MIP, Role.MPR, Role.VOLUME_RENDERING):
            return made
        return RoleReading(Role.PET, "It is a PET image by its SOP class.")
    rest = uid.removeprefix(_IMAGE)
    if rest == uid:
        return None
    for start, role in _BY_CLASS:
        matches = rest.startswith(start) if "." in start else rest.split(".")[0] == start
        if matches:
            return RoleReading(role, f"Its SOP class is that of a {role.in_words}.")
    return None


def _types(first: Header) -> frozenset[str]:
    said = (*first.texts("ImageType"), *first.texts("FrameType"))
    return frozenset(text.strip().upper() for text in said)


def _by_conversion(
    first: Header, headers: Sequence[Header], _spacing: Spacing
) -> RoleReading | None:
    conversion, modality = first.flag("ConversionType"), first.flag("Modality")
    uid = first.text("SOPClassUID")
    is_capture = uid == _CAPTURE or uid.startswith(f"{_CAPTURE}.")
    if not (conversion or is_capture or modality in ("SC", "OT", "XC", "DOC", "FID", "HC")):
        return None
    if conversion == _FILM or modality == "FID":
        return RoleReading(Role.SCANNED_FILM, "ConversionType says that it is a digitised film.")
    if conversion == _DOCUMENT_SCAN or modality == "DOC":
        return RoleReading(Role.SCANNED_DOCUMENT, "ConversionType says that it is a scanned page.")
    spoken = _spoken(headers)
    if (spoken is not None and spoken.role is Role.DOSE_REPORT) or not _DOSE_TYPES.isdisjoint(
        _types(first)
    ):
        return RoleReading(Role.DOSE_REPORT, "It is a captured page about the dose.")
    if conversion in _CAMERA or modality == "XC":
        said = f"ConversionType is {conversion}" if conversion else "its modality is XC"
        return RoleReading(Role.PHOTOGRAPH, f"It was taken by a camera or scanner: {said}.")
    if spoken is not None and spoken.role in (Role.SCREENSHOT, Role.MIP, Role.VOLUME_RENDERING):
        return RoleReading(spoken.role, f"It is a captured picture. {spoken.evidence}")
    if not _PAGE_TYPES.isdisjoint(_types(first)):
        return RoleReading(Role.SCREENSHOT, "ImageType says that it is a screen save.")
    if "MONOCHROME" not in first.flag("PhotometricInterpretation"):
        return RoleReading(Role.SCREENSHOT, "It is a captured picture in colour.")
    return RoleReading(
        Role.SECONDARY_CAPTURE, "It is a secondary capture: a picture of images, not the images."
    )


def _by_type(first: Header, _headers: Sequence[Header], spacing: Spacing) -> RoleReading | None:
    types = _types(first)
    is_ct = first.text("SOPClassUID") in CT_CLASSES or first.flag("Modality") == "CT"
    for role, names in (
        (Role.LOCALISER, _LOCALISER_TYPES),
        (Role.SCREENSHOT, _PAGE_TYPES),
        (Role.DOSE_REPORT, _DOSE_TYPES if is_ct else frozenset({"DOSE_INFO", "DOSE REPORT"})),
        (Role.VOLUME_RENDERING, _VR_TYPES - ({"3D"} if not is_ct else set())),
        (Role.MIP, _MIP_TYPES),
        (Role.SUBTRACTION, _SUBTRACTION_TYPES),
        (Role.DERIVED, _MATERIAL_TYPES if is_ct else frozenset()),
        (Role.MPR, _MPR_TYPES),
    ):
        common = types & names
        if common:
            return RoleReading(role, f"ImageType says {min(common)}.")
    return None


def _by_shape(first: Header, headers: Sequence[Header], spacing: Spacing) -> RoleReading | None:
    is_ct = first.text("SOPClassUID") in CT_CLASSES
    if is_ct and (first.number("SamplesPerPixel") or 1) > 1:
        return RoleReading(Role.SCREENSHOT, "It calls itself CT and is a picture in colour.")
    bits = first.number("BitsStored")
    is_converted = bits is not None and (
        bits <= _BITS_OF_GREY or (bits < _CT_FEWEST_BITS and first.number("BitsAllocated") == 8)
    )
    if is_ct and is_converted:
        return RoleReading(
            Role.SECONDARY_CAPTURE,
            f"It calls itself CT and has {bits:.0f} bits of grey: a converted picture, no attenuation.",
        )
    placed = len(headers) - spacing.unplaced
    if is_ct and spacing.positions <= _TRACKING_MOST_PLACES and placed >= 5:
        return RoleReading(
            Role.BOLUS_TRACKING,
            f"{placed} images show {spacing.positions} places: the bolus was watched.",
        )
    most = _SCOUTS_MOST_IMAGES if is_ct else _LOCALISER_MOST_IMAGES
    mixed = spacing.askew >= 2 and len(headers) <= most
    if mixed and spacing.askew >= len(headers) / 4:
        return RoleReading(Role.LOCALISER, "A few images in several directions.")
    if is_ct and spacing.normal is not None and not spacing.is_axial and len(headers) > 1:
        return RoleReading(Role.MPR, "CT slices that do not lie across the body are reformatted.")
    return None


def _by_words(first: Header, headers: Sequence[Header], _spacing: Spacing) -> RoleReading | None:
    found = _spoken(headers)
    if found is not None and found.role is Role.DERIVED:
        return found if first.text("SOPClassUID") in CT_CLASSES else None
    if found is None or found.role is not Role.SUBTRACTION:
        return found
    # Siemens and others call a native MR that will be subtracted from "pre sub": only a series that
    # is derived as well is one.
    return found if "DERIVED" in _types(first) else None


def _spoken(headers: Sequence[Header]) -> RoleReading | None:
    first = headers[0]
    for text in (first.text("SeriesDescription"), " ".join(first.guessed("SeriesDescription"))):
        for role, pattern in _SPOKEN:
            if found := pattern.search(text):
                return RoleReading(role, f"Its description says “{found.group(0)}”.")
    return None


def _of_modality(first: Header) -> RoleReading:
    modality = first.flag("Modality")
    if modality in ("CT", "MR") or first.text("SOPClassUID") in (*CT_CLASSES, *MR_CLASSES):
        name = modality if modality in ("CT", "MR") else "CT or MR"
        if not first.text("Rows"):
            return RoleReading(Role.OTHER, f"It calls itself {name} and has no pixels.")
        types = _types(first)
        if "DERIVED" in types and "SECONDARY" in types:
            return RoleReading(Role.DIAGNOSTIC, f"{name} slices, marked as derived.")
        return RoleReading(Role.DIAGNOSTIC, f"{name} slices as a scanner makes them.")
    known = {
        "PT": Role.PET,
        "US": Role.ULTRASOUND,
        "SR": Role.STRUCTURED_REPORT,
        "KO": Role.KEY_OBJECTS,
        "PR": Role.PRESENTATION_STATE,
        "SEG": Role.SEGMENTATION,
        "RTSTRUCT": Role.STRUCTURE_SET,
        "CR": Role.PROJECTION,
        "DX": Role.PROJECTION,
        "XA": Role.PROJECTION,
        "RF": Role.PROJECTION,
    }
    role = known.get(modality, Role.OTHER)
    return RoleReading(role, f"Its modality is {modality or 'not given'}.")
