"""What a case's records lack. Pure: the checklist and the facts in, each item's standing out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.dossier.checklist import Checklist, Item, Need, markers
from server.dossier.quantities import QUANTITIES
from server.dossier.value_sets import ASKS_FOR_THEMSELVES


class Standing(StrEnum):
    """Where an item stands."""

    RECEIVED = "received"
    PARTLY = "partly"
    OUTSTANDING = "outstanding"
    NOT_AVAILABLE = "not_available"
    WAIVED = "waived"


WORDS: Final[dict[Standing, str]] = {
    Standing.RECEIVED: "received",
    Standing.PARTLY: "partly received",
    Standing.OUTSTANDING: "outstanding",
    Standing.NOT_AVAILABLE: "not available",
    Standing.WAIVED: "waived",
}


OLD: Final = "Of an earlier round; nothing newer has come."
SAID_BEFORE: Final = "This was said before this round: ask whether it still holds."


@dataclass(frozen=True)
class Decision:
    """What a person said of an item that nobody will send: not available, or waived. `earlier` is
    whether it was said before the round began in which the case is.
    """

    standing: Standing
    reason: str
    by: str
    earlier: bool = False


@dataclass(frozen=True)
class ConsentFacts:
    """Whether the patient agreed. `asker` is a key of `value_sets.ASKERS`."""

    asker: str
    given: bool
    revoked: bool = False

    @property
    def needed(self) -> bool:
        """Somebody who asks for another needs that person's consent (requirement 10)."""
        return self.asker != ASKS_FOR_THEMSELVES

    @property
    def problem(self) -> str:
        """What is wrong with it, or nothing. A revoked consent counts even where none was needed."""
        if self.revoked:
            return "The patient has revoked the consent."
        if self.needed and not self.given:
            return "The patient's consent is not recorded."
        return ""


@dataclass(frozen=True)
class Facts:
    """What is known of a case's records.

    `documents` maps a document's id to its kind and the items it also covers; `entries` counts lines
    by kind; `studies` those of this round; `specimens` counts those listed and `specimens_here` those
    that arrived. `fresh` is what came for this round (documents and quantities by id, lines by kind),
    or None in a first round, for which everything came.
    """

    documents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    quantities: frozenset[str] = frozenset()
    markers: frozenset[str] = frozenset()
    entries: Mapping[str, int] = field(default_factory=dict)
    studies: int = 0
    specimens: int = 0
    specimens_here: int = 0
    question: bool = False
    circumstances: Mapping[str, bool] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    consent: ConsentFacts = ConsentFacts("hospital", given=True)
    fresh: frozenset[str] | None = None


@dataclass(frozen=True)
class ItemState:
    """One item of a case: what it is, how it stands and what is still missing of it."""

    item: Item
    need: Need
    standing: Standing
    documents: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    remark: str = ""
    decision: Decision | None = None
    raised_by: str = ""

    @property
    def settled(self) -> bool:
        """Whether nobody has to act. What is required and not available needs somebody to waive it."""
        if self.standing is Standing.NOT_AVAILABLE:
            return self.need is not Need.REQUIRED
        return self.standing in (Standing.RECEIVED, Standing.WAIVED)

    @property
    def blocks(self) -> bool:
        """Whether the case waits for it."""
        return self.need is Need.REQUIRED and not self.settled

    @property
    def words(self) -> str:
        """The standing in words."""
        return WORDS[self.standing]

    @property
    def lack(self) -> str:
        """What is missing, in a phrase."""
        if self.missing and self.standing is not Standing.NOT_AVAILABLE:
            return f"{self.item.title}: {', '.join(self.missing)}"
        return self.item.title


@dataclass(frozen=True)
class Completeness:
    """Every item of a case's checklist, and what stops the case."""

    checklist: Checklist
    items: tuple[ItemState, ...]
    consent: ConsentFacts

    @property
    def blocking(self) -> tuple[str, ...]:
        """What has to be there, or be waived, before the clock can start; in phrases."""
        lacks = [state.lack for state in self.items if state.blocks]
        problem = self.consent.problem
        return (*lacks, *([problem] if problem else []))

    @property
    def complete(self) -> bool:
        return not self.blocking

    @property
    def wanted(self) -> tuple[ItemState, ...]:
        """What is still open and more than welcome, the required first."""
        found = [one for one in self.items if not one.settled and one.need is not Need.WELCOME]
        return tuple(sorted(found, key=lambda one: one.need is not Need.REQUIRED))

    def settled_of(self, need: Need) -> tuple[int, int]:
        """How many items of that need are settled, and how many there are."""
        those = [one for one in self.items if one.need is need]
        return sum(one.settled for one in those), len(those)


def completeness(checklist: Checklist, facts: Facts) -> Completeness:
    """How each item of the checklist stands."""
    states = tuple(_state(checklist, item, facts) for item in checklist.items)
    return Completeness(checklist, states, facts.consent)


def _state(checklist: Checklist, item: Item, facts: Facts) -> ItemState:
    need = item.need_under(facts.circumstances)
    documents = tuple(
        document for document, covers in facts.documents.items() if covers & {*item.kinds, item.id}
    )
    standing, missing, remark = _filled(checklist, item, facts, documents)
    if standing in (Standing.RECEIVED, Standing.PARTLY) and _is_old(item, facts, documents):
        remark = f"{OLD} {remark}".strip()
    decision = facts.decisions.get(item.id)
    if decision is not None and decision.earlier and item.fill == "studies":
        # Every round wants images of its own, whatever was waived in the one before.
        decision = None
    if decision is not None and standing is not Standing.RECEIVED:
        standing = decision.standing
        remark = SAID_BEFORE if decision.earlier else remark
    return ItemState(
        item,
        need,
        standing,
        documents,
        missing,
        remark,
        decision,
        item.reason_under(facts.circumstances),
    )


def _is_old(item: Item, facts: Facts, documents: tuple[str, ...]) -> bool:
    """Whether what fills the item came for an earlier round of the case only. A study, the question
    and a specimen are not asked: they are counted by round, or hold for all."""
    if facts.fresh is None or item.fill in ("studies", "question", "specimens"):
        return False
    of_lines = {
        "markers": "marker",
        "treatment": "treatment",
        "medication": "medication",
        "questions": "question",
    }
    could_fill = {*documents, *item.quantities, of_lines.get(item.fill, "")}
    return not could_fill & facts.fresh


_Filled = tuple[Standing, tuple[str, ...], str]


def _filled(checklist: Checklist, item: Item, facts: Facts, documents: tuple[str, ...]) -> _Filled:
    match item.fill:
        case "values":
            return _values(item, facts, documents)
        case "markers":
            return _markers(checklist, facts, documents)
        case "specimens":
            return _specimens(facts)
        case "studies":
            return _there(facts.studies > 0)
        case "question":
            return _there(facts.question)
        case "treatment":
            if facts.circumstances.get("treated_before") is False and not facts.entries.get(
                "treatment"
            ):
                return Standing.RECEIVED, (), "No treatment was given."
            return _there(bool(documents) or facts.entries.get("treatment", 0) > 0)
        case "medication" | "questions":
            line = "medication" if item.fill == "medication" else "question"
            return _there(bool(documents) or facts.entries.get(line, 0) > 0)
        case _:
            return _there(bool(documents))


def _there(is_there: bool) -> _Filled:
    return (Standing.RECEIVED if is_there else Standing.OUTSTANDING), (), ""


def _values(item: Item, facts: Facts, documents: tuple[str, ...]) -> _Filled:
    missing = tuple(QUANTITIES[one].title for one in item.quantities if one not in facts.quantities)
    if not missing:
        return Standing.RECEIVED, (), ""
    begun = bool(documents) or len(missing) < len(item.quantities)
    remark = "The report is here; its values are not typed yet." if documents else ""
    return (Standing.PARTLY if begun else Standing.OUTSTANDING), missing, remark


def _markers(checklist: Checklist, facts: Facts, documents: tuple[str, ...]) -> _Filled:
    wanted = [markers()[one].title for one in checklist.markers if one not in facts.markers]
    missing = tuple(wanted)
    if documents:
        return Standing.RECEIVED, (), f"Not typed yet: {', '.join(missing)}." if missing else ""
    if not checklist.markers:
        return _there(bool(facts.markers))
    if not missing:
        return Standing.RECEIVED, (), ""
    begun = len(missing) < len(checklist.markers)
    return (Standing.PARTLY if begun else Standing.OUTSTANDING), missing, ""


def _specimens(facts: Facts) -> _Filled:
    if facts.specimens == 0:
        return Standing.OUTSTANDING, (), ""
    if facts.specimens_here == facts.specimens:
        return Standing.RECEIVED, (), ""
    remark = f"{facts.specimens_here} of {facts.specimens} arrived."
    return Standing.PARTLY, (), remark
