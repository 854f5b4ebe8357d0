"""How an opinion stands: preliminary or final, on what ground, after which one, and as what finding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Status = Literal["preliminary", "final"]
Basis = Literal["", "in_person", "records_suffice"]

# Requirements 28 and 45-47: a remote opinion is preliminary; what needs no operation may be final
# from records alone, what offers one is final after an assessment in person.
BASES: Final[dict[Basis, str]] = {
    "in_person": "The patient was assessed in person",
    "records_suffice": "Records and images suffice for this question",
}

# The texts' finding categories (requirement 43); more than one may hold at once.
CATEGORIES: Final[dict[str, str]] = {
    "resectable": "Resectable, though called unresectable",
    "convertible": "Could become resectable after conversion therapy",
    "other_approach": "Another surgical approach is recommended",
    "neoadjuvant": "More neoadjuvant therapy before surgery",
    "trial": "Eligible for a clinical trial",
    "confirmed": "The original plan is confirmed",
}


@dataclass(frozen=True)
class FindingCategory:
    """What the opinion comes to, as it is counted afterwards: a code of `CATEGORIES` and its words."""

    code: str
    label: str


@dataclass(frozen=True)
class Precedent:
    """The preliminary opinion that a final one follows. `signed_at` is aware."""

    number: str
    signed_at: datetime
    signed_by: str


@dataclass(frozen=True)
class Verification:
    """Where and by which short code anybody who holds the paper can check it."""

    address: str
    code: str


# Crockford's base 32: no letter that is mistaken for a figure when it is read from paper.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LETTERS: Final = 10  # 50 bits: not guessed at the rate that `/verify` allows


def code_of(sha256: str) -> str:
    """A short code to be printed in a document, such as `7K3QX-90MZD`, from a hash of 64 hex digits."""
    letters = "".join(_ALPHABET[byte % 32] for byte in bytes.fromhex(sha256)[:_CODE_LETTERS])
    return f"{letters[:5]}-{letters[5:]}"


def finding_categories(codes: object) -> tuple[FindingCategory, ...]:
    """The known ones of these codes, in the order of `CATEGORIES`."""
    chosen = set(codes) if isinstance(codes, list | tuple | set | frozenset) else set()
    return tuple(FindingCategory(code, said) for code, said in CATEGORIES.items() if code in chosen)
