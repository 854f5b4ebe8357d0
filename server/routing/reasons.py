"""The reasons of a ranking in words: one short sentence for each mark. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from server.cases.countries import country_in_sentence
from server.foundation.sentences import listed
from server.routing.values import Away, CaseNeeds, Mark, Reason
from server.routing.vocabulary import (
    ORGAN_TITLES,
    cancer_of,
    cancers,
    capability_words,
    centre_kinds,
    in_sentence,
    languages,
    operations,
    subspecialties,
)

FITS, LACKS, WARNING, EXCLUDED = "fits", "lacks", "warning", "excluded"
KINDS: Final = (EXCLUDED, FITS, LACKS, WARNING)
# Where a name ends that is put into a sentence: nobody reads three lines of names.
_MOST_CALLERS: Final = 3


@dataclass(frozen=True)
class Reasons:
    """Every reason for one surgeon or centre, each list in the order of the rule."""

    excluded: tuple[Reason, ...] = ()
    fits: tuple[Reason, ...] = ()
    lacks: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """Sentences and points, by kind."""
        return {
            name: [{"text": one.text, "points": one.points} for one in getattr(self, name)]
            for name in ("excluded", "fits", "lacks", "warnings")
        }


def in_words(marks: Iterable[Mark], needs: CaseNeeds) -> Reasons:
    """The marks as sentences, sorted by kind."""
    lists: dict[str, list[Reason]] = {kind: [] for kind in KINDS}
    for code, points, fact in marks:
        kind, words = _SAID[code]
        text = words(fact, needs)
        lists[kind].append(Reason(kind, text, points))
    return Reasons(*(tuple(lists[kind]) for kind in KINDS))


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _called(code: str, needs: CaseNeeds) -> str:
    by = [call.called_by for call in needs.calls if call.capability == code and call.needed]
    by = list(dict.fromkeys(by))
    if len(by) > _MOST_CALLERS:
        by = [*by[:_MOST_CALLERS], f"{len(by) - _MOST_CALLERS} more"]
    return listed(by) if by else "the case"


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]


def _capability(ending: str) -> Callable[[Any, CaseNeeds], str]:
    def words(code: str, needs: CaseNeeds) -> str:
        return f"{_capitalised(capability_words(code))}{ending} (called for by {_called(code, needs)})."

    return words


def _welcome(beginning: str) -> Callable[[Any, CaseNeeds], str]:
    def words(codes: Iterable[str], needs: CaseNeeds) -> str:
        cancer = in_sentence(cancer_of(needs.organ, needs.cancer).title)
        named = listed(capability_words(code) for code in codes)
        return f"{beginning} often decides in {cancer} (claim): {named}."

    return words


def _volume(volume: Any, _needs: CaseNeeds) -> str:
    known = operations().get(volume.operation)
    title = known.title if known else volume.operation
    said = f" ({volume.source})" if volume.source else " (source not given)"
    return f"{title}: {volume.count} in {volume.year}{said}."


def _organ(organ: str) -> str:
    return in_sentence(ORGAN_TITLES.get(organ, organ))


def _load(fact: tuple[int, int], _needs: CaseNeeds) -> str:
    now, most = fact
    held = "No case now" if not now else f"{_count(now, 'case')} now"
    return f"{held}; takes {most} at a time."


def _away_words(away: Away, _needs: CaseNeeds) -> str:
    why = f" ({away.why})" if away.why else ""
    days = f"from {away.from_on} to {away.until_on}" if away.from_on != away.until_on else ""
    return f"Away {days or f'on {away.from_on}'}{why}"


def _tied(fact: Any) -> str:
    centre, tie = fact
    how = "is affiliated with" if tie.how == "affiliated" else "belongs to"
    return f"{centre} {how} {tie.name}"


def _speaks(codes: Iterable[str]) -> str:
    return listed(languages().get(code, code) for code in codes)


def _against(conflict: Any) -> str:
    whom = conflict.name or "where the case comes from"
    return f"Conflict of interest with {whom}: {conflict.why.rstrip('.')}."


_Words = Callable[[Any, CaseNeeds], str]
_SAID: Final[dict[str, tuple[str, _Words]]] = {
    "organ": (FITS, lambda organ, _: f"Operates on the organ in question: {_organ(organ)}."),
    "organ_missing": (LACKS, lambda organ, _: f"Does not list the organ: {_organ(organ)}."),
    "knows": (FITS, lambda words, _: words),
    "subspecialty": (FITS, lambda code, _: f"{subspecialties()[code].title}."),
    "capability": (FITS, _capability("")),
    "capability_at_centre": (FITS, _capability(" at the centre, not by this surgeon")),
    "capability_missing": (LACKS, _capability(": not offered")),
    "welcome": (FITS, _welcome("Offers what")),
    "welcome_at_centre": (FITS, _welcome("Offered at the centre, what")),
    "welcome_missing": (LACKS, _welcome("Does not name, though it")),
    "volume": (FITS, _volume),
    "volume_unknown": (LACKS, lambda organ, _: f"No yearly volume is known for {_organ(organ)}."),
    "volume_old": (WARNING, lambda volume, _: f"The newest volume is of {volume.year}: ask again."),
    "centre_kind": (FITS, lambda code, _: f"Works at: {in_sentence(centre_kinds()[code].title)}."),
    "kind": (FITS, lambda code, _: f"{centre_kinds()[code].title}, as suits this cancer (claim)."),
    "kind_missing": (
        LACKS,
        lambda code, _: (
            "Not listed as "
            + " or ".join(in_sentence(centre_kinds()[kind].title) for kind in cancers()[code].kinds)
            + "."
        ),
    ),
    "language": (FITS, lambda codes, _: f"Speaks {_speaks(codes)}."),
    "language_missing": (LACKS, lambda codes, _: f"Does not speak {_speaks(codes)}."),
    "country": (FITS, lambda code, _: f"Takes cases from {country_in_sentence(code)}."),
    "any_country": (
        FITS,
        lambda code, _: f"Takes cases from any country, so from {country_in_sentence(code)}.",
    ),
    "country_missing": (
        LACKS,
        lambda code, _: (
            f"Does not list {country_in_sentence(code)} among the countries they take cases from."
        ),
    ),
    "load": (FITS, _load),
    "turnaround": (
        FITS,
        lambda fact, _: f"Took {fact[0]:.1f} days on average over {_count(fact[1], 'case')}.",
    ),
    "turnaround_slow": (
        LACKS,
        lambda fact, _: (
            f"Took {fact[0]:.1f} days on average over {_count(fact[1], 'case')}, longer than the limit."
        ),
    ),
    "turnaround_unknown": (
        WARNING,
        lambda _fact, _: "No finished case yet: the time they take is not known.",
    ),
    "present": (FITS, lambda until, _: f"No absence until it is due on {until}."),
    "presence": (FITS, lambda until, _: f"Present on days before it is due on {until}."),
    "away": (WARNING, lambda away, needs: f"{_away_words(away, needs)}, before it is due."),
    "holiday": (
        WARNING,
        lambda fact, _: f"Holiday in {country_in_sentence(fact[0])} on {fact[1]}: {fact[2]}.",
    ),
    "no_profile": (WARNING, lambda _fact, _: "No profile yet: nothing of what they do is known."),
    "similar_name": (
        WARNING,
        lambda fact, _: (
            f"{fact[0]} may be the same as “{fact[1]}”, where the case comes from: check."
        ),
    ),
    "surgeons": (FITS, lambda count, _: f"{_count(count, 'surgeon')} there could be asked now."),
    "no_surgeon": (LACKS, lambda _fact, _: "No surgeon there could be asked now."),
    "inactive": (EXCLUDED, lambda _fact, _: "Has no access any more."),
    "centre_inactive": (EXCLUDED, lambda _fact, _: "The centre is no longer asked."),
    "not_accepting": (EXCLUDED, lambda _fact, _: "Takes no cases at present."),
    "tier": (EXCLUDED, lambda title, _: f"Does not take cases of this tier: {in_sentence(title)}."),
    "full": (EXCLUDED, lambda fact, _: f"Has {fact[0]} of at most {fact[1]} cases at a time."),
    "asked": (EXCLUDED, lambda words, _: words),
    "away_when_due": (EXCLUDED, lambda away, needs: f"{_away_words(away, needs)}, when it is due."),
    "away_until_due": (
        EXCLUDED,
        lambda fact, _: f"Present on {fact[0]} of the {_count(fact[1], 'day')} until it is due.",
    ),
    "first_verdict": (
        EXCLUDED,
        lambda centre, _: f"Works at {centre}, which gave the first verdict.",
    ),
    "hospital_itself": (EXCLUDED, lambda centre, _: f"Works at {centre}, the hospital that asks."),
    "tied_to_hospital": (
        EXCLUDED,
        lambda fact, _: f"Not independent: {_tied(fact)}, the hospital that asks.",
    ),
    "tied_to_first": (
        EXCLUDED,
        lambda fact, _: f"Not independent: {_tied(fact)}, which gave the first verdict.",
    ),
    "conflict": (EXCLUDED, lambda conflict, _: _against(conflict)),
    "centre_first_verdict": (EXCLUDED, lambda _fact, _: "It gave the first verdict."),
    "centre_hospital_itself": (EXCLUDED, lambda _fact, _: "It is the hospital that asks."),
    "centre_tied_to_hospital": (
        EXCLUDED,
        lambda fact, _: f"Not independent: {_tied(fact)}, the hospital that asks.",
    ),
    "centre_tied_to_first": (
        EXCLUDED,
        lambda fact, _: f"Not independent: {_tied(fact)}, which gave the first verdict.",
    ),
    "centre_conflict": (EXCLUDED, lambda conflict, _: _against(conflict)),
}
