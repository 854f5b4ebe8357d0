"""Does a dataset match a search? (PS3.4 C.2.2.2, PS3.18 8.3.4.1.) Pure.

Datasets are in the DICOM JSON Model. An attribute that is absent or empty matches nothing but a
universal match. Values are compared exactly, names of persons without regard to upper and lower
case. Every comparison takes a time that is linear in the length of the value.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_VM, keyword_for_tag, tag_for_keyword

from server.dicomweb.query.attributes import Dataset
from server.dicomweb.query.moments import Range, joined, joined_range, read_range, spans_of
from server.dicomweb.query.parameters import Key, Query
from server.foundation.errors import BadRequest

MOST_UIDS = 500

_NUMBERS = ("DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV")
_NARRATIVES = frozenset({"LT", "ST", "UR", "UT"})  # a backslash may stand in them (PS3.5 6.2)
_NO_WILDCARDS = frozenset({"AS", "AT"})
_SEVERAL = frozenset({"AE", "AS", "AT", "CS", "LO", "PN", "SH", "UC"})  # PS3.4 C.2.2.2.8
_EMPTYABLE = frozenset(  # PS3.4 C.2.2.2.7
    {"AE", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT"}
)
_NOTHING = '""'
_COMPONENTS = 5  # of a name (PS3.5 6.2.1.1)
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_LOST_PLUS = re.compile(r"(?<=[0-9]) (?=[0-9]{4}(?:[^0-9]|$))")
_WORD_ENDS = re.compile(r"[\s^=,;.\-'’]+")
# Letters that Unicode does not take apart into a letter and its accent.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)

Test = Callable[[list[Any]], bool]  # of an attribute's values


@dataclass(frozen=True)
class Criteria:
    """What a dataset, or one item of a sequence, must fulfil: all of it."""

    tests: tuple[tuple[str, Test], ...] = ()
    moments: tuple[tuple[str, str, Range], ...] = ()
    items: tuple[tuple[str, Criteria], ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is asked for at all."""
        return bool(self.tests or self.moments or self.items)

    @property
    def tags(self) -> frozenset[str]:
        """The attributes of the dataset itself that are looked at."""
        pairs = [tag for date, time, _ in self.moments for tag in (date, time)]
        return frozenset([*pairs, *(tag for tag, _ in (*self.tests, *self.items))])

    def match(self, dataset: Dataset) -> bool:
        """Whether `dataset` fulfils them."""
        return (
            all(test(_values(dataset, tag)) for tag, test in self.tests)
            and all(self._holds(dataset, *pair) for pair in self.moments)
            and all(
                any(wanted.match(item) for item in _values(dataset, tag))
                for tag, wanted in self.items
            )
        )

    def among(self, dataset: Dataset) -> Dataset:
        """`dataset` with only those items of the sequences asked about that match (C.2.2.2.6)."""
        found = dict(dataset)
        for tag, wanted in self.items:
            if tag in found:
                matching = [item for item in _values(dataset, tag) if wanted.match(item)]
                found[tag] = {**found[tag], "Value": matching}
        return found

    def _holds(self, dataset: Dataset, date: str, time: str, range_: Range) -> bool:
        dates, times = _values(dataset, date), _values(dataset, time)
        pairs = zip(spans_of("DA", dates), spans_of("TM", times), strict=False)
        return any(range_.holds(joined(*pair)) for pair in pairs)


def criteria(keys: Iterable[Key], query: Query) -> Criteria:
    """What `keys` ask for, with the options of `query`.

    Keys below the same sequence must be fulfilled by one and the same item (PS3.4 C.2.2.2.6). A range
    of dates beside a range of times of the same form is one range of moments (C.2.2.2.5.4). Raises
    BadRequest for a value that its attribute cannot have.
    """
    here: list[Key] = []
    inside: dict[str, list[Key]] = {}
    for key in keys:
        if len(key.path) > 1:
            inside.setdefault(key.path[0], []).append(Key(key.path[1:], key.vr, key.value))
        else:
            here.append(key)
    moments, rest = _pairs({key.path[0]: key for key in here})
    return Criteria(
        tests=tuple((key.path[0], test_of(key, query)) for key in rest),
        moments=tuple(moments),
        items=tuple((tag, criteria(several, query)) for tag, several in inside.items()),
    )


def _values(dataset: Dataset, tag: str) -> list[Any]:
    """The values of an attribute without the empty ones."""
    return [value for value in dataset.get(tag, {}).get("Value", ()) if value or value == 0]


def _pairs(keys: dict[str, Key]) -> tuple[list[tuple[str, str, Range]], list[Key]]:
    """The dates and times that are matched together, and all other keys."""
    moments, joint = [], set()
    for date, key in keys.items():
        time = _time_beside(date) if key.vr == "DA" else None
        if time is None or time not in keys:
            continue
        dates, times = read_range("DA", key.value), read_range("TM", keys[time].value)
        if dates and times and not dates.is_single and dates.form == times.form:
            range_ = joined_range(dates, times)
            if range_.is_backward:
                raise _backward(key)
            moments.append((date, time, range_))
            joint |= {date, time}
    return moments, [key for tag, key in keys.items() if tag not in joint]


def _time_beside(date: str) -> str | None:
    """The tag of `StudyTime` for that of `StudyDate`, and so on."""
    name = keyword_for_tag(int(date, 16))
    tag = tag_for_keyword(name.removesuffix("Date") + "Time") if name.endswith("Date") else None
    return None if tag is None else f"{tag:08X}"


def test_of(key: Key, query: Query) -> Test:
    """The test of one key. Raises BadRequest."""
    if query.empty_values and key.value == _NOTHING and key.vr in _EMPTYABLE:
        return lambda values: not values
    if key.vr == "SQ":
        raise BadRequest(
            f"{key.name} is a sequence and has no value of its own.",
            remedy=f"Name an attribute of its items: {key.name}.<attribute>=<value>.",
        )
    if key.vr == "UI":
        return _uids(key)
    if key.vr in ("DA", "TM", "DT"):
        return _range(key)
    if key.vr[:2] in _NUMBERS:
        return _number(key)
    return _text(key, query)


def _uids(key: Key) -> Test:
    named = frozenset(uid_list(key.value))
    return lambda values: any(str(value) in named for value in values)


def uid_list(value: str) -> list[str]:
    """The UIDs of a list, separated by commas (PS3.18) or backslashes (PS3.4). Raises BadRequest."""
    if value.count(",") + value.count("\\") >= MOST_UIDS:
        raise BadRequest(f"A search names at most {MOST_UIDS} UIDs.")
    return [uid.strip() for uid in re.split(r"[\\,]", value) if uid.strip()]


def _range(key: Key) -> Test:
    # A plus sign that was not percent-encoded arrives as a blank.
    text = _LOST_PLUS.sub("+", key.value) if key.vr == "DT" else key.value
    range_ = read_range(key.vr, text)
    if range_ is None:
        kind = {"DA": "date (YYYYMMDD)", "TM": "time (HHMMSS)", "DT": "moment (YYYYMMDDHHMMSS)"}
        raise BadRequest(
            f"{key.name} is a {kind[key.vr]} or a range of two, which this value is not."
        )
    if range_.is_backward:
        raise _backward(key)
    return lambda values: any(range_.holds(span) for span in spans_of(key.vr, values))


def _backward(key: Key) -> BadRequest:
    return BadRequest(f"The range of {key.name} ends before it begins.")


def _number(key: Key) -> Test:
    try:
        wanted = (
            int(key.value) if re.fullmatch(r"[+-]?[0-9]{1,20}", key.value) else float(key.value)
        )
    except ValueError:
        raise BadRequest(f"{key.name} is a number, which this value is not.") from None
    if key.vr == "FL":  # a decimal fraction is not the nearest number of 32 bits
        return lambda values: any(
            math.isclose(_as_number(value), wanted, rel_tol=1e-6) for value in values
        )
    return lambda values: any(_as_number(value) == wanted for value in values)


def _as_number(value: Any) -> float:
    try:
        return value if isinstance(value, int | float) else float(str(value))
    except ValueError:
        return math.nan


def _text(key: Key, query: Query) -> Test:
    """Text and names; several values in the key are alternatives, or with `multiplevaluematching`
    each of them must be among the attribute's values.
    """
    wanted = [key.value]
    if key.vr not in _NARRATIVES:
        # No code string has a comma (PS3.5 6.2), and clients separate modalities by one.
        separators = r"[\\,]" if key.vr == "CS" else r"\\"
        wanted = [part.strip() for part in re.split(separators, key.value) if part.strip()]
    if len(wanted) > MOST_UIDS:
        raise BadRequest(f"A search names at most {MOST_UIDS} values of one attribute.")
    make = _name_test if key.vr == "PN" else _value_test
    tests = [make(part, key, query) for part in wanted]
    if query.multiple_values and key.vr in _SEVERAL and _is_multiple(key.path[-1]):
        return lambda values: all(any(test(value) for value in values) for test in tests)
    return lambda values: any(test(value) for value in values for test in tests)


def _is_multiple(tag: str) -> bool:
    return dictionary_VM(int(tag, 16)) != "1"


def _value_test(wanted: str, key: Key, query: Query) -> Callable[[Any], bool]:
    if key.vr in _NO_WILDCARDS or not set("*?") & set(wanted):
        return lambda value: str(value).strip() == wanted
    pattern = Wildcard(wanted)
    return lambda value: pattern.matches(str(value).strip())


# Names of persons


def _name_test(wanted: str, key: Key, query: Query) -> Callable[[Any], bool]:
    if query.fuzzy:
        words = [Wildcard(f"{word}*") for word in _words(wanted)]
        return lambda value: _begins_words(words, value)
    groups = [_name(group) for group in wanted.split("=")[: len(_GROUPS)]]
    patterns = [Wildcard(group) if group else None for group in groups]
    if len(patterns) == 1 and patterns[0] is not None:
        anywhere = patterns[0]
        return lambda value: any(_fits(anywhere, group) for group in _groups(value) if group)
    return lambda value: all(
        pattern is None or _fits(pattern, group)
        for pattern, group in zip(patterns, _groups(value), strict=False)
    )


def _groups(value: Any) -> list[str]:
    """The component groups of a name: alphabetic, ideographic, phonetic."""
    if isinstance(value, dict):
        return [str(value.get(group) or "") for group in _GROUPS]
    parts = str(value).split("=")
    return [*parts, "", "", ""][: len(_GROUPS)]


def _name(group: str) -> str:
    """A component group as names are compared: its case folded, empty components at the end gone."""
    return "^".join(part.strip() for part in group.casefold().split("^")).rstrip("^")


def _fits(pattern: Wildcard, group: str) -> bool:
    """Whether a component group fits, with or without the components at its end that are empty."""
    name = _name(group)
    return pattern.matches(name) or pattern.matches(
        name + "^" * (_COMPONENTS - 1 - name.count("^"))
    )


def _words(name: str) -> list[str]:
    """The words of a name without accents, in lower case."""
    taken_apart = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(letter for letter in taken_apart if not unicodedata.combining(letter))
    return [word for word in _WORD_ENDS.split(plain.translate(_PLAIN_LETTERS)) if word]


def _begins_words(wanted: list[Wildcard], value: Any) -> bool:
    """Whether each wanted word begins a word in one of the component groups."""
    for group in _groups(value):
        words = _words(group)
        if words and all(any(word.matches(one) for one in words) for word in wanted):
            return True
    return False


class Wildcard:
    """A pattern in which `*` stands for any text and `?` for one character (PS3.4 C.2.2.2.4)."""

    def __init__(self, pattern: str) -> None:
        first, *rest = [
            re.compile(re.escape(piece).replace(r"\?", "."), re.DOTALL)
            for piece in re.sub(r"\*+", "*", pattern).split("*")
        ]
        self._first = first
        self._rest = rest
        self._last_length = len(pattern.rpartition("*")[2])

    def matches(self, text: str) -> bool:
        """Whether the whole of `text` fits. The leftmost fit of each piece leaves most to the rest,
        so nothing is tried twice.
        """
        if not self._rest:
            return self._first.fullmatch(text) is not None
        found = self._first.match(text)
        *middle, last = self._rest
        for piece in middle:
            found = piece.search(text, found.end()) if found else None
        if found is None:
            return False
        begin = len(text) - self._last_length
        return begin >= found.end() and last.fullmatch(text, begin) is not None
