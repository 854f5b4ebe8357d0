"""The sections of the structured report beside its measurements: the imaging, what the published
sets compute, and, apart from that, what the surgeon says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from highdicom.sr import (
    CodeContentItem,
    CodedConcept,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    DateContentItem,
    ImageContentItem,
    NumContentItem,
    RelationshipTypeValues,
    TextContentItem,
    UIDRefContentItem,
)

from server.opinions import coding
from server.opinions.assessment import Assessment, source_and_options
from server.opinions.coding import dcm
from server.opinions.imaging import ImagedSeries
from server.opinions.spoken import spoken, spoken_days
from server.opinions.wording import printable

CONTAINS: Final = RelationshipTypeValues.CONTAINS
_CONTEXT: Final = RelationshipTypeValues.HAS_ACQ_CONTEXT

# CID 29 names modalities by their defined terms (PS3.16).
_MODALITIES: Final = {
    "CT": "Computed Tomography",
    "MR": "Magnetic Resonance",
    "PT": "Positron emission tomography",
    "US": "Ultrasound",
    "NM": "Nuclear Medicine",
    "XA": "X-Ray Angiography",
    "CR": "Computed Radiography",
    "DX": "Digital Radiography",
}
_SOURCE: Final = coding.sct("260753009", "Source")


def container(name: CodedConcept, items: Iterable[ContentItem]) -> ContentItem:
    """A section whose items stand apart from each other."""
    made = ContainerContentItem(name, is_content_continuous=False, relationship_type=CONTAINS)
    made.ContentSequence = ContentSequence(list(items))
    return made


def image_library(series: Iterable[ImagedSeries]) -> ContentItem:
    """PS3.16 TID 1600: a group for every series, one image standing for each.

    A group names its series by UID and says how many images it had. Naming thousands of images one
    by one would add megabytes that every viewer reads when it opens the study.
    """
    return container(
        dcm("111028", "Image Library"),
        [container(dcm("126200", "Image Library Group"), _library_group(one)) for one in series],
    )


def recorded(assessment: Assessment) -> ContentItem | None:
    """Whatever else was recorded, in the words of the opinion."""
    rows = [
        _text(coding.FINDING, f"{section.title}: {row.label}: {row.value_text}")
        for section in assessment.opinion.sections
        for row in section.rows
    ]
    return container(coding.RECORDED, rows) if rows else None


def computed(assessment: Assessment) -> ContentItem | None:
    """What each published set computes: its category or interval, why, and what is missing."""
    sets = [
        container(coding.CRITERIA_SET, _evaluation(assessment, one))
        for one in assessment.evaluations
    ]
    return container(coding.COMPUTED, sets) if sets else None


def surgeon_opinion(assessment: Assessment) -> ContentItem:
    """What the surgeon says, signed; never what was computed."""
    opinion, answers = assessment.opinion, assessment.answers
    verdict = coding.VERDICTS.get(opinion.verdict.code) or coding.margin(
        f"verdict/{opinion.verdict.code}", opinion.verdict.label
    )
    confidence = coding.CONFIDENCES.get(str(answers.get("confidence")), coding.NOT_STATED)
    items = [
        _code(coding.VERDICT, verdict),
        _code(coding.CONFIDENCE, confidence),
        _code(coding.STATUS, coding.STATUSES[opinion.status]),
        *_texts(coding.QUESTION, opinion.question),
        *_texts(coding.CONCLUSION, opinion.answer),
        *_texts(coding.VERDICT_REASON, opinion.verdict_reason),
        *_texts(coding.RECOMMENDATION, opinion.recommendation),
        *(_text(coding.SPOKEN[code], text) for code, text in spoken(opinion)),
        *(
            DateContentItem(coding.SPOKEN[code], day, CONTAINS)
            for code, day in spoken_days(opinion, answers)
        ),
    ]
    if opinion.amendment is not None:
        items.extend(_texts(coding.AMENDMENT, opinion.amendment.sentence))
        items.extend(
            _text(coding.CHANGE, f"{one.place}, {one.label}: {one.before} -> {one.after}")
            for one in opinion.amendment.changes
        )
    items.extend(_texts(coding.OPINION_NUMBER, opinion.number))
    items.extend(_texts(coding.REVISION, str(opinion.revision or "")))
    items.extend(_texts(coding.ANNOTATION_HASH, opinion.revision_sha256))
    items.extend(_texts(coding.CHAIN_HASH, assessment.chain_sha256))
    return container(coding.SURGEON_OPINION, items)


def procedure(modalities: Iterable[str]) -> list[CodedConcept]:
    """The procedures reported (CID 100), from the modalities of the series looked at."""
    known = {
        "CT": coding.sct("77477000", "Computed tomography"),
        "MR": coding.sct("113091000", "Magnetic resonance imaging"),
    }
    found = [known[one] for one in dict.fromkeys(modalities) if one in known]
    return found or [coding.sct("363679005", "Imaging procedure")]


def _library_group(series: ImagedSeries) -> list[ContentItem]:
    modality = dcm(series.Modality, _MODALITIES.get(series.Modality, series.Modality))
    items: list[ContentItem] = [CodeContentItem(dcm("121139", "Modality"), modality, _CONTEXT)]
    if len(series.study_date) == 8 and series.study_date.isdigit():  # PS3.5 6.2, VR DA
        items.append(DateContentItem(dcm("111060", "Study Date"), series.study_date, _CONTEXT))
    for code, words, uid in (
        ("110180", "Study Instance UID", series.StudyInstanceUID),
        ("112002", "Series Instance UID", series.SeriesInstanceUID),
    ):
        items.append(UIDRefContentItem(dcm(code, words), uid, _CONTEXT))
    count = NumContentItem(
        coding.IMAGE_COUNT, series.images, coding.COUNT, relationship_type=_CONTEXT
    )
    image = ImageContentItem(
        _SOURCE, series.SOPClassUID, series.SOPInstanceUID, relationship_type=CONTAINS
    )
    return [*items, count, image]


def _evaluation(assessment: Assessment, said: Mapping[str, Any]) -> list[ContentItem]:
    ruleset = str(said["ruleset"])
    source, options = source_and_options(assessment.organ, said)
    return [
        *_texts(coding.RULESET_ID, ruleset),
        *_texts(coding.RULESET_TITLE, str(said.get("title") or "")),
        *_texts(coding.RULESET_VERSION, str(said.get("version") or "")),
        *_texts(coding.RULESET_SOURCE, source),
        *_texts(coding.RULESET_OPTION, *(f"{key}={value}" for key, value in options.items())),
        *_category(ruleset, said),
        *_texts(coding.SCORE, _score(said.get("score") or {})),
        *_texts(coding.RULE_FIRED, *(_rule(one) for one in said.get("fired") or ())),
        *_texts(coding.RULE_MISSING, *(str(one["text"]) for one in said.get("missing") or ())),
        *_texts(coding.RULE_FLAG, *(str(one["text"]) for one in said.get("flags") or ())),
        *_texts(coding.CAPABILITY, *(str(one) for one in said.get("capabilities") or ())),
    ]


def _category(ruleset: str, said: Mapping[str, Any]) -> list[ContentItem]:
    if said.get("category"):
        label = str(said.get("category_label") or "")
        return [_code(coding.CATEGORY, coding.category(ruleset, said["category"], label))]
    if said.get("interval"):
        best, worst = (coding.category(ruleset, one) for one in said["interval"])
        return [_code(coding.CATEGORY_BEST, best), _code(coding.CATEGORY_WORST, worst)]
    return [_code(coding.CATEGORY, coding.NOT_ADDRESSED)]


def _score(score: Mapping[str, Any]) -> str:
    """A score as `Child-Pugh: 6 points`, or between which values it lies."""
    if not score:
        return ""
    value = score.get("value")
    given = f"{score.get('least')} to {score.get('most')}" if value is None else f"{value}"
    return f"{score.get('name')}: {given} {score.get('unit', '')}".strip()


def _rule(fired: Mapping[str, Any]) -> str:
    return f"{fired['rule']}: {fired['text']} [{fired['source']}; {fired['trust']}]"


def _text(name: CodedConcept, text: str) -> ContentItem:
    return TextContentItem(name, printable(text), CONTAINS)


def _texts(name: CodedConcept, *texts: str) -> list[ContentItem]:
    return [_text(name, text) for text in texts if text.strip()]


def _code(name: CodedConcept, value: CodedConcept) -> ContentItem:
    return CodeContentItem(name, value, CONTAINS)
