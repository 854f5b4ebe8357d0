"""Templates of what is printed: strict about names, every value escaped, the style from a file beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup


def paper_templates(
    folder: Path, style: str, finalise: Callable[[Any], Any] | None = None
) -> jinja2.Environment:
    """The templates of a folder. A name that a template does not know is an error and never an empty
    place on paper. `style` is the file of this folder that they find as `style`; `finalise` sees each
    printed value before it is escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=finalise,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    css = (folder / style).read_text(encoding="utf-8")
    environment.globals["style"] = Markup(css)  # noqa: S704 - our own file, not a value
    return environment
