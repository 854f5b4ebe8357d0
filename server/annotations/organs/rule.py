"""A published criteria set written as a table, and one line of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from server.annotations.decision import (
    Answers,
    Category,
    Evaluation,
    Option,
    Options,
    Ruleset,
    Trust,
)

CaseT = TypeVar("CaseT")


@dataclass(frozen=True)
class PublishedRule(Generic[CaseT]):
    """`applies` says whether the line holds for a case, `text` what it says of it; `source` is the
    publication that `category` is read from, `trust` how that reading was checked."""

    id: str
    category: Category
    source: str
    trust: Trust
    applies: Callable[[CaseT], bool]
    text: Callable[[CaseT], str]


@dataclass(frozen=True)
class PublishedTable(ABC):
    """A criteria set as a table. There are several ways of writing one; each says how it is applied."""

    id: str
    title: str
    version: str
    source: str
    options: tuple[Option, ...] = field(default=(), kw_only=True)

    @abstractmethod
    def evaluate(self, answers: Answers, options: Options) -> Evaluation:
        """The table applied to answers of any shape and a complete set of options."""

    def ruleset(self) -> Ruleset:
        """The table as a ruleset of an organ."""
        return Ruleset(self.id, self.title, self.version, self.source, self.evaluate, self.options)
