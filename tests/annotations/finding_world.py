"""Cases made of findings on scales, for the properties every set of an organ must have.

An organ is described by its findings: for each JSON pointer the values from best to worst. Some
findings have no order (the side of a tumour): they are varied and hidden, never worsened.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from server.annotations.organs import Organ
from server.annotations.organs.scale import RuleTable

Answers = dict[str, Any]
Values = tuple[Any, ...]
Variant = tuple[str, dict[str, str]]


@dataclass(frozen=True)
class World:
    """An organ with its findings. `kept` are those whose absence is not read as not assessed.

    `contradictions` names what cannot both be true: such a case has no truth to be found.
    """

    organ: Organ
    tables: tuple[RuleTable, ...]
    ordered: Mapping[str, Values]
    unordered: Mapping[str, Values]
    kept: frozenset[str] = frozenset()
    contradictions: Callable[[Answers], list[tuple[str, str]]] = lambda _answers: []

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """How Hypothesis shows what it draws from: short, for all tables are pages."""
        printer.text(f"World of {self.organ.id}")

    @property
    def hideable(self) -> list[str]:
        """The findings whose absence says nothing of them."""
        return [one for one in (*self.ordered, *self.unordered) if one not in self.kept]

    def variants(self) -> list[Variant]:
        """Every set with its defaults, and with each other value of each option."""
        plain: list[Variant] = [(table.id, {}) for table in self.tables]
        return plain + [
            (table.id, {option.name: value})
            for table in self.tables
            for option in table.options
            for value in option.values
            if value != option.default
        ]

    def ends(self, variant: Variant, answers: Answers) -> tuple[int, int]:
        """The ranks of the best and the worst category."""
        ruleset, options = variant
        said = self.organ.ruleset(ruleset).evaluate(answers, options)
        assert said.best is not None and said.worst is not None
        return said.best.rank, said.worst.rank

    def best_case(self) -> Answers:
        """Everything stated, and everything at its best."""
        case: Answers = {}
        for pointer, values in (*self.ordered.items(), *self.unordered.items()):
            put(case, pointer, values[0])
        return case


def put(answers: Answers, pointer: str, value: Any) -> None:
    """Sets the value at a JSON pointer, making objects on the way."""
    *steps, last = pointer.split("/")[1:]
    here = answers
    for step in steps:
        here = here.setdefault(step, {})
    here[last] = value


def take(answers: Answers, pointer: str) -> None:
    """Removes the value at a JSON pointer."""
    *steps, last = pointer.split("/")[1:]
    here = answers
    for step in steps:
        here = here.get(step, {})
    here.pop(last, None)


def at(answers: Answers, pointer: str) -> Any:
    """The value at a JSON pointer."""
    here: Any = answers
    for step in pointer.split("/")[1:]:
        here = here[step]
    return here


@st.composite
def complete_case(draw: st.DrawFn, world: World) -> Answers:
    """Everything stated; most findings at their best, so that single ones decide."""
    case = world.best_case()
    for pointer, values in world.unordered.items():
        put(case, pointer, draw(st.sampled_from(values)))
    busy = st.lists(st.sampled_from(sorted(world.ordered)), unique=True, max_size=5)
    for pointer in draw(busy):
        put(case, pointer, draw(st.sampled_from(world.ordered[pointer])))
    return case


@st.composite
def a_step_for_the_worse(draw: st.DrawFn, world: World) -> tuple[Answers, Answers, str]:
    """A case and the same with one finding worse by any step; the pointer of the finding."""
    before = draw(complete_case(world))
    pointer = draw(st.sampled_from(sorted(world.ordered)))
    values = world.ordered[pointer]
    now = values.index(at(before, pointer))
    after = copy.deepcopy(before)
    put(after, pointer, draw(st.sampled_from(values[now:])))
    return before, after, pointer


@st.composite
def a_case_with_gaps(draw: st.DrawFn, world: World) -> tuple[Answers, Answers]:
    """A complete case, and the same with findings left out."""
    case = draw(complete_case(world))
    assume(not world.contradictions(case))
    open_case = copy.deepcopy(case)
    for pointer in draw(st.lists(st.sampled_from(world.hideable), unique=True, min_size=1)):
        take(open_case, pointer)
    return case, open_case
