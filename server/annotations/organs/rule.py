"""One line of a published table, over whatever an organ takes as its case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from server.annotations.decision import Category, Trust

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
