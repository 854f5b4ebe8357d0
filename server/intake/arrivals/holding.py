"""Why a study has to be looked at by a person before it goes anywhere. Pure.

Orthanc files what it is sent by PatientID and UIDs, and the first of two instances with the same UIDs
stays. So a study can hold what two hospitals sent, or images of two patients; and what bears a UID that
is taken is not what the sender believes to have stored. Each is a doubt with its evidence in words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from server.foundation.sentences import listed
from server.intake.arrivals.identity import Identity, differences

MIXED_SENDERS = "mixed_senders"
MIXED_PATIENTS = "mixed_patients"
SAME_STUDY_UID = "same_study_uid"
COPIED_UIDS = "copied_uids"
OTHER_CONTENT = "other_content"
FAULTY = "faulty"
REPLACED = "replaced"
MISSING = "missing"
# What `server.intake.lines.orthanc_log` calls the faults, in words.
_FAULTS = {
    "absurd": "the header announces a picture larger than any scanner makes",
    "short": "the pixel data is shorter than the header says",
    "no_pdf": "the document says that it is a PDF and is none",
}
# How what came again was compared with the damaged file whose place it took (`Replaced.how`), in words.
REPLACED_IN_WORDS = {
    "same": "It is proven to be what was received.",
    "alike": "It is encoded in another way, so only what stands beside its pixels could be compared.",
    "unseen": "Nothing was left of the file, so nothing could be compared.",
}


@dataclass(frozen=True)
class Doubt:
    """Why a study is held. `about` tells this doubt from others of its kind: once a person has looked
    at it, the same is not held against the study again."""

    code: str
    about: str
    text: str
    advice: str

    @property
    def key(self) -> str:
        return f"{self.code} {self.about}"

    def written(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class SentBy:
    """How many instances of a study came from one AE title. `hospital` is empty for one that is not
    registered any more."""

    calling_aet: str
    hospital_id: str
    hospital: str
    instances: int

    @property
    def who(self) -> str:
        return f"{self.hospital} ({self.calling_aet})" if self.hospital else self.calling_aet


def mixed_senders(senders: Iterable[SentBy]) -> list[Doubt]:
    """Images of one study from two hospitals. Two AE titles of one hospital are one sender, and what
    Margin itself stored, or took from a case's page, has no AE title and counts for nobody."""
    by_party: dict[str, list[SentBy]] = {}
    for sender in senders:
        if sender.calling_aet and sender.instances:
            by_party.setdefault(sender.hospital_id or sender.calling_aet, []).append(sender)
    if len(by_party) < 2:
        return []
    said = [
        f"{_images(sum(one.instances for one in group))} by {group[0].who}"
        for group in by_party.values()
    ]
    return [
        Doubt(
            MIXED_SENDERS,
            ",".join(sorted(by_party)),
            f"Two senders put images into this one study: {' and '.join(said)}.",
            "Ask both hospitals. If the series belong to different patients, make a study of those "
            "of one sender; if it is one patient, let it pass.",
        )
    ]


def mixed_patients(by_series: Mapping[str, Sequence[Identity]]) -> list[Doubt]:
    """Series of one study that name different patients under the same PatientID."""
    groups = patients_among(identity for found in by_series.values() for identity in found)
    if len(groups) < 2:
        return []
    against = sorted(
        {what for other in groups[1:] for what in differences(groups[0], other)},
        key=("name", "birth date", "sex").index,
    )
    return [
        Doubt(
            MIXED_PATIENTS,
            _digest(f"{g.PatientName}{g.PatientBirthDate}{g.PatientSex}" for g in groups),
            f"The series name {len(groups)} different patients under one PatientID: they differ in "
            f"{listed(against)}.",
            "Compare the names below. Make a study of the series of each patient, or refuse it and "
            "have the hospital send it again under the right PatientID.",
        )
    ]


def patients_among(identities: Iterable[Identity]) -> list[Identity]:
    """One identity for each patient that these clearly tell apart, in order of appearance."""
    groups: list[Identity] = []
    for identity in dict.fromkeys(identities):
        if all(differences(known, identity) for known in groups):
            groups.append(identity)
    return groups


def _digest(texts: Iterable[str]) -> str:
    """Tells one set of identities from another without saying any of them."""
    return hashlib.sha256("\x1f".join(sorted(texts)).encode()).hexdigest()[:16]


def same_study_uid(other_patient_ids: Sequence[str]) -> list[Doubt]:
    """Another study here bears the same StudyInstanceUID under another PatientID."""
    if not other_patient_ids:
        return []
    return [
        Doubt(
            SAME_STUDY_UID,
            "",
            "Another study with the same StudyInstanceUID but another patient is here already.",
            "A StudyInstanceUID belongs to one study only (PS3.5 9). If the PatientID was corrected "
            "at the hospital, set one of the two aside; else refuse this one and ask for it again.",
        )
    ]


def copied_uids(copies: int, differing: int) -> list[Doubt]:
    """`copies` of the images bear a SOPInstanceUID that is here already in another series or study;
    `differing` of them with other content."""
    if not copies:
        return []
    content = (
        "with the same content"
        if not differing
        else f"{_images(differing)} of them with other content"
    )
    return [
        Doubt(
            COPIED_UIDS,
            f"{copies} {differing}",
            f"{_images(copies)} bear{'' if copies != 1 else 's'} a SOPInstanceUID that is here "
            f"already in another series or study, {content}. Both are kept.",
            "The same content usually means a study that was sent again after its PatientID was "
            "corrected: attach the right one and set the other aside. Other content is a fault at "
            "the sender: refuse it and ask for new UIDs.",
        )
    ]


def other_content(repeats: Mapping[str, int]) -> list[Doubt]:
    """Images that were sent again, by whom and how many, with other content under the same UIDs."""
    if not repeats:
        return []
    said = " and ".join(f"{_images(count)} by {who}" for who, count in sorted(repeats.items()))
    return [
        Doubt(
            OTHER_CONTENT,
            ",".join(f"{who} {count}" for who, count in sorted(repeats.items())),
            f"Sent again with other content under the same SOPInstanceUID: {said}. What came first "
            "was kept; what came later was not stored.",
            "A changed image needs a SOPInstanceUID of its own (PS3.5 9). Ask the hospital "
            "which of the two is right, and to send it under new UIDs.",
        )
    ]


def faulty(refused: Mapping[tuple[str, str], int]) -> list[Doubt]:
    """Images of the study that were refused on their way in, by sender and fault, how many."""
    if not refused:
        return []
    said = "; ".join(
        f"{_images(count)} by {who}: {_FAULTS.get(fault, fault)}"
        for (who, fault), count in sorted(refused.items())
    )
    return [
        Doubt(
            FAULTY,
            ",".join(f"{who} {fault} {count}" for (who, fault), count in sorted(refused.items())),
            f"Refused on their way in, and not stored: {said}. The sender was told so.",
            "Ask the hospital to send these again from the originals; what comes whole is taken. If the "
            "others are enough, let it pass.",
        )
    ]


def replaced(found: Mapping[tuple[str, str], int]) -> list[Doubt]:
    """Images that took the place of damaged files without proof that they are the same, by sender and by
    how far they were compared, how many."""
    if not found:
        return []
    said = " ".join(
        f"{_images(count)} by {who}: {REPLACED_IN_WORDS.get(how, how)}"
        for (who, how), count in sorted(found.items())
    )
    return [
        Doubt(
            REPLACED,
            ",".join(f"{who} {how} {count}" for (who, how), count in sorted(found.items())),
            "Files of this study were damaged on the archive's disk, and images that came again took "
            f"their places. {said}",
            "Look at these images, and ask the hospital whether they are those that it sent first. If "
            "so, let it pass.",
        )
    ]


def missing(count: int) -> list[Doubt]:
    """`count` images of the study were received and are not in the archive any more."""
    if count < 1:
        return []
    was = "was" if count == 1 else "were"
    return [
        Doubt(
            MISSING,
            str(count),
            f"{_images(count)} of this study {was} received and {'is' if count == 1 else 'are'} no longer "
            "in the archive.",
            "Tell whoever runs the server: a backup may have been restored, or a disk lost files. Have "
            "the hospital send the study again; what comes is put where it was.",
        )
    ]


def _images(count: int) -> str:
    return f"{count} image{'s' if count != 1 else ''}"
