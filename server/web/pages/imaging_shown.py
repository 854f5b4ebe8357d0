"""The imaging of a case gathered for a page: for the coordinator, the surgeon, the hospital."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from server.imaging.facts import SeriesFacts
from server.imaging.findings import Finding, Severity, Verdict
from server.imaging.landmarks import Landmark
from server.imaging.phase import Phase
from server.imaging.queries import CaseImaging, finding_from_json
from server.imaging.records import AssessedSeries, FindingWaiver, HospitalReturn
from server.imaging.roles import NOT_ORIGINALS, Role
from server.imaging.wording import said, words_of, written_day
from server.intake.body_size import imaging_now
from server.prepared.shelf import Shelf
from server.web.visit import Visit

VERDICT_TONES = {Verdict.ADEQUATE: "good", Verdict.LIMITED: "warn", Verdict.INADEQUATE: "bad"}
SEVERITY_TONES = {
    Severity.BLOCKING: "bad",
    Severity.LIMITING: "warn",
    Severity.ADVICE: "info",
    Severity.INFO: "idle",
}
SEVERITY_TITLES = {
    Severity.BLOCKING: "Blocks an answer",
    Severity.LIMITING: "Limits the answer",
    Severity.ADVICE: "Advice",
    Severity.INFO: "Good to know",
}
PHASES = [(phase.value, phase.in_words) for phase in Phase if phase is not Phase.INDETERMINATE]
_WITH_PHASE = frozenset({Role.DIAGNOSTIC, Role.MPR, Role.SUBTRACTION})


def _has_phase(facts: SeriesFacts) -> bool:
    """Whether a contrast phase is of interest: of an MR weighted by T2 or diffusion it is not."""
    if facts.role not in _WITH_PHASE:
        return False
    return facts.modality == "CT" or (facts.modality == "MR" and facts.kind.shows_phase)


@dataclass(frozen=True)
class FindingShown:
    """A finding in words, and who waived it, if anybody did."""

    finding: Finding
    text: str
    fix: str
    waiver: FindingWaiver | None = None

    @property
    def tone(self) -> str:
        return "idle" if self.waiver else SEVERITY_TONES[self.finding.severity]


@dataclass(frozen=True)
class SeriesShown:
    """A series as a row: `landmarks` are pairs of a name and whether it is shown (None: unknown),
    `has_picture` whether its thumbnail was prepared, `of_round` the round of the case in which its study
    came, 0 where there was one only.
    """

    facts: SeriesFacts
    row: AssessedSeries
    is_used: bool
    has_picture: bool
    of_round: int = 0

    @property
    def role_tone(self) -> str:
        if self.facts.role in NOT_ORIGINALS:
            return "bad"
        return "good" if self.facts.role in (Role.DIAGNOSTIC, Role.PET) else "idle"

    @property
    def has_phase(self) -> bool:
        return _has_phase(self.facts)

    @property
    def landmarks(self) -> list[tuple[str, bool | None]]:
        coverage = self.facts.coverage
        if coverage is None:
            return []
        return [(place.in_words, coverage.shows(place)) for place in Landmark]

    @property
    def confidence_percent(self) -> int:
        return round(100 * self.facts.phase.confidence)


@dataclass(frozen=True)
class ItemShown:
    """One point that the hospital was asked about."""

    key: str
    text: str
    fix: str
    done_at: str
    answer: str


@dataclass(frozen=True)
class ReturnShown:
    """What the hospital was asked, with what has become of each point."""

    record: HospitalReturn
    items: list[ItemShown]

    @property
    def settled(self) -> int:
        return sum(1 for one in self.items if one.done_at or one.answer)


@dataclass(frozen=True)
class ImagingShown:
    """Everything of it. `groups` are findings by severity with title and tone, the severest first."""

    imaging: CaseImaging
    series: list[SeriesShown]
    groups: list[tuple[str, str, list[FindingShown]]]
    returns: list[ReturnShown]

    @property
    def verdict(self) -> str:
        return self.imaging.verdict.value

    @property
    def tone(self) -> str:
        return VERDICT_TONES[self.imaging.verdict]

    @property
    def is_answered(self) -> bool:
        """Whether everything asked of the hospital was settled: then the case may go on."""
        return bool(self.returns) and all(one.record.answered_at for one in self.returns)


def coordinators(visit: Visit) -> ImagingShown | None:
    """All of it, in English; None before anything was assessed."""
    imaging = _imaging(visit)
    if imaging is None:
        return None
    shelf = Shelf(visit.services.settings.cache_dir)
    several = visit.case.round > 1
    rounds = {one.StudyInstanceUID: one.round for one in visit.case.studies} if several else {}
    series = [
        SeriesShown(
            one,
            imaging.rows[one.SeriesInstanceUID],
            _is_used(imaging, one),
            shelf.thumbnail(one.StudyInstanceUID, one.SeriesInstanceUID).exists(),
            rounds.get(one.StudyInstanceUID, 0),
        )
        for one in imaging.assessment.series
    ]
    return ImagingShown(imaging, series, _groups(imaging), _returns(imaging, "en"))


def _imaging(visit: Visit) -> CaseImaging | None:
    return imaging_now(visit.session, visit.case, visit.now.date())


def _is_used(imaging: CaseImaging, one: SeriesFacts) -> bool:
    return one.SeriesInstanceUID in imaging.assessment.used


def _groups(imaging: CaseImaging) -> list[tuple[str, str, list[FindingShown]]]:
    found = [
        FindingShown(one, *said(one), imaging.waivers.get(one.key))
        for one in imaging.assessment.findings
    ]
    return [
        (title, SEVERITY_TONES[severity], those)
        for severity, title in SEVERITY_TITLES.items()
        if (those := [one for one in found if one.finding.severity is severity])
    ]


def offered(imaging: CaseImaging) -> list[tuple[str, str, list[FindingShown]]]:
    """What the hospital may be asked to mend: all that counts, except what is only good to know."""
    return [
        (title, tone, [one for one in those if not one.waiver])
        for title, tone, those in _groups(imaging)
        if tone != SEVERITY_TONES[Severity.INFO] and any(not one.waiver for one in those)
    ]


def _returns(imaging: CaseImaging, language: str = "") -> list[ReturnShown]:
    return [
        ReturnShown(one, [_item(item, language or one.language) for item in one.items])
        for one in imaging.returns
    ]


def _item(item: dict[str, Any], language: str) -> ItemShown:
    text, fix = said(finding_from_json(item), language)
    return ItemShown(
        item["key"], text, fix, str(item.get("done_at") or ""), str(item.get("answer") or "")
    )


@dataclass(frozen=True)
class SurgeonsImaging:
    """What a surgeon has to know before looking: the verdict, the limits, the phases at hand."""

    verdict: str
    tone: str
    protocol: str
    limits: list[FindingShown]
    phases: list[str]
    pending: bool
    too_old: bool


def surgeons(visit: Visit) -> SurgeonsImaging | None:
    """Verdict and limits; descriptions of series are left out where names are hidden."""
    imaging = _imaging(visit)
    if imaging is None:
        return None
    found = imaging.limits
    if visit.pseudonymised:
        found = tuple(_numbered(one) for one in found)
    limits = [
        FindingShown(shown, *said(shown), imaging.waivers.get(kept.key))
        for shown, kept in zip(found, imaging.limits, strict=True)
    ]
    used = [one for one in imaging.assessment.series if _is_used(imaging, one)]
    known = [one for one in used if _has_phase(one) and one.phase.used is not Phase.INDETERMINATE]
    phases = [one.phase.used.in_words for one in known]
    return SurgeonsImaging(
        imaging.verdict.value,
        VERDICT_TONES[imaging.verdict],
        imaging.assessment.protocol.title,
        limits,
        list(dict.fromkeys(phases)),
        imaging.pixels_pending,
        imaging.too_old is not None,
    )


def _numbered(one: Finding) -> Finding:
    """The finding with series by their numbers alone: what was typed may be a name."""
    names = [str(name).partition(":")[0] for name in one.params.get("series", ())]
    plain = [name if name.isdigit() else "…" for name in names]
    dropped = {"files": ["…"], "kernel": "…"}
    known = {key: value for key, value in dropped.items() if key in one.params}
    return replace(one, params={**one.params, **known, **({"series": plain} if plain else {})})


@dataclass(frozen=True)
class HospitalsImaging:
    """What a hospital reads, in its language: `words` are the page's own, `must` and `should` what
    was found and what to do.
    """

    language: str
    words: dict[str, str]
    verdict: str
    tone: str
    must: list[tuple[str, str]]
    should: list[tuple[str, str]]
    pending: bool
    protocol: str
    returns: list[ReturnShown]
    assessed_at: datetime | None

    def asked_on(self, sent: ReturnShown) -> str:
        """When this was asked, in words."""
        on = written_day(sent.record.sent_at.date(), self.language)
        return self.words["asked"].format(on=on)


def hospitals(visit: Visit, language: str) -> HospitalsImaging:
    """The findings in the page's language; before the first assessment that it is awaited."""
    words = dict(words_of(language)["page"])
    imaging = _imaging(visit)
    if imaging is None:
        return HospitalsImaging(language, words, "", "idle", [], [], True, "", [], None)
    # What was asked for stands in its list, to be ticked off there.
    asked = {item["id"] for one in imaging.returns if not one.answered_at for item in one.items}
    counted = [one for one in imaging.open_findings if one.id not in asked]
    return HospitalsImaging(
        language,
        words,
        imaging.verdict.value,
        VERDICT_TONES[imaging.verdict],
        _sentences(counted, (Severity.BLOCKING, Severity.LIMITING), language),
        _sentences(counted, (Severity.ADVICE,), language),
        imaging.pixels_pending,
        imaging.assessment.protocol.id,
        _returns(imaging),
        imaging.assessed_at,
    )


def _sentences(
    found: Sequence[Finding], severities: Sequence[Severity], language: str
) -> list[tuple[str, str]]:
    return [said(one, language) for one in found if one.severity in severities]
