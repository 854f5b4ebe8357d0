"""Signed revisions as a chain: each holds the hash of the one before, so that none can be exchanged.

Pure. What is hashed is everything a signature stands for: the answers, the form and the options they
were judged with, what was looked at, who signed and when, what is amended and why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from server.foundation.clock import iso


@dataclass(frozen=True)
class Link:
    """What one signature says, as values of JSON. `previous_sha256` is empty for the first one."""

    organ: str
    number: int
    schema_version: int
    answers_sha256: str
    options: Mapping[str, Any]
    evaluations: Sequence[Mapping[str, Any]]
    imaging: Sequence[Mapping[str, Any]]
    verdict: str
    signed_by: str
    signed_at: str
    amends: int | None
    amendment_reason: str
    previous_sha256: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the link in canonical JSON (sorted keys, no blanks, UTF-8)."""
        return _sha256(asdict(self))


class SignedRevision(Protocol):
    """What a link is made from."""

    number: int
    answers: dict[str, Any]
    evaluations: list[dict[str, Any]]
    signed_at: datetime | None
    signed_by: str
    verdict: str
    sha256: str
    schema_version: int
    options: dict[str, dict[str, str]]
    imaging: list[dict[str, Any]]
    amends: int | None
    amendment_reason: str
    previous_sha256: str
    chain_sha256: str


def answers_sha256(organ_id: str, answers: Mapping[str, Any]) -> str:
    """SHA-256 of the answers in canonical JSON, together with the organ they are about."""
    return _sha256({"organ": organ_id, "answers": answers})


def link_of(organ_id: str, revision: SignedRevision) -> Link:
    """The link that a signed revision makes."""
    assert revision.signed_at is not None
    return Link(
        organ=organ_id,
        number=revision.number,
        schema_version=revision.schema_version,
        answers_sha256=revision.sha256,
        options=revision.options,
        evaluations=revision.evaluations,
        imaging=revision.imaging,
        verdict=revision.verdict,
        signed_by=revision.signed_by,
        signed_at=iso(revision.signed_at),
        amends=revision.amends,
        amendment_reason=revision.amendment_reason,
        previous_sha256=revision.previous_sha256,
    )


def seal(revision: SignedRevision) -> str:
    """By which the next one names this one: its link, or its answers where it was signed before
    there were links.
    """
    return revision.chain_sha256 or revision.sha256


def breaks(organ_id: str, signed: Iterable[SignedRevision]) -> Iterator[str]:
    """What does not fit together in the signed revisions of one annotation, oldest first, as
    sentences; nothing where the chain holds.
    """
    before = ""
    for revision in signed:
        if answers_sha256(organ_id, revision.answers) != revision.sha256:
            yield f"The answers of revision {revision.number} are not those that were signed."
        if revision.chain_sha256 and link_of(organ_id, revision).sha256 != revision.chain_sha256:
            yield f"Revision {revision.number} is not as it was signed."
        if revision.chain_sha256 and revision.previous_sha256 != before:
            yield f"Revision {revision.number} does not follow the revision before it."
        before = seal(revision)


def _sha256(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
