"""With which voice a visitor speaks in the questions of a case."""

from __future__ import annotations

from server.access.action import Action, Permit
from server.access.permissions import Account, Actor, Holder, Program
from server.conversation.visibility import Side, Voice
from server.web.visit import Visit


def voice_of(visit: Visit) -> Voice:
    """The side from which this visitor speaks, and as whom."""
    actor = visit.actor
    if isinstance(actor, Holder):
        return Voice(_side_of(visit), actor.person_id or actor.grant_id, actor.name)
    if isinstance(actor, Account):
        side = Side.SURGEON if actor.role == "surgeon" else Side.COORDINATOR
        return Voice(side, actor.person_id, actor.name)
    return _program(actor)


def _side_of(visit: Visit) -> Side:
    """A link that lets somebody judge is a surgeon's; one that only sends is the hospital's."""
    assert isinstance(visit.actor, Holder)
    judges = visit.may(Action.ANNOTATION_WRITE) and Permit.ANNOTATE in visit.actor.permits
    return Side.SURGEON if judges else Side.HOSPITAL


def _program(actor: Actor) -> Voice:
    assert isinstance(actor, Program)
    side = Side.HOSPITAL if actor.hospital_id is not None else Side.COORDINATOR
    return Voice(side, actor.program_id, actor.name)


def is_hospital(visit: Visit) -> bool:
    """Whether the hospital itself came: by its key, or by the case's link for sending and reading."""
    actor = visit.actor
    if isinstance(actor, Holder) and not actor.permits & {Permit.UPLOAD, Permit.DOWNLOAD}:
        return False
    return voice_of(visit).side is Side.HOSPITAL


def person_id_of(visit: Visit) -> str | None:
    """The person behind this visitor, where Margin knows them by name."""
    actor = visit.actor
    if isinstance(actor, Account | Holder):
        return actor.person_id
    return None
