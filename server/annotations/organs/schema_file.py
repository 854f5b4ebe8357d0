"""Reads an organ's schema.json and unfolds it into one document without `$ref`.

The files on disk share definitions (`../core.json#/$defs/verdict`, `#/$defs/artery`). Both readers
of a schema, the validator and the form, get the unfolded document: neither has to resolve anything.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from server.foundation.errors import MarginError

Schema = dict[str, Any]


class SchemaFileBroken(MarginError):
    """A schema file of ours cannot be unfolded; the message names the file and the reference."""


def unfolded(path: Path) -> Schema:
    """The schema in `path` with every `$ref` replaced by what it points to, and no `$defs` left.

    Keywords beside a `$ref` are laid over the definition: objects merge key by key, anything else
    replaces. Raises SchemaFileBroken for a reference that leads nowhere or in a circle.
    """
    document = _document(path)
    schema: Schema = _unfold(document, document, path, ())
    schema.pop("$defs", None)
    return schema


def laid_over(base: Schema, extra: Schema) -> Schema:
    """A new object: `base` with `extra` merged into it, objects key by key, the rest replaced."""
    merged = dict(base)
    for key, value in extra.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = laid_over(below, value)
        else:
            merged[key] = value
    return merged


def _document(path: Path) -> Schema:
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise SchemaFileBroken(f"{path.name} does not hold an object")
    return document


def _unfold(node: Any, document: Schema, path: Path, trail: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_unfold(item, document, path, trail) for item in node]
    if not isinstance(node, dict):
        return node
    siblings = {
        key: _unfold(value, document, path, trail)
        for key, value in node.items()
        if key not in ("$ref", "$defs")
    }
    if "$ref" not in node:
        return siblings
    return laid_over(_target(node["$ref"], document, path, trail), siblings)


def _target(reference: str, document: Schema, path: Path, trail: tuple[str, ...]) -> Schema:
    file_name, _, pointer = reference.partition("#")
    target_path = (path.parent / file_name).resolve() if file_name else path
    spot = f"{target_path.name}#{pointer}"
    if spot in trail:
        raise SchemaFileBroken(f"{path.name}: {reference} leads back to itself")
    target_document = _document(target_path) if file_name else document
    found: Any = target_document
    for step in pointer.split("/")[1:]:
        if not isinstance(found, dict) or step not in found:
            raise SchemaFileBroken(f"{path.name}: {reference} does not exist")
        found = found[step]
    unfolded_target = _unfold(deepcopy(found), target_document, target_path, (*trail, spot))
    if not isinstance(unfolded_target, dict):
        raise SchemaFileBroken(f"{path.name}: {reference} is not a schema")
    return unfolded_target
