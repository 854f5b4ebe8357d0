"""What Orthanc's log says about associations, about images that came twice, and about reports of storage
commitment that nobody took. Pure: lines in, facts out.

Wording of Orthanc 1.10 to 1.13 (CommandDispatcher.cpp, DicomAssociation.cpp,
DicomControlUserConnection.cpp and DCMTK's conditions). The log level of DICOM
has to be `verbose`; then there are some lines for each association and none for each image.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

UNKNOWN_CALLER = "unknown_caller"
WRONG_ADDRESS = "wrong_address"
WRONG_CALLED = "wrong_called"
NOT_DICOM = "not_dicom"
TLS = "tls"
NOTHING_ASKED = "nothing_asked"
NOTHING_ACCEPTED = "nothing_accepted"
SILENT = "silent"
GARBAGE = "garbage"
CUT = "cut"
ABORTED = "aborted"
TOO_DEEP = "too_deep"
UNDELIVERED = "undelivered"
ABSURD = "absurd"
SHORT = "short"
NO_PDF = "no_pdf"
NO_UID = "no_uid"
NOT_STORED = "not_stored"
FAULTS = (ABSURD, SHORT, NO_PDF)
SAME, ALIKE, UNSEEN = "same", "alike", "unseen"

_TITLE = r"(?P<aet>.{0,64}?)"
_ADDRESS = r"(?P<ip>[0-9a-fA-F.:]{2,45})"
_HEAD = re.compile(r"^[EWI]\d{4} [\d:.]+ +(?P<thread>.*?)[\w-]+\.cpp:\d+\] (?P<said>.*)$")
_RECEIVED = re.compile(rf"Association Received from AET {_TITLE} on IP {_ADDRESS}\s*$")
_ACKNOWLEDGED = re.compile(
    rf"Association Acknowledged .* to AET {_TITLE} on IP {_ADDRESS}(?P<none>.*no valid.*)?\s*$"
)
_ECHO = re.compile(r"Received Echo Request")
_CALLING = re.compile(rf"Rejected association for remote AET {_TITLE} on IP {_ADDRESS}\s*$")
_CALLED = re.compile(
    r"Rejected association, because of a bad called AET in the request \((?P<called>.{0,64}?)\)\s*$"
)
_FAILED = re.compile(r"Receiving Association failed: (?P<why>.*)$")
_NO_CONTEXT = re.compile(r"No presentation context proposed")
_BROKEN = re.compile(
    rf"DIMSE failure \(aborting association with AET {_TITLE} on IP {_ADDRESS}\): (?P<why>.*)$"
)
_ABORTED = re.compile(rf"Association Aborted with AET {_TITLE} on IP {_ADDRESS}\s*$")
# What `orthanc/repeats.py` writes; the rest of such a line is Orthanc's and differs between versions.
_REPEATED = re.compile(
    r"MARGIN (?:repeated|faulty why=(?P<fault>[a-z_]{1,20})|replaced how=(?P<how>[a-z]{1,20})) "
    r"instance=(?P<instance>[0-9a-f-]{44}) "
    r'study=(?P<study>[0-9a-f-]{44}) md5=(?P<md5>[0-9a-f]{32}) by="(?P<aet>[^"]{0,64})"'
)
_TOO_DEEP = re.compile(r'MARGIN too deep by="(?P<aet>[^"]{0,64})"')
# An image that Orthanc answers with A700, in its own words, which name no image; the line before says more.
_NOT_STORED = re.compile(r"Exception while storing DICOM: (?P<why>.*)$", re.MULTILINE)
_LACKS_UID = "missing StudyInstanceUID, SeriesInstanceUID or SOPInstanceUID"
_FINISHED = re.compile(rf"Finishing association with AET {_TITLE} on IP {_ADDRESS}:")
# Orthanc calls a hospital to deliver a report that was asked for, or because a person tests the line.
_ASKED_TO_COMMIT = re.compile(r"Incoming storage commitment request")
_CALLING_THEM = re.compile(
    rf'Opening a DICOM SCU connection .*to AET "{_TITLE}" on host (?P<host>\S+):\d+'
)
_NOT_TAKEN = re.compile(
    rf'connecting to AET "{_TITLE}": (?P<why>.*)$'
    rf'|(?P<no>Unable to negotiate a presentation context) with AET "(?P<to>.{{0,64}}?)"'
    r"|Storage commitment - (?P<half>.*?) (?:to|from|by remote) AET: (?P<with>.{0,64}?)\s*$",
    re.MULTILINE,
)
_CONTINUED = re.compile(r"^[0-9a-f]{4}:[0-9a-f]{4} (?P<why>.*)$")


@dataclass(frozen=True)
class Refusal:
    """An association that came to nothing: why (one of the words above), what the caller called itself
    and us, and where it came from, each empty where the log does not say. `detail` is Orthanc's word.
    Of a report that was not delivered, title and address are those of the hospital that we called."""

    reason: str
    ae_title: str = ""
    address: str = ""
    called: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Opened:
    """An association that was accepted."""

    ae_title: str
    address: str


@dataclass(frozen=True)
class Echoed:
    """A C-ECHO that was answered."""

    ae_title: str
    address: str


@dataclass(frozen=True)
class Repeated:
    """An image that was refused: it came again with other content, or has a `fault`, one of the words
    below. `instance_id` and `study_id` are Orthanc's, `md5` is of the file that was refused."""

    instance_id: str
    study_id: str
    md5: str
    ae_title: str
    fault: str = ""


@dataclass(frozen=True)
class Replaced:
    """An image that took the place of a damaged file. `how` says how far it was compared with that: SAME
    (proven to be what was received), ALIKE (beside its pixels only), UNSEEN (nothing was left of the file).
    `instance_id` and `study_id` are Orthanc's, `md5` is of the file that is stored now."""

    instance_id: str
    study_id: str
    md5: str
    ae_title: str
    how: str


Fact = Refusal | Opened | Echoed | Repeated | Replaced


class _Reading:
    """Reads line by line; what one line leaves out an earlier one of the same thread has said."""

    def __init__(self) -> None:
        self.found: list[Fact] = []
        self._caller: dict[str, tuple[str, str]] = {}
        self._open: Counter[tuple[str, str]] = Counter()
        self._lacks_uid = False
        self._broken: tuple[str, str, str] | None = None
        self._asked = 0
        self._reporting: dict[str, str] = {}

    def forget_what_was_found(self) -> None:
        """Keep only what later lines refer to."""
        self.found, self._broken = [], None

    def line(self, text: str) -> None:
        if self._broken is not None and (more := _CONTINUED.match(text)):
            title, address, why = self._broken
            self._broken = (title, address, f"{why}; {more['why']}")
            return
        self.end_of_failure()
        if again := _REPEATED.search(text):
            if again["how"]:
                self.found.append(
                    Replaced(
                        again["instance"], again["study"], again["md5"], again["aet"], again["how"]
                    )
                )
                return
            fault = again["fault"] or ""
            self.found.append(
                Repeated(again["instance"], again["study"], again["md5"], again["aet"], fault)
            )
            if fault in FAULTS:
                self.found.append(Refusal(fault, again["aet"]))
            return
        if deep := _TOO_DEEP.search(text):
            self.found.append(Refusal(TOO_DEEP, deep["aet"]))
            return
        head = _HEAD.match(text)
        if head is None:
            return
        thread, said = head["thread"].strip(), head["said"]
        if self._storing(thread, said):
            return
        if not (self._opening(thread, said) or self._refused(thread, said) or self._report(said)):
            self._ending(said)

    def _opening(self, thread: str, said: str) -> bool:
        if found := _RECEIVED.search(said):
            self._caller[thread] = (found["aet"], found["ip"])
        elif found := _ACKNOWLEDGED.search(said):
            self._caller[thread] = (found["aet"], found["ip"])
            if found["none"]:
                self.found.append(Refusal(NOTHING_ACCEPTED, found["aet"], found["ip"]))
            else:
                self.found.append(Opened(found["aet"], found["ip"]))
                self._open[found["aet"], found["ip"]] += 1
        elif _ECHO.search(said):
            self.found.append(Echoed(*self._caller.get(thread, ("", ""))))
        else:
            return False
        return True

    def _storing(self, thread: str, said: str) -> bool:
        if _LACKS_UID in said:
            self._lacks_uid = True
        elif found := _NOT_STORED.search(said):
            title, address = self._sender(thread)
            if self._lacks_uid:
                self.found.append(Refusal(NO_UID, title, address))
            else:
                self.found.append(Refusal(NOT_STORED, title, address, detail=_plain(found["why"])))
            self._lacks_uid = False
        else:
            return False
        return True

    def _sender(self, thread: str) -> tuple[str, str]:
        """Whose image it is: by thread, or, before Orthanc names threads, where only one sends."""
        if thread:
            return self._caller.get(thread, ("", ""))
        return next(iter(self._open)) if len(self._open) == 1 else ("", "")

    def _closed(self, title: str, address: str) -> None:
        self._open -= Counter([(title, address)])

    def _refused(self, thread: str, said: str) -> bool:
        title, address = self._caller.get(thread, ("", ""))
        if found := _CALLING.search(said):
            self.found.append(Refusal(UNKNOWN_CALLER, found["aet"], found["ip"]))
        elif found := _CALLED.search(said):
            self.found.append(Refusal(WRONG_CALLED, title, address, found["called"]))
        elif _NO_CONTEXT.search(said):
            self.found.append(Refusal(NOTHING_ASKED, title, address))
        elif found := _FAILED.search(said):
            reason = TLS if "TLS" in found["why"] else NOT_DICOM
            self.found.append(Refusal(reason, detail=_plain(found["why"])))
        else:
            return False
        return True

    def _report(self, said: str) -> bool:
        if _ASKED_TO_COMMIT.search(said):
            self._asked += 1
        elif found := _CALLING_THEM.search(said):
            if self._asked:
                self._asked -= 1
                self._reporting[found["aet"]] = found["host"]
            else:
                self._reporting.pop(found["aet"], None)
        elif found := _NOT_TAKEN.search(said):
            title = found["aet"] or found["to"] or found["with"] or ""
            where = self._reporting.pop(title, None)
            if where is not None or found["half"]:
                why = found["why"] or found["no"] or found["half"] or ""
                self.found.append(Refusal(UNDELIVERED, title, where or "", detail=_plain(why)))
        else:
            return False
        return True

    def _ending(self, said: str) -> None:
        if found := _FINISHED.search(said):
            self._closed(found["aet"], found["ip"])
        elif found := _BROKEN.search(said):
            self._closed(found["aet"], found["ip"])
            self._broken = (found["aet"], found["ip"], found["why"])
        elif found := _ABORTED.search(said):
            self._closed(found["aet"], found["ip"])
            self.found.append(Refusal(ABORTED, found["aet"], found["ip"]))

    def end_of_failure(self) -> None:
        """What a failure was is known only when its last line was read."""
        if self._broken is None:
            return
        title, address, why = self._broken
        self._broken = None
        if "timeout" in why:
            reason = SILENT
        elif "network closed" in why or "TCP" in why:
            reason = CUT
        else:
            reason = GARBAGE
        self.found.append(Refusal(reason, title, address, detail=_plain(why)))


def refers_to_earlier(text: str) -> bool:
    """Whether lines of this text mean something only beside what stood before them."""
    return any(one.search(text) for one in (_NOT_TAKEN, _NOT_STORED))


def facts_in(lines: Iterable[str], before: Iterable[str] = ()) -> list[Fact]:
    """What these lines of Orthanc's log say about associations, in their order; the lines `before` them
    are only there to be referred to."""
    reading = _Reading()
    for text in before:
        reading.line(text)
    reading.forget_what_was_found()
    for text in lines:
        reading.line(text)
    reading.end_of_failure()
    return reading.found


def _plain(text: str) -> str:
    """Without what changes from one to the next, so that the same is counted as the same."""
    return re.sub(r"(PDU type: ).*", r"\1…", re.sub(r"\d{2,}", "…", text)).strip()[:200]
