"""How values are put into words on a page. Taught to the templates as filters and globals.

Dates are written 2026-11-20 and moments in UTC; the browser adds the local time as a title.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from server.access.action import Permit
from server.access.permissions import in_force
from server.access.records import Grant
from server.annotations.organs import ORGANS
from server.cases.countries import country_name
from server.cases.lifecycle import LABELS, Event, State
from server.imaging.wording import language_names
from server.web import trail_words
from server.web.pages import assets

DASH = "\N{EN DASH}"

STATE_TONES: dict[str, str] = {
    State.OPEN: "idle",
    State.AWAITING_RECORDS: "warn",
    State.READY: "accent",
    State.ASSIGNED: "info",
    State.IN_REVIEW: "info",
    State.OPINED: "good",
    State.REASSESSMENT: "accent",
    State.CLOSED: "idle",
    State.ON_HOLD: "warn",
    State.WITHDRAWN: "idle",
}
PERMIT_LABELS: dict[str, str] = {
    "view": "see the images",
    "annotate": "fill in the form",
    "sign": "sign the opinion",
    "upload": "send images and documents",
    "download": "read the opinion",
    "shared": "read what is shared",
    "shared_images": "see the images that are shared",
}
EVENT_LABELS: dict[str, str] = {
    Event.RECORDS_COMPLETE: "Records are complete: start the clock",
    Event.RECORDS_WANTED: "More records are needed",
    Event.SURGEON_WITHDRAWN: "Take the case back from the surgeon",
    Event.CLOSE: "Close the case",
    Event.WITHDRAW: "Withdraw the case",
    Event.HOLD: "Put on hold",
    Event.RESUME: "Resume",
}
ROLE_LABELS = {
    "admin": "Administrator",
    "coordinator": "Coordinator",
    "surgeon": "Surgeon",
    "auditor": "Auditor",
}
ARRIVAL_LABELS: dict[str, tuple[str, str]] = {
    "receiving": ("Receiving", "info"),
    "unmatched": ("Unmatched", "warn"),
    "matched": ("Matched", "good"),
    "held": ("Held", "bad"),
    "set_aside": ("Set aside", "idle"),
    "split": ("Taken apart", "idle"),
    "refused": ("Refused", "bad"),
    "deleted": ("Deleted", "idle"),
}
# SI: 10⁹ per litre is what laboratories print; "giga" is not read by everybody.
UNITS_SHOWN = {"G/L": "×10⁹/L"}
OUTCOME_TONES = {"done": "good", "allowed": "idle", "refused": "bad"}
JOB_TONES = {"waiting": "idle", "running": "info", "done": "good", "dead": "bad"}
JOB_LABELS = {
    "issue_opinion": "Make and store an opinion",
    "print_addendum": "Make the document of an addendum",
    "print_letter": "Make the document of a letter",
    "measure_segmentation": "Measure a segmentation",
    "assess_imaging": "Assess the images of a case",
    "split_arrival": "Take a study apart",
    "delete_refused": "Delete a refused study",
    "test_line": "Test a hospital's line",
    "deliver_notice": "Send a mail or call a webhook",
    "send_digest": "Send a day's mail",
    "export_research": "Make a research export",
    "recompute_clocks": "Recompute all clocks and send reminders",
    "lapse_offers": "End offers that nobody answered in time",
    "prepare_series": "Prepare a series for viewing",
    "look_over_archive": "Compare a share of the stored images with what was received",
    "forget_old": "Clear away what has been kept long enough",
    "take_uploads": "Take in what was uploaded",
    "work_on_volume": "Work on a segmentation",
}


def teach(env: Environment) -> None:
    """Give the templates our words."""
    env.trim_blocks = True
    env.lstrip_blocks = True
    env.filters.update(
        day=day,
        moment=moment,
        ago=ago,
        remaining=remaining,
        size=size,
        count=count,
        state_label=state_label,
        state_tone=lambda state: STATE_TONES.get(state, "idle"),
        permit_words=permit_words,
        dated=dated,
        event_label=lambda event: EVENT_LABELS.get(event, event),
        role_label=lambda role: ROLE_LABELS.get(role, role),
        arrival_label=lambda state: ARRIVAL_LABELS.get(state, (state, "idle"))[0],
        arrival_tone=lambda state: ARRIVAL_LABELS.get(state, (state, "idle"))[1],
        outcome_tone=lambda outcome: OUTCOME_TONES.get(outcome, "idle"),
        job_tone=lambda state: JOB_TONES.get(state, "idle"),
        job_label=lambda name: JOB_LABELS.get(name, str(name).replace("_", " ").capitalize()),
        organ=organ_title,
        country=country_name,
        unit=unit,
        person_name=person_name,
        dicom_day=dicom_day,
        due_words=due_words,
        lasted=lasted,
        modalities=modalities,
        action_words=trail_words.action_words,
        object_words=trail_words.object_words,
        detail_words=trail_words.detail_words,
    )
    env.globals.update(
        asset=assets.address,
        asset_modules=assets.modules,
        grant_standing=grant_standing,
        letter_languages=language_names,
    )


def day(value: date | None) -> str:
    """A date as `2026-11-20`."""
    return DASH if value is None else value.strftime("%Y-%m-%d")


def moment(value: datetime | None, seconds: bool = False) -> str | Markup:
    """A moment as `2026-11-20 08:30 UTC` in a time element."""
    if value is None:
        return DASH
    utc = value.astimezone(UTC)
    machine = utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    shown = utc.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
    return Markup('<time datetime="{}">{} UTC</time>').format(machine, shown)


def ago(value: datetime | None, now: datetime) -> str:
    """How long since, in the largest whole unit: `4 min ago`, `3 h ago`, `2 days ago`."""
    if value is None:
        return "never"
    seconds = max(0, int((now - value).total_seconds()))
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    if seconds < 2 * 86400:
        return f"{seconds // 3600} h ago"
    return f"{seconds // 86400} days ago"


def remaining(value: datetime, now: datetime) -> str:
    """How long until a moment, in the largest whole unit: `3 h left`, `2 days left`, `over`."""
    seconds = int((value - now).total_seconds())
    if seconds <= 0:
        return "over"
    if seconds < 3600:
        return f"{max(1, seconds // 60)} min left"
    if seconds < 2 * 86400:
        return f"{seconds // 3600} h left"
    return f"{seconds // 86400} days left"


def size(count_bytes: int | None) -> str:
    """A size with decimal units: `812 B`, `1.2 MB`."""
    value = float(count_bytes or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 study`, `3 studies`."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}") + (
        f" {one}" if number == 1 else f" {many or one + 's'}"
    )


def unit(name: str) -> str:
    """A unit as it is read on paper. Kept is the short name that programs send."""
    return UNITS_SHOWN.get(name, name)


def state_label(state: str) -> str:
    """A case's state in words."""
    return LABELS.get(State(state), state)


def permit_words(permits: list[str]) -> str:
    """What a grant permits, in the order in which things are done: `see the images, sign …`."""
    known = frozenset(map(Permit, permits))
    counts = in_force(known)
    words = ", ".join(words for permit, words in PERMIT_LABELS.items() if permit in counts)
    return words if counts == known else f"{words}; no longer {PERMIT_LABELS[Permit.UPLOAD]}"


def dated(sentence: str) -> Markup:
    """A sentence whose dates are not broken at the end of a line."""
    parts = re.split(r"(\d{4}-\d{2}-\d{2}|M-\d{4}-\d{5})", sentence)
    kept = [
        Markup('<span class="nowrap">{}</span>').format(part) if index % 2 else escape(part)
        for index, part in enumerate(parts)
    ]
    return Markup("").join(kept)


def organ_title(organ_id: str) -> str:
    """An organ's title without what stands in brackets."""
    organ = ORGANS.get(organ_id)
    return re.sub(r"\s*\(.*\)$", "", organ.title) if organ else organ_id


def person_name(value: str | None) -> str:
    """A DICOM person name (PS3.5 6.2, VR PN) as `FAMILY, Given`; other scripts in brackets."""
    groups = [_name_group(group) for group in (value or "").split("=")[:3]]
    shown = [group for group in groups if group]
    if not shown:
        return "no name"
    return shown[0] + (f" ({', '.join(shown[1:])})" if len(shown) > 1 else "")


def _name_group(group: str) -> str:
    family, given, middle, prefix, suffix = (*(p.strip() for p in group.split("^")), *[""] * 5)[:5]
    first = " ".join(filter(None, (prefix, given, middle)))
    return ", ".join(filter(None, (family, first, suffix)))


def dicom_day(value: str | None) -> str:
    """A DICOM date (PS3.5 6.2, VR DA) as `2026-11-20`; anything else as it was written."""
    text = (value or "").strip()
    if re.fullmatch(r"\d{8}", text):
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text or "no date"


def due_words(due: date | None, today: date) -> str:
    """How far off a deadline is: `today`, `in 3 days`, `2 days overdue`. A moment stands for its day
    of UTC."""
    if due is None:
        return "the clock has not started"
    if isinstance(today, datetime):
        today = today.astimezone(UTC).date()
    left = (due - today).days
    if left < 0:
        return f"{count(-left, 'day')} overdue"
    return {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")


def lasted(time: timedelta) -> str:
    """How long something took: `3 d 4 h`, `5 h 20 min`, `12 min`."""
    minutes = int(time.total_seconds() // 60)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def modalities(series: list[dict[str, Any]]) -> str:
    """The modalities of a study, each once: `CT, SEG`."""
    return ", ".join(sorted({str(one.get("Modality") or "?") for one in series})) or DASH


def grant_standing(grant: Grant, now: datetime) -> tuple[str, str]:
    """Whether a grant can be used now, in a word, and the tone of that word."""
    if grant.revoked_at is not None:
        return "revoked", "bad"
    if grant.expires_at <= now:
        return "expired", "idle"
    if now < grant.not_before:
        return "not valid yet", "idle"
    return "valid", "good"
