"""Where published sets disagree on the same case, and on what.

Pure. Read from the rules that fired: the text of a rule begins with its finding, such as
"SMA contact 180°", up to the first comma, semicolon or full stop.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from server.annotations.decision import Category, Evaluation, in_sentence
from server.annotations.organs.organ import Organ
from server.foundation.sentences import listed

# The contacts at which published sets cut, so that one degree decides: 90, 180 and 270.
CUTS_DEG: Final = (90, 180, 270)  # PMC7603933 table 3, s13063-016-1262-z table 1
_CONTACT: Final = re.compile(r"(?P<vessel>.+) contact (?P<degrees>\d+)°")
_FINDING: Final = re.compile(r"[^,;]+?(?=[,;]|\.$)")


@dataclass(frozen=True)
class Difference:
    """One disagreement: the sentence, the sets that judge worse, and why each set says so.

    `because` holds one line per rule that fired in the sets named by the sentence.
    """

    text: str
    rulesets: tuple[str, ...]
    because: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The difference as plain JSON values."""
        return {
            "text": self.text,
            "rulesets": list(self.rulesets),
            "because": list(self.because),
        }


def differences(organ: Organ, evaluations: Sequence[Evaluation]) -> list[Difference]:
    """The disagreements between an organ's sets, worst category first; empty where they agree, and
    where its sets do not answer the same question (`Organ.one_scale`).

    Only definite categories are compared: an interval does not contradict. Sets that judge worse on
    the same findings share a sentence, against all sets that judge better.
    """
    if not organ.one_scale:
        return []
    decided = [(said, said.category) for said in evaluations if said.category]
    groups: dict[tuple[Category, tuple[str, ...]], list[Evaluation]] = {}
    for said, category in decided:
        groups.setdefault((category, _findings(said)), []).append(said)
    found = []
    for (category, findings), worse in sorted(groups.items(), key=lambda group: -group[0][0].rank):
        better = [(said, other) for said, other in decided if other < category]
        if better:
            found.append(_difference(category, findings, worse, better))
    return found


def _difference(
    category: Category,
    findings: tuple[str, ...],
    worse: list[Evaluation],
    better: list[tuple[Evaluation, Category]],
) -> Difference:
    by_category: dict[Category, list[str]] = {}
    for said, other in sorted(better, key=lambda pair: -pair[1].rank):
        by_category.setdefault(other, []).append(said.title)
    against = listed([_says(titles, other) for other, titles in by_category.items()])
    text = f"{_where(findings)}{_says([said.title for said in worse], category)} where {against}."
    return Difference(
        text=text,
        rulesets=tuple(said.ruleset for said in worse),
        because=tuple(
            f"{said.title}, {fired.rule}: {fired.text}"
            for said in (*worse, *(said for said, _ in better))
            for fired in said.fired
        ),
    )


def _findings(said: Evaluation) -> tuple[str, ...]:
    """What the deciding rules are about, each finding once, in the order of the rules."""
    found = (_FINDING.match(fired.text) for fired in said.fired)
    return tuple(dict.fromkeys(match.group() for match in found if match))


def _where(findings: tuple[str, ...]) -> str:
    if not findings:
        return ""
    words = listed([_at(finding) for finding in findings])
    return f"{words[0].upper()}{words[1:]}, "


def _at(finding: str) -> str:
    match = _CONTACT.fullmatch(finding)
    if not match:
        return f"with {in_sentence(finding)}"
    vessel, degrees = match["vessel"], int(match["degrees"])
    exactly = "exactly " if degrees in CUTS_DEG else ""
    return f"at {exactly}{degrees} degrees of the {in_sentence(vessel)}"


def _says(titles: list[str], category: Category) -> str:
    verb = "says" if len(titles) == 1 else "say"
    return f"{listed(titles)} {verb} {in_sentence(category.label)}"
