"""One issued opinion as a frozen value: what every form of it (PDF, DICOM, later SR and FHIR) is
made from.

Nothing here knows the database, the web or the clock. An opinion that exists is well formed: the
constructors refuse what no reader could make sense of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal, Protocol

from server.foundation.errors import Invalid
from server.opinions.key_images import KeyImage
from server.opinions.panel_part import PanelPart
from server.opinions.standing import FindingCategory, Precedent, Status, Verification

Language = Literal["en", "zh"]
Paper = Literal["a4", "letter"]
ContactState = Literal["measured", "not_assessed", "not_visible"]
VolumeState = Literal["measured", "refused", "measuring"]

STATUS_LABELS: dict[str, str] = {"preliminary": "Preliminary", "final": "Final"}

# Said in our own words on every opinion; requirements 18, 29, 40 and 41.
LIMITATION = (
    "Imaging has limits: computed tomography and magnetic resonance imaging can miss small "
    "metastases, particularly on the peritoneum and on the surface of the liver, and can show "
    "more or less contact with a vessel than surgery will find. Whether a tumour can be "
    "resected must be judged by a qualified surgeon who looks at current images and knows the "
    "patient; it may be judged differently at another centre or at another time. Margin "
    "arranges the images, the findings and published criteria so that this judgement can be "
    "made and followed. It supports the judgement and does not make it. This opinion is not a "
    "guarantee of any outcome, and the decision about treatment stays with the patient and the "
    "treating team."
)
PRELIMINARY_NOTE = (
    "This opinion was given at a distance, from records and images alone. It is preliminary "
    "until the patient has been assessed in person by the team that would operate."
)

_SHA256 = re.compile(r"[0-9a-f]{64}")


class OpinionMalformed(Invalid):
    """An opinion was built from values that contradict each other."""


class SectionRow(Protocol):
    """One line of a findings section: `note` is empty where there is nothing to add."""

    @property
    def label(self) -> str: ...
    @property
    def value_text(self) -> str: ...
    @property
    def note(self) -> str: ...


class FindingsSection(Protocol):
    """A titled list of findings in words, as the annotations room summarises them."""

    @property
    def title(self) -> str: ...
    @property
    def rows(self) -> Sequence[SectionRow]: ...


@dataclass(frozen=True)
class Row:
    """Our own `SectionRow`: one finding in words."""

    label: str
    value_text: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """Our own `FindingsSection`."""

    title: str
    rows: tuple[Row, ...] = ()

    @classmethod
    def copy_of(cls, section: FindingsSection) -> Section:
        """The same section as plain values of this room."""
        return cls(section.title, tuple(Row(r.label, r.value_text, r.note) for r in section.rows))


@dataclass(frozen=True)
class Verdict:
    """A resectability verdict: the code is the annotation's, the label is what is printed."""

    code: str
    label: str


@dataclass(frozen=True)
class VesselContact:
    """What the reviewer recorded about one vessel.

    `contact_deg` is the part of the circumference in contact with tumour, 0 to 360 degrees, and
    is present exactly when `state` is "measured". `start_deg` says where the contact begins,
    clockwise from 12 o'clock as the images show it, when that is known. `kind` is "solid",
    "haze_only", "none" or empty. The remaining fields are printed as given; empty means nothing
    was recorded.
    """

    name: str
    state: ContactState
    contact_deg: int | None = None
    start_deg: int | None = None
    kind: str = ""
    contour: str = ""
    thrombus: str = ""
    reconstructable: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if (self.state == "measured") != (self.contact_deg is not None):
            raise OpinionMalformed(
                f"The contact of {self.name} is '{self.state}' but its angle is {self.contact_deg}."
            )
        for angle in (self.contact_deg, self.start_deg):
            if angle is not None and not 0 <= angle <= 360:
                raise OpinionMalformed(
                    f"The contact of {self.name} has an impossible angle: {angle}."
                )


@dataclass(frozen=True)
class FiredRule:
    """One rule that fired, where it was published, and how far that source is to be trusted."""

    rule: str
    source: str
    trust: str
    text: str


@dataclass(frozen=True)
class Remark:
    """Something a ruleset says beside its category: a missing finding or a flag."""

    id: str
    text: str


@dataclass(frozen=True)
class Evaluation:
    """What one published criteria set, in one version, computes from the recorded findings.

    `category` is None where the findings do not decide; `interval_label` then says between which
    categories it lies.
    """

    ruleset: str
    title: str
    version: str
    category: str | None
    category_label: str
    interval_label: str = ""
    fired: tuple[FiredRule, ...] = ()
    missing: tuple[Remark, ...] = ()
    flags: tuple[Remark, ...] = ()
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True)
class FlrThreshold:
    """A least remnant in percent, never without its denominator, its source and the trust in it."""

    percent: float
    label: str
    denominator: str
    source: str
    trust: str


@dataclass(frozen=True)
class Volume:
    """Liver, future liver remnant (FLR) and tumour from one segmentation, in mL.

    `flr_percent` is 100 * FLR / (liver - tumour). `uncertainty_percent` is relative to the value:
    10 at an FLR of 28.0 % means 25.2 to 30.8 %.
    """

    id: str
    state: VolumeState
    label: str
    series_description: str = ""
    SeriesInstanceUID: str = ""
    SOPInstanceUID: str = ""
    liver_ml: float | None = None
    flr_ml: float | None = None
    tumour_ml: float | None = None
    flr_percent: float | None = None
    denominator: str = ""
    uncertainty_percent: float = 0.0
    uncertainty_trust: str = ""
    refusal: str = ""
    measured_at: str = ""

    @property
    def band_percent(self) -> tuple[float, float] | None:
        """The FLR with its uncertainty, low and high in percent of the denominator."""
        if self.flr_percent is None:
            return None
        spread = self.flr_percent * self.uncertainty_percent / 100.0
        return self.flr_percent - spread, self.flr_percent + spread


@dataclass(frozen=True)
class Study:
    """One study that the opinion was based on."""

    StudyInstanceUID: str
    study_date: date | None
    modality: str
    description: str
    series_count: int
    instance_count: int


@dataclass(frozen=True)
class Signer:
    """The surgeon who answers for the opinion."""

    name: str
    centre: str = ""
    subspecialty: str = ""


@dataclass(frozen=True)
class Conversion:
    """A strategy that may make resection possible: what to give, when to look again, at what."""

    strategy: str
    reassess_after: str = ""
    remeasure: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alteration:
    """One value that an amendment changed: the vessel, group or section, the field, before, after."""

    place: str
    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Amendment:
    """Says that an opinion replaces a signed one, which one, why, and in what it differs.

    `signed_at` is when the replaced revision was signed, aware.
    """

    revision: int
    signed_at: datetime
    signed_by: str
    reason: str
    opinion_number: str = ""
    changes: tuple[Alteration, ...] = ()

    @property
    def sentence(self) -> str:
        """In one line: what is replaced, and why."""
        opinion = f" (opinion {self.opinion_number})" if self.opinion_number else ""
        return f"Amended, replaces revision {self.revision}{opinion} because: {self.reason}"


@dataclass(frozen=True)
class Opinion:
    """A surgeon's written answer to a hospital's question, with everything it rests on.

    `signed_at` is aware and in UTC; None makes a draft, as the surgeon sees it before signing.
    `verdict_reason` says why the verdict differs from the computed category and is empty where it
    does not. `patient` is a name to print and is empty unless the case allows it; otherwise the
    patient is known by `hospital_reference` (accession number) and `case_number` alone. `basis` says
    on what ground a final opinion is final (`assessed_on`: when the patient was seen), `precedent`
    which preliminary one it follows; `imaging_limits` are what Margin found of the images,
    `age_override` why images older than a definitive verdict allows were accepted.
    `revision_sha256` is the hash of the signed annotation, 64 lower-case hex digits. Raises
    `OpinionMalformed`.
    """

    status: Status
    case_number: str
    hospital_name: str
    organ_title: str
    question: str
    answer: str
    verdict: Verdict
    signer: Signer
    number: str = ""
    hospital_reference: str = ""
    patient: str = ""
    local_verdict: str = ""
    local_verdict_reason: str = ""
    verdict_reason: str = ""
    recommendation: str = ""
    operation: str = ""
    approach: str = ""
    alternatives: str = ""
    conditions: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    conversion: Conversion | None = None
    investigations: tuple[str, ...] = ()
    trial_eligibility: str = ""
    confidence: str = ""
    limits: tuple[str, ...] = ()
    vessels: tuple[VesselContact, ...] = ()
    sections: tuple[Section, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    volumes: tuple[Volume, ...] = ()
    thresholds: tuple[FlrThreshold, ...] = ()
    imaging: tuple[Study, ...] = ()
    signed_at: datetime | None = None
    revision: int | None = None
    revision_sha256: str = ""
    amendment: Amendment | None = None
    panel: PanelPart | None = None
    basis: str = ""
    assessed_on: date | None = None
    precedent: Precedent | None = None
    categories: tuple[FindingCategory, ...] = ()
    key_images: tuple[KeyImage, ...] = ()
    imaging_limits: tuple[str, ...] = ()
    age_override: str = ""
    language: Language = "en"
    paper: Paper = "a4"
    verification: Verification | None = None
    limitation: str = LIMITATION

    def __post_init__(self) -> None:
        if self.status not in STATUS_LABELS:
            raise OpinionMalformed(f"An opinion is preliminary or final, not '{self.status}'.")
        if not self.case_number:
            raise OpinionMalformed("An opinion belongs to a case and carries its number.")
        if not self.verdict.label:
            raise OpinionMalformed("An opinion states a verdict.")
        if self.precedent is not None and self.status != "final":
            raise OpinionMalformed("Only a final opinion follows a preliminary one.")
        if self.signed_at is None:
            return
        if self.signed_at.utcoffset() is None:
            raise OpinionMalformed("The time of signature must say its offset from UTC.")
        if not self.number or not self.signer.name or not _SHA256.fullmatch(self.revision_sha256):
            raise OpinionMalformed(
                "A signed opinion needs its number, its signer and its revision's SHA-256."
            )

    @property
    def draft(self) -> bool:
        """Whether nobody has signed this yet."""
        return self.signed_at is None

    @property
    def status_label(self) -> str:
        """The status as printed."""
        return "Draft" if self.draft else STATUS_LABELS[self.status]

    @property
    def title(self) -> str:
        """The document's title: never a name, as it stands in metadata and window titles."""
        subject = self.number or f"case {self.case_number}"
        return f"Resectability opinion {subject}"

    @property
    def signed_at_utc(self) -> datetime | None:
        """The time of signature in UTC, to the second."""
        if self.signed_at is None:
            return None
        return self.signed_at.astimezone(UTC).replace(microsecond=0)
