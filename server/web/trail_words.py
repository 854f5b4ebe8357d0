"""The audit trail in words: what each of its actions is called on a page, and what stands beside it.

The trail itself keeps the actions' names; they are what is searched and exported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from server.access.action import Action

WORDS: dict[str, str] = {
    Action.ABSENCES_CHANGE: "changed an absence or a conflict of interest",
    Action.ADDENDUM_SIGN: "signed an addendum",
    Action.AFTERCARE_CHANGE: "planned what comes afterwards",
    Action.AFTERCARE_READ: "read what comes afterwards",
    Action.ANNOTATION_READ: "read the form",
    Action.ANNOTATION_SIGN: "signed the opinion",
    Action.ANNOTATION_WRITE: "filled in the form",
    Action.ANSWER_ASK: "asked back on a point",
    Action.ANSWER_READ: "read the two opinions",
    Action.ANSWER_WRITE: "compared the two opinions",
    Action.API_READ: "used the API",
    Action.ARRIVAL_ATTACH: "decided on an arrival",
    Action.ARRIVAL_DELETE: "deleted a refused study",
    Action.ARRIVALS_READ: "read the arrivals",
    Action.AUDIT_READ: "read the audit trail",
    Action.CASE_ADVANCE: "moved the case on",
    Action.CASE_ASSIGN: "asked a surgeon",
    Action.CASE_OPEN: "opened the case",
    Action.CASE_READ: "read the case",
    Action.CASE_ROUTE: "looked for a surgeon",
    Action.CENTRES_CHANGE: "changed a centre",
    Action.CENTRES_READ: "read the centres",
    Action.CLOCK_CHANGE: "changed what is promised",
    Action.CLOCK_READ: "read the clock",
    Action.CONSENT_WITHDRAW: "noted that a consent is withdrawn",
    Action.CONTACTS_CHANGE: "changed a hospital's addresses",
    Action.DOCUMENT_READ: "read a document",
    Action.DOCUMENT_SEND: "sent a document",
    Action.FIGURES_READ: "read the figures",
    Action.GRANT_ISSUE: "made an access link",
    Action.GRANT_REVOKE: "withdrew an access link",
    Action.HOSPITALS_CHANGE: "changed a hospital",
    Action.HOSPITALS_READ: "read the hospitals",
    Action.IMAGES_READ: "looked at the images",
    Action.IMAGES_SEND: "sent images or documents",
    Action.IMAGES_WRITE: "stored a segmentation or a report",
    Action.IMAGING_JUDGE: "judged the images",
    Action.JOBS_READ: "read the jobs",
    Action.JOBS_RETRY: "had a job tried again",
    Action.KEYS_CHANGE: "changed a key of the API",
    Action.KEYS_READ: "read the keys of the API",
    Action.LAUNCH: "opened the viewer",
    Action.LETTER_WRITE: "wrote a letter",
    Action.LINE_TEST: "tested a hospital's line",
    Action.NOTICES_CHOOSE: "chose what is told by mail",
    Action.NOTICES_READ: "read the notices",
    Action.OFFER_ANSWER: "answered an offer",
    Action.OPEN_LINK: "came in by an access link",
    Action.OPINION_READ: "read the opinion",
    Action.OUTBOX_READ: "read what was sent",
    Action.OUTBOX_RETRY: "had a mail sent again",
    Action.OUTCOME_ENTER: "entered what became of the patient",
    Action.OUTCOME_JUDGE: "compared the verdicts",
    Action.OUTCOME_READ: "read what became of the patient",
    Action.PANEL_CONCLUDE: "wrote the panel's conclusion",
    Action.PANEL_DISCUSS: "took part in the panel's discussion",
    Action.PANEL_READ: "read the panel",
    Action.PEOPLE_CHANGE: "changed a person",
    Action.PEOPLE_READ: "read the people",
    Action.PROFILE_OWN: "looked after their own profile",
    Action.PUBLIC: "read a public page",
    Action.QUESTIONS_READ: "read the questions",
    Action.QUESTIONS_STEER: "decided who sees a question",
    Action.QUESTIONS_WRITE: "asked or answered a question",
    Action.RECORDS_FILL: "filled in the records",
    Action.RECORDS_JUDGE: "judged the records",
    Action.RECORDS_READ: "read the records",
    Action.RESEARCH_EXPORT: "exported for research",
    Action.RULES_EVALUATE: "evaluated criteria",
    Action.SHARED_READ: "read what is shared",
    Action.SHARED_STANDING: "asked whether the share stands",
    Action.SHARING_CHANGE: "changed who may read the opinion",
    Action.SHARING_READ: "read who may read the opinion",
    Action.SIGN_IN: "signed in",
    Action.SIGN_OUT: "signed out",
    Action.SPECIMENS_CHANGE: "noted something about slides or blocks",
    Action.SPECIMENS_READ: "read about slides and blocks",
    Action.SURGEONS_CHANGE: "changed a surgeon's profile",
    Action.SURGEONS_READ: "read the surgeons",
    Action.WEBHOOKS_CHANGE: "changed a webhook",
    Action.WORKLIST_READ: "read the worklist",
    # What is done without a page.
    "addendum.issue": "made the document of an addendum",
    "arrival.received": "a study came in",
    "dicom.associate": "called the DICOM port",
    "files.bring_back": "brought back files that a record names",
    "files.delete": "deleted files that no record had named for a month",
    "files.set_aside": "set aside files that no record names",
    "imaging.assess": "the images were assessed",
    "opinion.archive": "stored the opinion beside the images",
    "opinion.issue": "issued the opinion",
    "offer.lapse": "an offer lapsed without an answer",
    "panel.convene": "convened a panel",
    "images.compare": "compared stored images with what was received",
    "images.damaged": "found images damaged on the disk",
    "images.missing": "found that images are no longer in the archive",
    "images.replace": "put images that came again in the place of damaged ones",
    "records.forget": "forgot what is over its time",
    "strangers.count": "strangers came many times more",
    "upload.taken": "an upload was taken in",
    "volumes.make": "made a resection plan or a segmentation",
    "volumes.measure": "measured a segmentation",
}
MOST_ID_LETTERS = 8
_ID = re.compile(r"[0-9a-f]{16,}")


def action_words(action: str) -> str:
    """An action of the trail in words, `arrival.received` as `a study came in`; else its name."""
    return WORDS.get(action, action.replace(".", ": ").replace("_", " "))


def object_words(object_: str) -> str:
    """What it was done to, where that says more than the case and the address: `arrival 2040babb`."""
    kind, _, identity = object_.partition(" ")
    if kind == "case" or identity.startswith("/"):
        return ""
    return f"{kind} {_short(identity)}".strip()


def detail_words(details: Mapping[str, Any]) -> str:
    """What was noted beside it, without what is empty: `protocol: liver-ct; verdict: adequate`."""
    told = [(name, _value(value)) for name, value in details.items()]
    return "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in told if value)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return detail_words(value)
    if isinstance(value, list | tuple | set):
        return ", ".join(_value(one) for one in value)
    return "" if value is None else _short(str(value))


def _short(text: str) -> str:
    return text[:MOST_ID_LETTERS] if _ID.fullmatch(text) else text
