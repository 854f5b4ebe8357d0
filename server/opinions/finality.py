"""Whether an opinion may be issued as final. Pure. Requirements 13, 28 and 45 to 47."""

from __future__ import annotations

from typing import Final

from server.foundation.errors import Conflict, FieldProblem, Invalid
from server.opinions.drafts import Draft

# To say that the images do not suffice is right of images of any age.
_SAYS_NOTHING_OF_THE_TUMOUR: Final = frozenset({"insufficient_imaging"})
# An operation is offered: for these a look at the patient comes before the last word.
_OFFERS_SURGERY: Final = frozenset({"resectable_now", "resectable_with_conditions"})


class FinalWithoutGround(Invalid):
    """A final opinion does not say on what ground it is final."""


class ImagesTooOldForFinal(Conflict):
    """The images are too old for a definitive verdict, and nobody recorded why they count anyway."""


def refuse_unfounded(draft: Draft, verdict: str, too_old: str) -> None:
    """Raise FinalWithoutGround or ImagesTooOldForFinal where this draft may not be issued as final.

    `too_old` is the sentence about the images' age, empty where they are young enough or an override
    with its reason was recorded. A preliminary opinion may rest on images of any age.
    """
    if draft.status != "final":
        return
    if draft.basis not in ("in_person", "records_suffice"):
        said = "Say on what ground the opinion is final, or issue it as preliminary."
        raise FinalWithoutGround("The opinion was not signed.", [FieldProblem("/basis", said)])
    if draft.basis == "in_person" and draft.assessed_on is None:
        said = "Say on which day the patient was assessed in person."
        raise FinalWithoutGround(
            "The opinion was not signed.", [FieldProblem("/assessed_on", said)]
        )
    if draft.basis == "records_suffice" and verdict in _OFFERS_SURGERY:
        said = (
            "An operation is offered: this is final only after an assessment in person. "
            "Issue it as preliminary."
        )
        raise FinalWithoutGround("The opinion was not signed.", [FieldProblem("/basis", said)])
    if too_old and verdict not in _SAYS_NOTHING_OF_THE_TUMOUR:
        raise ImagesTooOldForFinal(
            f"The opinion was not signed as final: {too_old}",
            remedy=(
                "Issue it as preliminary, ask for newer images, or ask the coordinator to record "
                "why these count."
            ),
        )
