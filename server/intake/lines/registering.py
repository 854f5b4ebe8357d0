"""Telling the archive from which AE titles it may take studies.

Margin's own list is the truth; the archive is brought to agree with it again and again, so that a line
registered while the archive was down, or an archive restored from a backup, comes right by itself.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from server.archive import Archive, Modality
from server.people.queries import lines
from server.people.records import HospitalLine

PREFIX = "margin-"


def register_lines(session: Session, archive: Archive) -> int:
    """Add, change and remove modalities of ours until they agree; gives how many were touched.

    Modalities under other names are somebody else's and stay. Raises ArchiveUnavailable.
    """
    wanted = {modality.name: modality for modality in map(modality_of, lines(session))}
    present = {one.name: one for one in archive.modalities() if one.name.startswith(PREFIX)}
    outdated = [one for name, one in wanted.items() if present.get(name) != one]
    for modality in outdated:
        archive.put_modality(modality)
    surplus = present.keys() - wanted.keys()
    for name in surplus:
        archive.delete_modality(name)
    return len(outdated) + len(surplus)


def modality_of(line: HospitalLine) -> Modality:
    """A hospital's line as the archive knows it: it may store, echo and ask for storage commitment,
    and nothing else."""
    return Modality(
        name=f"{PREFIX}{line.id}",
        ae_title=line.ae_title,
        host=line.host,
        port=line.port,
        may_commit=True,
        use_tls=line.use_tls,
    )
