"""Which kinds of finding an opinion probably was, for the form in which somebody chooses them. Pure."""

from __future__ import annotations

from server.cases.verdict_change import Change, verdict_change

_OPERATE = ("resectable_now", "resectable_with_conditions")
_CONVERT = "conversion_then_reassess"


def suggested_findings(local_category: str, verdict: str) -> tuple[str, ...]:
    """The categories of requirement 43 that follow from both verdicts alone.

    Another approach and a trial never follow from them; they are for a person to say. Without a
    comparable pair of verdicts nothing is suggested but the pathway that the second verdict names.
    """
    found = []
    if local_category == "unresectable" and verdict in _OPERATE:
        found.append("resectable")
    if verdict == _CONVERT:
        found.append("neoadjuvant" if local_category == "resectable" else "convertible")
    if verdict_change(local_category, verdict) is Change.CONFIRMED:
        found.append("confirmed")
    return tuple(found)
