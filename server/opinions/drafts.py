"""The texts of an opinion: generated from the annotation, and changed where a surgeon wrote another.

Pure. A draft keeps only what differs from what is generated, together with a hash of the text that
stood there when it was changed, so that a later change of the annotation underneath can be told.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from server.foundation.days import WRITE_A_DAY, day_typed
from server.foundation.errors import FieldProblem
from server.opinions.document import Alteration, Conversion, Opinion
from server.opinions.key_images import chosen_images
from server.opinions.standing import BASES, CATEGORIES, finding_categories

LONGEST_TEXT: Final = 8000
LANGUAGES: Final = {"en": "English", "zh": "中文"}
PAPERS: Final = {"a4": "A4", "letter": "Letter"}
_POINTER: Final = re.compile(r"(/[\w~-]{1,60}){1,8}", re.ASCII)


@dataclass(frozen=True)
class Part:
    """One editable text. `lines` says that each line is an item; `wanted` that an opinion without it
    is missing something; `help` tells what belongs here.
    """

    key: str
    title: str
    help: str
    lines: bool = False
    wanted: bool = False


PARTS: Final[tuple[Part, ...]] = (
    Part("answer", "Answer to the question", "Answer what was asked first, in plain words.", wanted=True),
    Part("verdict_reason", "Why the verdict differs", "Where the verdict is not the computed category."),
    Part("conditions", "Conditions", "Under what conditions the verdict holds.", lines=True),
    Part("recommendation", "Advice", "What the local team should do next.", wanted=True),
    Part("operation", "Recommended operation", "The operation, or why there is none."),
    Part("approach", "Approach", "Open or minimally invasive, order of steps, reconstruction."),
    Part("alternatives", "Alternatives", "What else is possible when this is not."),
    Part("strategy", "Neoadjuvant or conversion strategy", "What to give, and what it must do."),
    Part("reassess_after", "Reassess", "A date, or after which cycle."),
    Part("remeasure", "Measure again", "What is to be measured at the reassessment.", lines=True),
    Part("investigations", "Investigations wanted", "What is to be done before a decision.", lines=True),
    Part("trials", "Clinical trials", "Eligible for which kind of trial, or that none was looked for."),
    Part("limits", "Limits of this opinion", "What could not be judged, and why.", lines=True),
)  # fmt: skip
_BY_KEY: Final = {part.key: part for part in PARTS}
_PLAIN: Final = (
    "answer",
    "verdict_reason",
    "recommendation",
    "operation",
    "approach",
    "alternatives",
)
_LISTS: Final = ("conditions", "investigations", "limits")


@dataclass(frozen=True)
class Written:
    """A text that a surgeon put in place of the generated one. `over` is that one's SHA-256."""

    text: str
    over: str = ""


@dataclass(frozen=True)
class Draft:
    """How the opinion is to be issued, as one reviewer chose it; empty choices are Margin's own.

    `assessed_on` is the day of an assessment in person; `images_left_out` are pointers of key images
    that are not to be printed.
    """

    texts: Mapping[str, Written] = field(default_factory=dict)
    status: str = "preliminary"
    basis: str = ""
    assessed_on: date | None = None
    categories: tuple[str, ...] = ()
    images_left_out: tuple[str, ...] = ()
    language: str = ""
    paper: str = ""

    @property
    def basis_words(self) -> str:
        """The ground on which it is final, as printed."""
        return dict[str, str](BASES.items()).get(self.basis, "")

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "texts": {key: {"text": one.text, "over": one.over} for key, one in self.texts.items()},
            "status": self.status,
            "basis": self.basis,
            "assessed_on": self.assessed_on.isoformat() if self.assessed_on else None,
            "categories": list(self.categories),
            "images_left_out": list(self.images_left_out),
            "language": self.language,
            "paper": self.paper,
        }


def draft_of_json(kept: Mapping[str, Any]) -> Draft:
    """A draft as it was kept by `to_json`; a part that this version no longer has is left out."""
    day = kept.get("assessed_on")
    return Draft(
        texts={
            key: Written(str(one["text"]), str(one.get("over", "")))
            for key, one in (kept.get("texts") or {}).items()
            if key in _BY_KEY
        },
        status=str(kept.get("status") or "preliminary"),
        basis=str(kept.get("basis") or ""),
        assessed_on=date.fromisoformat(day) if day else None,
        categories=tuple(kept.get("categories") or ()),
        images_left_out=tuple(kept.get("images_left_out") or ()),
        language=str(kept.get("language") or ""),
        paper=str(kept.get("paper") or ""),
    )


def changed(draft: Draft, sent: Mapping[str, Any], generated: Mapping[str, str]) -> Draft:
    """The draft with what was sent: `texts` maps a part's key to its text, or to None for "take the
    generated one again"; every other key replaces its choice. What was not sent stays.

    Call `draft_problems` before.
    """
    texts = dict(draft.texts)
    for key, text in (sent.get("texts") or {}).items():
        if text is None or _same(str(text), generated.get(key, "")):
            texts.pop(key, None)
        else:
            before = texts.get(key)
            kept = before is not None and before.text == str(text)
            over = before.over if before and kept else sha256_of(generated.get(key, ""))
            texts[key] = Written(str(text).replace("\r\n", "\n").strip(), over)
    choices: dict[str, Any] = {
        name: sent[name] for name in ("status", "basis", "language", "paper") if name in sent
    }
    choices |= {
        name: tuple(sent[name]) for name in ("categories", "images_left_out") if name in sent
    }
    if "assessed_on" in sent:
        day = sent["assessed_on"]
        choices["assessed_on"] = day_typed(day) if day else None
    return replace(draft, texts=texts, **choices)


def draft_problems(sent: Mapping[str, Any], today: date) -> list[FieldProblem]:
    """What of the sent values cannot be kept; never raises."""
    found = list(_text_problems(sent.get("texts", {})))
    for name, known in (
        ("status", {"preliminary", "final"}),
        ("basis", {"", *BASES}),
        ("language", {"", *LANGUAGES}),
        ("paper", {"", *PAPERS}),
    ):
        if name in sent and not (isinstance(sent[name], str) and sent[name] in known):
            found.append(FieldProblem(f"/{name}", f"Choose one of the offered values of {name}."))
    if not _is_list_of(sent.get("categories", []), set(CATEGORIES).__contains__):
        found.append(FieldProblem("/categories", "Choose among the offered findings."))
    if not _is_list_of(sent.get("images_left_out", []), lambda one: bool(_POINTER.fullmatch(one))):
        found.append(FieldProblem("/images_left_out", "Choose among the offered images."))
    found += _day_problems(sent.get("assessed_on"), today)
    return found


def generated_texts(opinion: Opinion) -> dict[str, str]:
    """The text of every part as this opinion has it, lists a line each."""
    conversion = opinion.conversion or Conversion("")
    return {
        **{key: getattr(opinion, key) for key in _PLAIN},
        **{key: "\n".join(getattr(opinion, key)) for key in _LISTS},
        "strategy": conversion.strategy,
        "reassess_after": conversion.reassess_after,
        "remeasure": "\n".join(conversion.remeasure),
        "trials": opinion.trial_eligibility,
    }


def written_into(opinion: Opinion, draft: Draft) -> Opinion:
    """The opinion with the surgeon's own texts and choices in place of the generated ones."""
    said = {key: one.text for key, one in draft.texts.items()}
    texts = generated_texts(opinion) | said
    conversion = Conversion(
        texts["strategy"], texts["reassess_after"], tuple(_items(texts["remeasure"]))
    )
    written: dict[str, Any] = {key: texts[key] for key in _PLAIN}
    written |= {key: tuple(_items(texts[key])) for key in _LISTS}
    return replace(
        opinion,
        **written,
        conversion=conversion if conversion != Conversion("") else None,
        trial_eligibility=texts["trials"],
        categories=finding_categories(draft.categories),
        key_images=chosen_images(opinion.key_images, draft.images_left_out),
        status="final" if draft.status == "final" else "preliminary",
        basis=draft.basis_words if draft.status == "final" else "",
        assessed_on=draft.assessed_on
        if (draft.status, draft.basis) == ("final", "in_person")
        else None,
        language="zh" if (draft.language or opinion.language) == "zh" else "en",
        paper="letter" if (draft.paper or opinion.paper) == "letter" else "a4",
    )


def same_texts(before: Opinion, after: Opinion) -> bool:
    """Whether two opinions say the same beside their annotations."""
    return _beside(before) == _beside(after)


def _beside(opinion: Opinion) -> tuple[Any, ...]:
    return (
        generated_texts(opinion),
        opinion.status,
        opinion.basis,
        opinion.categories,
        [one.name for one in opinion.key_images],
    )


def text_changes(
    before: Opinion, after: Opinion, generated: Mapping[str, str]
) -> tuple[Alteration, ...]:
    """Which texts an amendment writes anew. A text that is as generated is left out: what changed in
    the annotation is told from there.
    """
    was, now = generated_texts(before), generated_texts(after)
    return tuple(
        Alteration("Opinion", part.title, was[part.key] or "nothing", now[part.key] or "nothing")
        for part in PARTS
        if was[part.key] != now[part.key] and now[part.key] != generated.get(part.key, "")
    )


def missing_parts(opinion: Opinion, draft: Draft) -> list[str]:
    """What a reader would miss, as sentences: nothing of it forbids to sign."""
    texts = generated_texts(written_into(opinion, draft))
    found = [
        f"{part.title}: nothing is written."
        for part in PARTS
        if part.wanted and not texts[part.key]
    ]
    code = opinion.verdict.code
    if code == "conversion_then_reassess" and not (texts["reassess_after"] and texts["remeasure"]):
        found.append("The verdict asks for a reassessment: say when, and what to measure again.")
    if code == "resectable_with_conditions" and not texts["conditions"]:
        found.append("The verdict has conditions: name them.")
    if code in ("resectable_now", "resectable_with_conditions") and not texts["operation"]:
        found.append("Recommended operation: nothing is written.")
    if not draft.categories:
        found.append("What this opinion comes to: no finding is chosen.")
    return found


def sha256_of(text: str) -> str:
    """By which a draft remembers the generated text that it replaced."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _same(text: str, generated: str) -> bool:
    return text.replace("\r\n", "\n").strip() == generated.strip()


def _items(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _text_problems(texts: object) -> list[FieldProblem]:
    if not isinstance(texts, dict):
        return [FieldProblem("/texts", "The texts are not an object.")]
    found = []
    for key, text in texts.items():
        if key not in _BY_KEY:
            found.append(FieldProblem(f"/texts/{str(key)[:40]}", "An opinion has no such part."))
        elif text is not None and (not isinstance(text, str) or len(text) > LONGEST_TEXT):
            said = f"Write “{_BY_KEY[key].title}” in at most {LONGEST_TEXT} characters."
            found.append(FieldProblem(f"/texts/{key}", said))
    return found


def _is_list_of(value: object, good: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) <= 100
        and all(isinstance(one, str) and good(one) for one in value)
    )


def _day_problems(day: object, today: date) -> list[FieldProblem]:
    if day in (None, ""):
        return []
    given = day_typed(day) if isinstance(day, str) else None
    if given is None:
        return [FieldProblem("/assessed_on", WRITE_A_DAY)]
    if given > today:
        return [FieldProblem("/assessed_on", "The assessment in person lies in the future.")]
    return []
