"""What stands beside the values in the panel: the time point before, and what an amendment changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.annotations.changes import (
    Change,
    category_changes,
    changes,
    option_changes,
    result_text,
)
from server.annotations.evidence import EVIDENCE
from server.annotations.organs import ORGANS
from server.annotations.records import Revision
from server.annotations.versions import leftovers
from server.cases.queries import case_by_id
from server.foundation.clock import iso
from server.opinions.document import Alteration, Amendment
from server.opinions.queries import opinion_of_revision
from server.panel.sight import visible_priors
from server.web import shown
from server.web.taking_part import own_id
from server.web.visit import Visit


@dataclass(frozen=True)
class Prior:
    """The signed revision that a value is compared with. `case_number` is empty in the same case;
    `round` is that of an earlier round of it, 0 for the revision that is amended."""

    revision: Revision
    case_number: str = ""
    round: int = 0


def prior_of(visit: Visit, revision: Revision | None) -> Prior | None:
    """What an amendment was opened from; else the last signature of the time point before, in an
    earlier round of the case or in an earlier case of the patient."""
    if revision is not None and revision.amends is not None:
        return Prior(amended_by(revision))
    earlier = visible_priors(visit.session, visit.case.id, visit.case.organ, own_id(visit))
    if not earlier:
        return None
    was = earlier[0].annotation
    if was.case_id == visit.case.id:
        return Prior(earlier[0], round=was.round)
    return Prior(earlier[0], case_by_id(visit.session, was.case_id).number)


def amended_by(revision: Revision) -> Revision:
    """The revision that an amendment replaces."""
    return next(one for one in revision.annotation.revisions if one.number == revision.amends)


def prior_json(visit: Visit, prior: Prior | None) -> dict[str, Any] | None:
    """The time point before, as the panel reads it: answers without what they were seen on."""
    if prior is None:
        return None
    was = prior.revision
    assert was.signed_at is not None
    answers = shown.answers(visit, was.answers)
    return {
        "case": prior.case_number or None,
        "round": prior.round or None,
        "revision": was.number,
        "signed_at": iso(was.signed_at),
        "answers": {name: one for name, one in answers.items() if name != EVIDENCE},
        "results": {str(said["ruleset"]): result_text(said) for said in was.evaluations},
    }


def amendment_json(visit: Visit, revision: Revision | None) -> dict[str, Any] | None:
    """Which revision is amended, why, and what differs from it so far."""
    if revision is None or revision.amends is None:
        return None
    return {
        "amends": revision.amends,
        "revision": revision.number,
        "reason": shown.words(visit, revision.amendment_reason),
        "changes": [one.to_json() for one in changes_of(visit, revision, veiled=True)],
    }


def amendment_note(
    visit: Visit, revision: Revision | None, *, veiled: bool = False
) -> Amendment | None:
    """What the opinion says of the one that it replaces; `veiled` as this visitor may see it."""
    if revision is None or revision.amends is None:
        return None
    was = amended_by(revision)
    assert was.signed_at is not None
    issued = opinion_of_revision(visit.session, was.id)
    reason = revision.amendment_reason
    return Amendment(
        revision=was.number,
        opinion_number=issued.number if issued else "",
        signed_at=was.signed_at,
        signed_by=was.signed_by,
        reason=shown.words(visit, reason) if veiled else reason,
        changes=tuple(
            Alteration(one.place, one.label, one.before, one.after)
            for one in changes_of(visit, revision, veiled=veiled)
        ),
    )


def changes_of(visit: Visit, revision: Revision, *, veiled: bool) -> list[Change]:
    """What an amendment changes; `veiled` in the words that this visitor may see."""
    organ, was = ORGANS[revision.annotation.organ], amended_by(revision)
    before, after = was.answers, revision.answers
    if veiled:
        before, after = shown.answers(visit, before), shown.answers(visit, after)
    return [
        *changes(organ, before, after),
        *option_changes(organ, was.options, revision.options),
        *category_changes(was.evaluations, revision.evaluations),
    ]


def older_json(visit: Visit, revision: Revision | None) -> list[dict[str, str]]:
    """What a revision holds that its form has no field for any more."""
    if revision is None:
        return []
    organ = ORGANS[revision.annotation.organ]
    found = leftovers(organ, shown.answers(visit, revision.answers))
    return [{"pointer": one.pointer, "text": one.text} for one in found]
