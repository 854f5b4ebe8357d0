"""What was found about the imaging of a case, and the verdict that follows. Pure.

A finding names itself, how much it matters, and the values that its sentences are made of; the
sentences themselves stand in `wording/`, one file for each language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Any

TERM = "@"
DAY = "@day:"


class Severity(IntEnum):
    """How much a finding matters, the least first. Its name in small letters is what is printed.

    `BLOCKING`: the question cannot be answered on these images. `LIMITING`: it can, with a
    reservation that must be stated. `ADVICE`: better next time. `INFO`: good to know.
    """

    INFO = 0
    ADVICE = 1
    LIMITING = 2
    BLOCKING = 3

    @property
    def printed(self) -> str:
        """As in JSON."""
        return self.name.lower()


class Verdict(StrEnum):
    """What the imaging as a whole is good for."""

    ADEQUATE = "adequate"
    LIMITED = "limited"
    INADEQUATE = "inadequate"


@dataclass(frozen=True)
class Finding:
    """One assessed fact.

    `params` are what the sentences are made of: numbers, texts, lists; a text that begins with `@`
    is a word to be looked up in the language (`@phase.arterial`), `@day:2026-11-20` a date.
    `subjects` are what it is about (SeriesInstanceUIDs, names of files). `rank` orders findings of
    the same id by how bad they are.
    """

    id: str
    severity: Severity
    params: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    subjects: tuple[str, ...] = ()
    rank: float = 0.0

    @property
    def key(self) -> str:
        """The same as long as it is about the same things: what a waiver holds on to."""
        if not self.subjects:
            return self.id
        about = sha256("\n".join(sorted(self.subjects)).encode()).hexdigest()[:12]
        return f"{self.id}.{about}"

    def at_most(self, severity: Severity) -> Finding:
        """The same, mattering no more than `severity`."""
        return replace(self, severity=min(self.severity, severity))


def term(key: str) -> str:
    """A word to be looked up in the language of whoever reads."""
    return f"{TERM}{key}"


def day(value: date) -> str:
    """A date to be written as the language writes it."""
    return f"{DAY}{value.isoformat()}"


def worst(findings: Iterable[Finding]) -> Severity:
    """The severest of them; INFO when there are none."""
    return max((one.severity for one in findings), default=Severity.INFO)


def verdict_of(findings: Iterable[Finding], waived: Iterable[str] = ()) -> Verdict:
    """Inadequate with a blocking finding, limited with a limiting one, else adequate.

    What a person waived (by its key) no longer counts; it stays on record.
    """
    dropped = frozenset(waived)
    severity = worst(one for one in findings if one.key not in dropped)
    if severity is Severity.BLOCKING:
        return Verdict.INADEQUATE
    return Verdict.LIMITED if severity is Severity.LIMITING else Verdict.ADEQUATE


def together(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of the same id and words about several series as one, with the numbers of the worst; the
    severest first. What is said in other words (another phase, another landmark) stays apart: it would
    not be true of the others.
    """
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.id, *_words(one)), []).append(one)
    joined = [_joined(group) for group in groups.values()]
    return sorted(joined, key=lambda one: (-one.severity, one.id))


def _words(one: Finding) -> Iterator[str]:
    """The words among the values of the sentence: neither numbers nor dates, nor which series."""
    for name, value in sorted(one.params.items()):
        several = value if isinstance(value, list) else [value]
        if name != "series":
            yield from (
                word for word in several if isinstance(word, str) and not word.startswith(DAY)
            )


def _joined(group: list[Finding]) -> Finding:
    if len(group) == 1:
        return group[0]
    chosen = max(group, key=lambda one: (one.severity, one.rank))
    subjects = tuple(dict.fromkeys(subject for one in group for subject in one.subjects))
    names = list(dict.fromkeys(name for one in group for name in one.params.get("series", [])))
    evidence = {"series": [dict(one.evidence) for one in group]}
    params = {**chosen.params, **({"series": names} if names else {})}
    return replace(chosen, subjects=subjects, params=params, evidence=evidence)
