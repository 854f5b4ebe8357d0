"""An addendum as a frozen value, what is signed of it, and its page. Pure but for its template.

An addendum explains; it changes no finding. Where a finding, the verdict or the recommendation is another
one, the surgeon amends the opinion instead, and the amendment says what changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2

from server.foundation.clock import iso
from server.foundation.paper import paper_templates
from server.opinions.standing import code_of

_TEMPLATES: Final = Path(__file__).parent / "templates"
STATEMENT: Final = (
    "This addendum explains the opinion and changes none of its findings. Where a finding is "
    "judged differently, the opinion is amended instead."
)
LIMITS: Final = (
    "Whether a tumour can be resected must be judged by a qualified surgeon who looks at current "
    "images and knows the patient. This addendum is no guarantee of any outcome, and the decision "
    "about treatment stays with the patient and the treating team."
)


@dataclass(frozen=True)
class Asked:
    """What was asked back: the local team's point, what the opinion says to it, and the question."""

    point: str
    second: str
    question: str
    asked_by: str
    asked_at: str


@dataclass(frozen=True)
class Addendum:
    """Everything that an addendum says. `signed_at` and `opinion_signed_at` are ISO moments in UTC."""

    number: str
    case_number: str
    opinion_number: str
    opinion_signed_at: str
    opinion_sha256: str
    text: str
    asked: tuple[Asked, ...]
    signed_by: str
    centre: str
    signed_at: str

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Addendum:
        """The addendum as it was kept by `to_json`."""
        asked = tuple(Asked(**one) for one in kept["asked"])
        return cls(**{**kept, "asked": asked})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "asked": [asdict(one) for one in self.asked]}

    @property
    def sha256(self) -> str:
        """SHA-256 of everything that is signed, as canonical JSON (sorted keys, no blanks, ASCII)."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def code(self) -> str:
        """What whoever holds the paper types at `/verify`: it follows from everything that is signed."""
        return code_of(self.sha256)


def moment(at: datetime) -> str:
    """A moment as an addendum states it."""
    return iso(at.astimezone(UTC).replace(microsecond=0))


def addendum_html(addendum: Addendum, verify_at: str = "") -> str:
    """The addendum as one self-contained page of HTML, for printing. `verify_at` is the address at
    which a reader can check it.
    """
    template = _environment().get_template("addendum.html")
    return template.render(one=addendum, statement=STATEMENT, limits=LIMITS, verify_at=verify_at)


def letter_html(title: str, text: str, language: str) -> str:
    """A letter as one self-contained page of HTML; blank lines part its paragraphs."""
    template = _environment().get_template("letter.html")
    paragraphs = [one.strip() for one in text.replace("\r", "").split("\n\n") if one.strip()]
    return template.render(title=title, paragraphs=paragraphs, language=language)


@cache
def _environment() -> jinja2.Environment:
    environment = paper_templates(_TEMPLATES, "paper.css")
    environment.filters["said_at"] = lambda at: str(at)[:16].replace("T", " ") + " UTC"
    return environment
