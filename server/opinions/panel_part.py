"""What an opinion says of the panel that gave it: who voted for what, and who dissents.

Plain words only: the panel's room counts the votes and applies its rule, this room prints them.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.foundation.errors import Invalid


class PanelPartMalformed(Invalid):
    """The panel's part of an opinion contradicts itself."""


@dataclass(frozen=True)
class PanelMember:
    """One surgeon of the panel. `called_later` marks those called because the first disagreed."""

    name: str
    centre: str = ""
    called_later: bool = False


@dataclass(frozen=True)
class PanelVote:
    """One independent vote: `code` is the annotation's verdict, `label` what is printed."""

    name: str
    code: str
    label: str


@dataclass(frozen=True)
class Dissent:
    """A member who does not share the conclusion, and why, in the member's own words."""

    name: str
    reason: str


@dataclass(frozen=True)
class AgreementRow:
    """How far the votes agree about one field: `agreeing` of `of` said the most frequent value.

    `values` are the answers in words, one for each different answer, most frequent first.
    """

    label: str
    agreeing: int
    of: int
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class PanelPart:
    """A panel's opinion: the rule it worked by, its votes, its conclusion and the dissent.

    `rule` says the majority rule in one sentence. `majority` is the verdict that the votes make, in
    words, and empty where they make none. Raises `PanelPartMalformed` when somebody voted, dissents
    or presides who is not a member.
    """

    rule: str
    members: tuple[PanelMember, ...]
    votes: tuple[PanelVote, ...] = ()
    majority: str = ""
    chair: str = ""
    conclusion: str = ""
    dissent: tuple[Dissent, ...] = ()
    agreement: tuple[AgreementRow, ...] = ()

    def __post_init__(self) -> None:
        known = {member.name for member in self.members}
        named = [vote.name for vote in self.votes] + [one.name for one in self.dissent]
        for name in [*named, *([self.chair] if self.chair else [])]:
            if name not in known:
                raise PanelPartMalformed(f"{name} is not a member of this panel.")
        for row in self.agreement:
            if not 0 <= row.agreeing <= row.of:
                raise PanelPartMalformed(f"“{row.label}” has more agreement than votes.")

    @property
    def voted_for(self) -> dict[str, str]:
        """The verdict in words by the member's name; whoever did not vote is not in it."""
        return {vote.name: vote.label for vote in self.votes}
