"""Lines that are typed: a treatment, a drug with its dose, a biomarker's result, a question. Pure.

`read_entry` takes what a form sent and gives the content that is kept, or what stands at its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from server.dossier import when
from server.dossier.checklist import markers
from server.dossier.value_sets import OPERATIONS, RESPONSES, TREATMENT_KINDS
from server.foundation.errors import FieldProblem

LONGEST_LINE: Final = 300
LONGEST_QUESTION: Final = 2000
MOST_CYCLES: Final = 99

Content = dict[str, str]


class EntryKind(StrEnum):
    """What a line is about."""

    TREATMENT = "treatment"
    MEDICATION = "medication"
    MARKER = "marker"
    QUESTION = "question"


@dataclass(frozen=True)
class ReadEntry:
    """What came of a form: the content to keep, or the problems at its fields."""

    content: Content
    problems: tuple[FieldProblem, ...] = ()


class _Fields:
    """The fields of one form as they are read, with what is wrong."""

    def __init__(self, sent: Mapping[str, str]) -> None:
        self._sent = sent
        self.content: Content = {}
        self.problems: list[FieldProblem] = []

    def wrong(self, name: str, message: str) -> None:
        self.problems.append(FieldProblem(f"/{name}", message))

    def text(self, name: str, wanted: str = "", longest: int = LONGEST_LINE) -> str:
        value = " ".join((self._sent.get(name) or "").split())
        if not value and wanted:
            self.wrong(name, wanted)
        if len(value) > longest:
            self.wrong(name, f"At most {longest} characters.")
        self.content[name] = value
        return value

    def choice(self, name: str, offered: Mapping[str, object], wanted: str) -> str:
        value = self._sent.get(name) or ""
        if value not in offered:
            self.wrong(name, wanted)
        self.content[name] = value
        return value

    def day(self, name: str, now: datetime, wanted: str = "") -> str:
        typed = (self._sent.get(name) or "").strip()
        read = when.partial(typed) if typed else ""
        if read is None:
            self.wrong(name, "Write the date as 2026, 2026-05 or 2026-05-12.")
        elif not read and wanted:
            self.wrong(name, wanted)
        elif read and when.in_the_future(read, now):
            self.wrong(name, "This date lies in the future.")
        self.content[name] = read or ""
        return read or ""


def read_entry(kind: EntryKind, sent: Mapping[str, str], now: datetime) -> ReadEntry:
    """A typed line of that kind, checked."""
    fields = _Fields(sent)
    _READERS[kind](fields, now)
    return ReadEntry(fields.content, tuple(fields.problems))


def _treatment(fields: _Fields, now: datetime) -> None:
    kind = fields.choice("kind", TREATMENT_KINDS, "Choose the kind of treatment.")
    fields.text("regimen", "Name the drugs, the regimen or the operation.")
    cycles = fields.text("cycles")
    if cycles and not (cycles.isascii() and cycles.isdigit() and 0 < int(cycles) <= MOST_CYCLES):
        fields.wrong("cycles", f"Cycles are a whole number from 1 to {MOST_CYCLES}.")
    elif cycles and kind in OPERATIONS:
        fields.wrong("cycles", "An operation has no cycles.")
    begun = fields.day("from_on", now, "Say when it began, or at least the year.")
    ended = fields.day("until_on", now)
    if begun and ended and when.before(ended, begun):
        fields.wrong("until_on", "It cannot have ended before it began.")
    fields.choice("response", RESPONSES, "Choose the response.")


def _medication(fields: _Fields, _now: datetime) -> None:
    fields.text("name", "Name the drug.")
    fields.text("dose", "Give the dose, such as 5 mg.")
    fields.text("frequency")


def _marker(fields: _Fields, now: datetime) -> None:
    marker = fields.choice("marker", markers(), "Choose the biomarker.")
    known = markers().get(marker)
    offered = dict.fromkeys(known.results) if known else {}
    fields.choice("result", offered, "Choose the result.")
    fields.text("detail")
    fields.day("tested_on", now)


def _question(fields: _Fields, _now: datetime) -> None:
    fields.text("text", "Write the question.", LONGEST_QUESTION)


_READERS: Final[dict[EntryKind, Callable[[_Fields, datetime], None]]] = {
    EntryKind.TREATMENT: _treatment,
    EntryKind.MEDICATION: _medication,
    EntryKind.MARKER: _marker,
    EntryKind.QUESTION: _question,
}
