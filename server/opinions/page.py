"""An opinion as one page of HTML: the preview before signing, and what the PDF is made from.

Nothing in it refers to anything outside: the style sheet is inline, pictures are inline SVG or data.
This module is light; WeasyPrint is loaded by `server.opinions.pdf` alone, in a process that prints.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup, escape

from server.foundation.paper import paper_templates
from server.opinions import figures, gathered, wording
from server.opinions.document import PRELIMINARY_NOTE, Opinion, VesselContact
from server.opinions.key_images import KeyImage
from server.opinions.stored import content_sha256, to_stored
from server.opinions.words import ENGLISH, Words, words_of
from server.routing.vocabulary import capabilities

_TEMPLATES: Final = Path(__file__).parent / "templates"
_STYLE: Final = (_TEMPLATES / "opinion.css").read_text(encoding="utf-8")
Pictures = Mapping[str, bytes]  # JPEG by `KeyImage.name`

# The preview holds one inline style sheet, pictures as data and no script; this policy permits
# exactly that. It stays of our origin so that the page around it can keep the place that is read.
PREVIEW_CSP = (
    "default-src 'none'; img-src data:; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin"
)


def render_html(opinion: Opinion, pictures: Pictures | None = None) -> str:
    """The opinion as one self-contained HTML page; serve it with `PREVIEW_CSP`.

    A key image without a picture has a frame that says so.
    """
    return _rendered(opinion, lambda one: _data_address((pictures or {}).get(one.name)))


def printed_html(opinion: Opinion, address_of: Any) -> str:
    """The same page for printing; `address_of` says where the picture of a key image lies."""
    return _rendered(opinion, address_of)


def _rendered(opinion: Opinion, address_of: Any) -> str:
    template = _environment(opinion.language).get_template("opinion.html")
    return template.render(opinion=opinion, address_of=address_of)


def _data_address(picture: bytes | None) -> str:
    if picture is None:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"


def _finalise(value: Any) -> Any:
    """Clean every printed string; escaping comes after this and is never switched off."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return wording.printable(value)
    return value


def _breakable(rule: str) -> Markup:
    """The name of a rule, which may go on in the next line after a hyphen or an underscore."""
    return Markup(re.sub(r"(?<=[-_])", "<wbr>", str(escape(wording.printable(rule)))))  # noqa: S704


def _needed(capability: str) -> str:
    """What a ruleset calls for, by the name under which centres say what they can do."""
    known = capabilities().get(capability.replace(" ", "_"))
    return known.title if known else capability


@cache
def _environment(language: str) -> jinja2.Environment:
    environment = paper_templates(_TEMPLATES, "opinion.css", _finalise)
    words = words_of(language)
    filters = (wording.ml, wording.percent, wording.day, wording.moment, wording.denominator)
    said = (
        *(wording.angle_words, wording.kind_words, wording.against, wording.age, wording.computed),
        gathered.computed_shortly,
        *(wording.trust_mark, wording.trust_marks, wording.status, wording.verdict),
        *(figures.clock_face, figures.remnant_bar),
    )
    environment.filters.update({one.__name__: partial(one, words=words) for one in filters})
    environment.filters["term"] = words.term
    environment.filters["breakable"] = _breakable
    environment.filters["needed"] = _needed
    environment.globals.update({one.__name__: partial(one, words=words) for one in said})
    environment.globals.update(
        w=words,
        preliminary_note=PRELIMINARY_NOTE,
        content_hash=lambda opinion: content_sha256(to_stored(opinion)),
        answer_is_long=wording.answer_is_long,
        tone=wording.tone,
        recommends=wording.recommends,
        sides_known=wording.sides_known,
        compared_title=gathered.COMPARED_TITLE,
        gathered_rows=gathered.gathered_rows,
        vessels_apart=gathered.vessels_apart,
        vessels_clear=gathered.vessels_clear,
        sets_that_speak=gathered.sets_that_speak,
        sets_that_are_silent=gathered.sets_that_are_silent,
        together=partial(_together, words=words),
        caption=partial(_caption, words=words),
        doubtful=partial(gathered.doubtful, words=words),
    )
    return environment


def _together(vessels: Sequence[VesselContact], words: Words = ENGLISH) -> VesselContact:
    """Several vessels without contact as one, for their one picture."""
    return replace(
        vessels[0], name=words["semicolon"].join(words.term(one.name) for one in vessels)
    )


def _caption(image: KeyImage, words: Words) -> str:
    """Where the picture comes from: series, image, frame and window."""
    parts = [words.term(image.series)] if image.series else []
    if image.image_number is not None:
        parts.append(words.said("image_number", number=image.image_number))
    if image.frame > 1:
        parts.append(words.said("frame_number", number=image.frame))
    if image.window_lower is not None and image.window_upper is not None:
        low, high = f"{image.window_lower:g}", f"{image.window_upper:g}"
        parts.append(words.said("window", low=low, high=high))
    return words.said("comma").join(parts)
