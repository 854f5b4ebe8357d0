"""What is known of one series: everything that the rules of a protocol ask of it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from typing import Final

from server.dicom import burned_in
from server.imaging import regions
from server.imaging.compression import Compression, compression_of
from server.imaging.headers import IDENTITY, Header, as_dataset
from server.imaging.landmarks import Coverage
from server.imaging.phase import Phase, PhaseConclusion, PhaseReading, conclude, unknown
from server.imaging.phase_header import header_phase
from server.imaging.roles import Role, role_of
from server.imaging.sequences import Kind, b_values_of, denied_kind, holds_in_out, kind_of
from server.imaging.spacing import Spacing, spacing_of
from server.imaging.tracer import Tracer, tracer_of

# A phase can be told from the times of a few images; all of hundreds tell no more.
_READ_FOR_PHASE: Final = 25
_LOOKED_AT: Final = frozenset({Role.DIAGNOSTIC, Role.MPR})
# [GK] Virtual monoenergetic pictures of about 70 keV have the attenuations of 120 kV; iodine has several
# times them at 40 keV, and the phase's table does not hold there.
_ENERGY: Final = re.compile(r"(?<!\d)(\d{2,3}) ?keV\b", re.IGNORECASE)
_LIKE_KVP_KEV: Final = (60, 80)
# [DERIVED] The pixels are measured at about 2 mm (`read_volume`), the aorta is some 20 mm wide. Below 128
# x 128 a body of 400 to 500 mm has pixels of 3 to 4 mm and more: too few in a vessel to believe them.
_LEAST_MATRIX_LOOKED_AT: Final = 128
_ANATOMICAL: Final = frozenset({Kind.T1, Kind.T1_DYNAMIC, Kind.T1_IN_OUT, Kind.T2, Kind.T2_FAT_SAT})
_CORRECTED_WORDS: Final = re.compile(
    r"(?<![a-z])((?P<no>nac|no[nt]?[ _-]?ac|no[nt]?[ _-]?(att|corr)\w*|uncorr\w*)"
    r"|(ct)?ac|corr(ected)?)(?![a-z])",
    re.IGNORECASE,
)
_DATES: Final = ("AcquisitionDateTime", "AcquisitionDate", "SeriesDate", "StudyDate", "ContentDate")
_EARLIEST: Final = date(1980, 1, 1)  # before the first tomographs: a date of nothing


@dataclass(frozen=True)
class Person:
    """Who an image is of: a digest of each attribute, "" where there is none. Enough to compare."""

    PatientID: str
    PatientName: str
    PatientBirthDate: str
    PatientSex: str


@dataclass(frozen=True)
class SeriesFacts:
    """One series.

    `images` counts images and frames. `slice_thickness_mm` is the commonest one said; lengths are in
    mm, `patient_size_m` and `patient_weight_kg` are PatientSize and
    PatientWeight. `regions_said` are parts of the body by the texts. `pixel_phase` and
    `coverage` are None until the pixels were looked at. `announced` is how many images
    the scanner says it made. `kind_denied` is what an MR series is called and cannot be; `b_values`
    are s/mm² as far as they are known; `holds_in_out` says that pictures in and opposed phase lie in
    the series beside others. `uptake_lacks` and `uptake_min` are those of `Tracer`.
    """

    StudyInstanceUID: str
    SeriesInstanceUID: str
    SeriesNumber: str
    description: str
    modality: str
    role: Role
    role_evidence: str
    images: int
    spacing: Spacing
    slice_thickness_mm: float | None
    made_on: date | None
    header_phase: PhaseReading
    pixel_phase: PhaseReading | None = None
    phase_by_person: Phase | None = None
    rows: int = 0
    columns: int = 0
    pixel_spacing_mm: tuple[float, float] | None = None
    kernel: str = ""
    manufacturer: str = ""
    compression: Compression = field(default_factory=lambda: Compression(False))
    burned_in: str = ""
    regions_said: frozenset[str] = frozenset()
    kind: Kind = Kind.UNKNOWN
    kind_evidence: str = ""
    is_attenuation: bool = False
    attenuation_corrected: bool | None = None
    announced: int | None = None
    patient_size_m: float | None = None
    patient_weight_kg: float | None = None
    people: frozenset[Person] = frozenset()
    coverage: Coverage | None = None
    is_derived: bool = False
    kind_denied: Kind = Kind.UNKNOWN
    b_values: tuple[int, ...] = ()
    holds_in_out: bool = False
    uptake_lacks: tuple[str, ...] = ()
    uptake_min: int | None = None

    @property
    def field_of_view_mm(self) -> float | None:
        """The smaller side of the picture."""
        if self.pixel_spacing_mm is None or not self.rows or not self.columns:
            return None
        down, across = self.pixel_spacing_mm
        return min(self.rows * down, self.columns * across)

    @property
    def thickness_mm(self) -> float | None:
        """What one slice stands for along the body: its thickness or, where wider, the spacing."""
        known = [one for one in (self.slice_thickness_mm, self.spacing.spacing_mm) if one]
        return max(known) if known else None

    @property
    def name(self) -> str:
        """How a person finds it again: number and description."""
        number = f"{self.SeriesNumber}: " if self.SeriesNumber else ""
        return f"{number}{self.description or 'no description'}"

    @property
    def can_be_looked_at(self) -> bool:
        """Whether its pixels can tell anything."""
        return self.attenuation_can_be_measured or self.liver_can_be_looked_for

    @property
    def attenuation_can_be_measured(self) -> bool:
        """Whether pixels can tell phase and coverage: axial CT with attenuations."""
        return (
            self.modality == "CT"
            and self.role in _LOOKED_AT
            and self.is_attenuation
            and not _is_far_from_kvp(self.description)
            and self.spacing.is_axial
            and self.spacing.positions >= 3
            and min(self.rows, self.columns) >= _LEAST_MATRIX_LOOKED_AT
        )

    @property
    def liver_can_be_looked_for(self) -> bool:
        """Whether pixels can tell that the liver is cut off: axial MR of the trunk weighted by T1 or T2."""
        return (
            self.modality == "MR"
            and self.role is Role.DIAGNOSTIC
            and self.kind in _ANATOMICAL
            and self.spacing.is_axial
            and self.spacing.positions >= 3
            and min(self.rows, self.columns) >= _LEAST_MATRIX_LOOKED_AT
            and regions.suits(regions.ABDOMEN, self.regions_said, frozenset())
        )

    @property
    def regions_shown(self) -> frozenset[str]:
        """Parts of the body by the pixels."""
        return regions.regions_shown(self.coverage)

    @cached_property
    def phase(self) -> PhaseConclusion:
        """Headers and pixels weighed, or what a person said."""
        return conclude(self.header_phase, self.pixel_phase, self.phase_by_person)


def _is_far_from_kvp(description: str) -> bool:
    said = _ENERGY.search(description)
    return said is not None and not _LIKE_KVP_KEV[0] <= int(said[1]) <= _LIKE_KVP_KEV[1]


def facts_of(headers: Sequence[Header]) -> SeriesFacts:
    """The facts of one series by the headers of all its images, in any order.

    Raises ValueError without any.
    """
    spacing = spacing_of(headers)
    reading = role_of(headers, spacing)
    first = headers[0]
    modality = _modality(first)
    is_mr = modality == "MR"
    kind, kind_evidence = kind_of(headers) if is_mr else (Kind.UNKNOWN, "")
    tracer = tracer_of(headers) if reading.role is Role.PET else Tracer()
    pixel = first.numbers("PixelSpacing", 2)
    return SeriesFacts(
        StudyInstanceUID=first.text("StudyInstanceUID"),
        SeriesInstanceUID=first.text("SeriesInstanceUID"),
        SeriesNumber=first.text("SeriesNumber"),
        description=first.text("SeriesDescription") or first.text("ProtocolName"),
        modality=modality,
        role=reading.role,
        role_evidence=reading.evidence,
        images=len(headers),
        spacing=spacing,
        slice_thickness_mm=_commonest(headers, "SliceThickness"),
        made_on=made_on(headers),
        header_phase=_phase(headers, reading.role, modality),
        rows=int(first.number("Rows") or 0),
        columns=int(first.number("Columns") or 0),
        pixel_spacing_mm=(pixel[0], pixel[1]) if pixel and min(pixel) > 0 else None,
        kernel=" ".join(first.texts("ConvolutionKernel")),
        manufacturer=first.text("Manufacturer"),
        compression=compression_of(headers),
        burned_in=_burned_in(headers),
        regions_said=regions.regions_said(first),
        kind=kind,
        kind_evidence=kind_evidence,
        is_attenuation=_is_attenuation(first),
        attenuation_corrected=_is_corrected(first) if reading.role is Role.PET else None,
        announced=_announced(headers),
        patient_size_m=_largest(headers, "PatientSize"),
        patient_weight_kg=_largest(headers, "PatientWeight"),
        people=people_of(headers),
        is_derived="DERIVED" in first.texts("ImageType"),
        kind_denied=denied_kind(headers) if is_mr and kind is Kind.UNKNOWN else Kind.UNKNOWN,
        b_values=b_values_of(headers) if kind is Kind.DIFFUSION else (),
        holds_in_out=is_mr and holds_in_out(headers),
        uptake_lacks=tracer.lacks,
        uptake_min=tracer.uptake_min,
    )


def people_of(headers: Iterable[Header]) -> frozenset[Person]:
    """Everybody whom these images are said to be of."""
    written = {tuple(one.text(keyword) for keyword in IDENTITY) for one in headers}
    return frozenset(Person(*map(_digest, one)) for one in written)


def _digest(text: str) -> str:
    """Case, spacing and the carets of names make no difference between two people."""
    plain = " ".join(text.replace("^", " ").upper().split())
    return sha256(plain.encode()).hexdigest()[:16] if plain else ""


def _modality(first: Header) -> str:
    """CT, MR or PT by the SOP class where it tells, else as written (PS3.4 B.5)."""
    by_class = {"2": "CT", "4": "MR", "128": "PT", "130": "PT"}
    kind = first.text("SOPClassUID").removeprefix("1.2.840.10008.5.1.4.1.1.").split(".")[0]
    return by_class.get(kind, first.flag("Modality"))


def _phase(headers: Sequence[Header], role: Role, modality: str) -> PhaseReading:
    if (role not in _LOOKED_AT and role is not Role.SUBTRACTION) or modality not in ("CT", "MR"):
        return unknown("No phase is looked for in a series of this kind.")
    step = max(1, len(headers) // _READ_FOR_PHASE)
    read = ("SeriesDescription", "ImageComments", "ProtocolName")
    guessed = {keyword: headers[0].guessed(keyword) for keyword in read}
    return header_phase([as_dataset(one) for one in headers[::step]], guessed)


def _commonest(headers: Sequence[Header], keyword: str) -> float | None:
    numbers = [n for one in headers if (n := one.number(keyword)) is not None and n > 0]
    return Counter(numbers).most_common(1)[0][0] if numbers else None


def _largest(headers: Sequence[Header], keyword: str) -> float | None:
    numbers = [n for one in headers[:1] if (n := one.number(keyword)) is not None and n > 0]
    return max(numbers, default=None)


def made_on(headers: Iterable[Header]) -> date | None:
    """The day on which most images of a series were made, by the acquisition where it is known."""
    days = Counter(day for one in headers if (day := _day(one)) is not None)
    return days.most_common(1)[0][0] if days else None


def _day(header: Header) -> date | None:
    for keyword in _DATES:
        text = header.text(keyword)[:8]
        try:
            found = datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        if found >= _EARLIEST:
            return found
    return None


def _burned_in(headers: Sequence[Header]) -> str:
    """Why the pictures may bear names, "" where their maker writes none into them."""
    kinds = {(one.texts("ImageType"), one.text("BurnedInAnnotation")): one for one in headers}
    for one in kinds.values():
        known = burned_in.facts(_by_tag(one))
        if reason := burned_in.why_withheld(known):
            return reason
    return ""


def _by_tag(header: Header) -> burned_in.Reader:
    names = {
        0x00080016: "SOPClassUID",
        0x00080060: "Modality",
        0x00080008: "ImageType",
        0x00280301: "BurnedInAnnotation",
        0x00280302: "RecognizableVisualFeatures",
        0x00080064: "ConversionType",
        0x00280002: "SamplesPerPixel",
    }
    return lambda tag: header.texts(names.get(tag, ""))


def _is_attenuation(first: Header) -> bool:
    """Whether pixel values are Hounsfield units (PS3.3 C.8.2.1.1.2: CT has them by its intercept)."""
    unit = first.flag("RescaleType")
    has_intercept = first.number("RescaleIntercept") is not None
    return _modality(first) == "CT" and has_intercept and unit in ("", "HU", "HU_MOD")


def _is_corrected(first: Header) -> bool | None:
    """Whether PET is attenuation-corrected (PS3.3 C.8.9.1: then it says ATTN; the enhanced one says YES or
    NO, C.8.22.5); None where nothing tells. Makers write AC and NAC into descriptions."""
    if first.flag("AttenuationCorrected") in ("YES", "NO"):
        return first.flag("AttenuationCorrected") == "YES"
    said = {text.upper() for text in first.texts("CorrectedImage") if text.strip()}
    if said:
        return "ATTN" in said
    spoken = _CORRECTED_WORDS.search(first.text("SeriesDescription"))
    return spoken["no"] is None if spoken else None


def _announced(headers: Sequence[Header]) -> int | None:
    """How many images the scanner says one acquisition has, where all of the series are of one."""
    if len({one.text("AcquisitionNumber") for one in headers}) != 1:
        return None
    said = headers[0].number("ImagesInAcquisition")
    return int(said) if said and said > 1 else None
