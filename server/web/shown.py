"""What a visitor without names is shown on pages and in the panel, and what they send back.

The archive's UIDs, descriptions and identifiers are shown as the images show them (the visit's view);
texts that people wrote lose what is known of the patient and the hospital. Whoever sees names gets
everything as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from server.dicom.vocabulary import cleaned
from server.foundation.errors import MarginError
from server.intake.queries import arrivals_of_case
from server.opinions.document import Opinion, Study, Volume
from server.web.redaction import GONE, Identity, without_identity
from server.web.visit import CaseView, Visit

HIDDEN: Final = "not shown on this link"

# Five components at least: an address of the network has four, a date three. PS3.5 B.2: every
# pseudonym stands below 2.25, as do few UIDs of archives.
_UID: Final = re.compile(
    r"(?<![\w.])(?:2\.25\.[0-9]{10,39}|[0-9]+(?:\.[0-9]+){4,})(?!\.?\w)", re.ASCII
)
_BELOW: Final = "2.25."
_QUOTED: Final = re.compile("“([^”]*)”")
# A choice in a form, not words: a patient may well be called Solid.
_CHOICE: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_CLEANED: Final = frozenset({"label", "series_description", "phase"})


@dataclass(frozen=True)
class Veil:
    """How one case is shown without names. Pure, but for what `view` looks up."""

    view: CaseView
    without_names: Callable[[str], str]

    def text(self, text: str) -> str:
        """What somebody wrote, without names and with the UIDs that this visitor knows."""
        return self._uids(self.without_names(text))

    def _uids(self, text: str) -> str:
        return _UID.sub(lambda found: self.uid(found[0]), text)

    def uid(self, uid: str) -> str:
        """The UID as shown. One that came from this visitor and could not be told then stays."""
        known = uid.startswith(_BELOW) and self.view.real(uid) is not None
        return uid if known else self.view.shown(uid)

    def volume(self, volume: dict[str, Any]) -> dict[str, Any]:
        """A measurement as the panel reads it (see `volumetry.queries.volume_json`)."""
        return {
            name: cleaned(value) if name in _CLEANED and value else value
            for name, value in self._each(volume, self._said).items()
        }

    def _said(self, value: Any) -> Any:
        """A sentence of ours may quote a segment's label: of that the known words only."""
        if isinstance(value, str):
            quoted = _QUOTED.sub(lambda found: f"“{cleaned(found[1]) or GONE}”", value)
            return self.answers(quoted)
        return self._each(value, self._said)

    def answers(self, value: Any) -> Any:
        """An annotation's answers: UIDs as shown, what was written without names, choices as is."""
        if isinstance(value, str):
            return value if _CHOICE.fullmatch(value) else self.text(value)
        return self._each(value, self.answers)

    def _each(self, value: Any, shown: Callable[[Any], Any]) -> Any:
        if isinstance(value, list):
            return [shown(one) for one in value]
        if isinstance(value, dict):
            return {
                self._uids(name): self.uid(one) if _is_uid(name, one) else shown(one)
                for name, one in value.items()
            }
        return value

    def kept(self, sent: Any, stored: Any) -> Any:
        """The answers to keep, of those sent back by somebody to whom `stored` was shown.

        What comes back as it was shown stays as it is stored; other UIDs become the archive's, and
        one that nothing here has (or of which nothing can be said while the archive does not
        answer) stays as it was sent.
        """
        return self._kept(sent, stored, {self.uid(uid): uid for uid in _uids_in(stored)})

    def _kept(self, sent: Any, stored: Any, known: dict[str, str]) -> Any:
        if isinstance(sent, str):
            if isinstance(stored, str) and self.answers(stored) == sent:
                return stored
            return _UID.sub(lambda found: self._real(found[0], known), sent)
        if isinstance(sent, list):
            places = [*(stored if isinstance(stored, list) else []), *[None] * len(sent)]
            return [self._kept(one, was, known) for one, was in zip(sent, places, strict=False)]
        if isinstance(sent, dict):
            was = stored if isinstance(stored, dict) else {}
            named = {self._kept(name, None, known): one for name, one in sent.items()}
            return {
                name: self._real(one, known)
                if _is_uid(name, one)
                else self._kept(one, was.get(name), known)
                for name, one in named.items()
            }
        return sent

    def _real(self, uid: str, known: dict[str, str]) -> str:
        return known.get(uid) or self.view.real(uid) or uid

    def panel(self, body: dict[str, Any]) -> dict[str, Any]:
        """Everything the panel reads, or a part of it."""
        parts: dict[str, Callable[[Any], Any]] = {
            "annotation": self._annotation,
            "case": self._case,
            "opinion": _without_address,
            "studies": lambda uids: sorted(self.uid(uid) for uid in uids),
            "volumes": lambda volumes: [self.volume(one) for one in volumes],
        }
        return {name: parts.get(name, _as_is)(value) for name, value in body.items()}

    def _case(self, case: dict[str, Any]) -> dict[str, Any]:
        said = {"question", "local_verdict", "local_verdict_reason"}
        return {name: self.text(one) if name in said else one for name, one in case.items()}

    def _annotation(self, annotation: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self.answers(one) if name in ("answers", "evidence") else one
            for name, one in annotation.items()
        }

    def opinion(self, opinion: Opinion) -> Opinion:
        """A draft for reading. Its answers were put in as `answers` shows them."""
        return replace(
            opinion,
            hospital_name=HIDDEN,
            hospital_reference=HIDDEN,
            patient="",
            question=self.text(opinion.question),
            local_verdict=self.text(opinion.local_verdict),
            local_verdict_reason=self.text(opinion.local_verdict_reason),
            imaging=tuple(self._study(study) for study in opinion.imaging),
            volumes=tuple(self._volume(volume) for volume in opinion.volumes),
        )

    def _study(self, study: Study) -> Study:
        return replace(
            study,
            StudyInstanceUID=self.uid(study.StudyInstanceUID),
            description=cleaned(study.description),
        )

    def _volume(self, volume: Volume) -> Volume:
        return replace(
            volume,
            label=cleaned(volume.label),
            series_description=cleaned(volume.series_description),
            SeriesInstanceUID=self.uid(volume.SeriesInstanceUID),
            SOPInstanceUID=self.uid(volume.SOPInstanceUID),
            refusal=self._said(volume.refusal),
        )


@dataclass(frozen=True)
class Asked:
    """What the surgeon is asked, in the hospital's and the coordinator's words."""

    question: str
    local_verdict: str
    local_verdict_reason: str


def veil_of(visit: Visit) -> Veil | None:
    """The veil over this visit's case; None for whoever sees names."""
    if not visit.pseudonymised:
        return None
    identity = identity_of(visit)
    return Veil(visit.view, lambda text: without_identity(text, identity))


def identity_of(visit: Visit) -> Identity:
    """Everything Margin knows of whose case it is: what arrived, what was expected, who asks."""
    case, arrivals = visit.case, arrivals_of_case(visit.session, visit.case.id)
    titles = {line.ae_title for line in case.hospital.lines}
    numbers = {
        *re.split(r"[\s,;]+", case.accession_number),
        *(one.AccessionNumber for one in arrivals),
        *(one.PatientID for one in arrivals),
        *(one.StudyID for one in arrivals),
    }
    return Identity(
        names=frozenset(one.PatientName for one in arrivals),
        identifiers=frozenset(numbers | titles),
        birth_dates=frozenset(one.PatientBirthDate for one in arrivals),
        institutions=frozenset({case.hospital.name}),
    )


def panel(visit: Visit, body: dict[str, Any]) -> dict[str, Any]:
    """What the panel reads, as this visitor may see it: the whole of it, or some of its parts."""
    veil = veil_of(visit)
    return veil.panel(body) if veil else body


def answers(visit: Visit, stored: dict[str, Any]) -> dict[str, Any]:
    """Stored answers, as this visitor may see them."""
    veil = veil_of(visit)
    found: dict[str, Any] = veil.answers(stored) if veil else stored
    return found


def words(visit: Visit, text: str) -> str:
    """What somebody wrote, as this visitor may see it."""
    veil = veil_of(visit)
    return veil.text(text) if veil else text


def kept(visit: Visit, sent: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """Answers that this visitor sent, as they are to be stored over `stored`."""
    veil = veil_of(visit)
    found: dict[str, Any] = veil.kept(sent, stored) if veil else sent
    return found


def opinion(visit: Visit, draft: Opinion) -> Opinion:
    """An opinion's draft, as this visitor may see it."""
    veil = veil_of(visit)
    return veil.opinion(draft) if veil else draft


def asked(visit: Visit) -> Asked:
    """The question with the local verdict, as this visitor may see them."""
    case, veil = visit.case, veil_of(visit)
    shown = veil.text if veil else _as_is
    return Asked(shown(case.question), shown(case.local_verdict), shown(case.local_verdict_reason))


@contextmanager
def refusals(visit: Visit) -> Iterator[None]:
    """A refusal that carries what is stored now carries it as this visitor may see it."""
    try:
        yield
    except MarginError as error:
        veil = veil_of(visit) if isinstance(error.facts.get("current"), dict) else None
        if veil:
            error.facts["current"] = veil.panel({"annotation": error.facts["current"]})[
                "annotation"
            ]
        raise


def _uids_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _UID.findall(value)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _uids_in(name)
            yield from (one,) if _is_uid(name, one) else _uids_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from _uids_in(one)


def _is_uid(name: str, value: Any) -> bool:
    """Whether an attribute's keyword says that its value is a UID, however short it is."""
    return name.endswith("UID") and isinstance(value, str)


def _as_is(value: Any) -> Any:
    return value


def _without_address(opinion: dict[str, Any] | None) -> dict[str, Any] | None:
    """The document itself names the hospital, so there is nothing to open."""
    return {**opinion, "href": ""} if opinion else opinion
