"""The rounds of a case: what was seen, who signed what, and every finding that moved between two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.access.action import Action
from server.annotations.changes import Change, category_changes, changes
from server.annotations.organs import ORGANS
from server.annotations.queries import signed_revisions
from server.annotations.records import Revision
from server.dossier.queries import values_of
from server.opinions.queries import opinions_of_case
from server.opinions.records import IssuedOpinion
from server.web import shown
from server.web.pages import case_facts
from server.web.pages.case_facts import ShownStudy, StudySeen
from server.web.visit import Visit


@dataclass(frozen=True)
class Asked:
    """What a signed annotation says of looking again: when, after what, at which findings."""

    on_day: str = ""
    event: str = ""
    finding: str = ""


@dataclass(frozen=True)
class Round:
    """One time point of the case. `moved` is every finding that differs from the round before, as the
    last signature of each has it; `documents` and `values` count what came for it, also before it was
    begun."""

    number: int
    studies: list[StudySeen | ShownStudy]
    signed: Revision | None = None
    verdict: str = ""
    opinion: IssuedOpinion | None = None
    moved: list[Change] = field(default_factory=list)
    documents: int = 0
    values: int = 0
    is_now: bool = False
    is_begun: bool = True


def asked_by_opinion(answers: Mapping[str, Any]) -> Asked:
    """The form's field `reassess_after` (core.json), as it was signed."""
    found = answers.get("reassess_after")
    values = found if isinstance(found, Mapping) else {}
    return Asked(*(str(values.get(name) or "") for name in ("date", "event", "finding")))


def rounds_of(visit: Visit) -> list[Round]:
    """The rounds of the visited case, newest first, in words that this visitor may see."""
    case, session = visit.case, visit.session
    signed = signed_revisions(session, case.id)
    issued = {one.revision_id: one for one in opinions_of_case(session, case.id)}
    seen = case_facts.studies_seen(session, case)
    values = Counter(one.round for one in values_of(session, case.id))
    documents = Counter(one.round for one in case.documents)
    found: list[Round] = []
    before: Revision | None = None
    for number in range(1, case.round_awaited + 1):
        if number > case.round and not (documents[number] or values[number]):
            break
        # A vote that is signed and not issued is nobody's business yet.
        here = [one for one in signed if one.annotation.round == number and one.id in issued]
        last = here[-1] if here else None
        studies = [one for one in seen if one.study.round == number]
        found.append(
            Round(
                number=number,
                studies=[case_facts.without_names(one, visit.view) for one in studies]
                if visit.pseudonymised
                else list(studies),
                signed=last,
                verdict=ORGANS[case.organ].verdict_label(last.verdict) if last else "",
                opinion=issued[last.id] if last and visit.may(Action.OPINION_READ) else None,
                moved=moved(visit, before, last) if before and last else [],
                documents=documents[number],
                values=values[number],
                is_now=number == case.round,
                is_begun=number <= case.round,
            )
        )
        before = last or before
    return found[::-1]


def moved(visit: Visit, before: Revision, after: Revision) -> list[Change]:
    """Every structured finding and every computed category that differs between two signatures."""
    organ = ORGANS[after.annotation.organ]
    was, now = (shown.answers(visit, one.answers) for one in (before, after))
    return [
        *changes(organ, was, now),
        *category_changes(before.evaluations, after.evaluations),
    ]
