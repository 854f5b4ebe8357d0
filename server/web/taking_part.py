"""What part a visitor has in the case they visit: whose form they write, and what they see of others."""

from __future__ import annotations

from dataclasses import dataclass

from server.access.permissions import Account, Holder
from server.annotations.records import Annotation, Revision
from server.cases.assigning import require_part
from server.cases.locking import lock
from server.foundation.errors import Conflict
from server.panel import sight
from server.panel.actions import check_may_vote
from server.panel.queries import panel_of, vote_of
from server.panel.records import Panel
from server.volumetry.records import VolumeMeasurement
from server.web.visit import Visit


class ConclusionElsewhere(Conflict):
    """The chair wants to sign the conclusion's form without having written the conclusion."""


class VotesStand(Conflict):
    """Somebody wants to amend a vote."""


@dataclass(frozen=True)
class Part:
    """Who somebody is on a case. `person_id` is None for a link that was made out to a name only.

    `reviewer_id` is under which id their form is kept: their own, or the panel's for its chair once all
    votes are in.
    """

    reviewer_id: str
    name: str
    person_id: str | None
    panel: Panel | None

    @property
    def chairs(self) -> bool:
        """Whether they are the chair of the case's panel."""
        return self.panel is not None and self.panel.chair_id == self.person_id is not None

    @property
    def concludes(self) -> bool:
        """Whether the form they write is the conclusion's."""
        return self.panel is not None and self.reviewer_id == self.panel.id


def part_in(visit: Visit) -> Part:
    """The visitor's part in the visited case; found once for a request."""
    known = visit.found.get("part")
    if isinstance(known, Part):
        return known
    own_id, name, person_id = _own(visit)
    panel = panel_of(visit.session, visit.case)
    writes = own_id
    if panel is not None and not panel.sealed and panel.chair_id == person_id is not None:
        writes = panel.id
    part = Part(writes, name, person_id, panel)
    visit.found["part"] = part
    return part


def _own(visit: Visit) -> tuple[str, str, str | None]:
    actor = visit.actor
    if isinstance(actor, Holder):
        return actor.person_id or actor.grant_id, actor.name, actor.person_id
    if isinstance(actor, Account):
        return actor.person_id, actor.name, actor.person_id
    # A program, or whoever a link of another kind let in: they have written nothing.
    return "", actor.text, None


def own_id(visit: Visit) -> str:
    """Under which id this visitor's own work is kept, whatever part they have."""
    return _own(visit)[0]


def hold_to_sign(visit: Visit, *, amends: bool) -> Part:
    """Hold the case still and see whether this visitor may sign it now.

    Raises NotAsked, ObserversLookOnly, VotesClosed, NotAVoter, HasVoted, ConclusionElsewhere or
    VotesStand: then nothing was signed, and what was entered stays a draft.
    """
    lock(visit.session, visit.case)
    visit.found.pop("part", None)
    part = part_in(visit)
    if part.panel is None:
        # A link that was made out to a name only was given by hand, and is taken back by hand.
        if part.person_id is not None and not amends:
            require_part(visit.case, part.person_id)
        return part
    if part.concludes:
        if part.panel.state == "open":
            raise ConclusionElsewhere(
                "The conclusion is signed on the panel's page, with its text.",
                remedy="Open the panel's page; this form is part of what you sign there.",
            )
        return part
    if amends:
        raise VotesStand("A vote is not amended.", remedy="The chair can amend the conclusion.")
    if (
        part.person_id is not None
        and part.panel.sealed
        and vote_of(part.panel, part.person_id) is None
    ):
        require_part(visit.case, part.person_id)
    check_may_vote(part.panel, visit.case, part.person_id or "")
    return part


def has_part(visit: Visit) -> bool:
    """Whether this visitor has the case: the review begins with what they save, not with what somebody
    saves who was asked and has not accepted."""
    part = part_in(visit)
    if part.person_id is None:
        return True
    return any(
        one.person_id == part.person_id and one.state == "active" and one.decides
        for one in visit.case.assignments
    )


def refuse_amending_votes(visit: Visit) -> None:
    """Raise VotesStand for a member of a panel: what they signed is a vote."""
    part = part_in(visit)
    if part.panel is not None and not part.concludes:
        raise VotesStand("A vote is not amended.", remedy="The chair can amend the conclusion.")


def annotations_seen(visit: Visit) -> list[Annotation]:
    """The case's annotations that this visitor may see."""
    return sight.visible_annotations(visit.session, visit.case.id, own_id(visit))


def signed_seen(visit: Visit) -> list[Revision]:
    """The case's signed revisions of this round that this visitor may see; of a panel the conclusion."""
    part, case = part_in(visit), visit.case
    found = [
        one
        for one in sight.visible_signed(visit.session, case.id, own_id(visit))
        if one.annotation.round == case.round
    ]
    if part.panel is not None:
        return [one for one in found if one.annotation.reviewer_id == part.panel.id]
    return found


def volumes_seen(visit: Visit) -> list[VolumeMeasurement]:
    """The case's measurements that this visitor may see, newest first."""
    return sight.visible_volumes(visit.session, visit.case.id, own_id(visit))


def hidden_from(visit: Visit) -> sight.Hidden:
    """What others wrote beside the images of the case and this visitor may not see yet."""
    return sight.hidden_objects(visit.session, visit.case.id, own_id(visit))


def shows_volume(visit: Visit, volume: VolumeMeasurement) -> bool:
    """Whether this visitor may see a measurement of the case."""
    return volume.SOPInstanceUID not in hidden_from(visit).instances
