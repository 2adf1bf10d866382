"""YAML of a catalogue, bounded: no anchors, so that a small file cannot stand for a large one."""

from __future__ import annotations

from typing import Any, Final

import yaml

MAX_FILE_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 12
Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotYaml(ValueError):
    """The text cannot be read. `line` counts from 1."""

    def __init__(self, line: int, says: str) -> None:
        super().__init__(f"line {line}: {says}")
        self.line, self.says = line, says


def read(data: bytes) -> tuple[Any, yaml.Node | None]:
    """Values of a file, and the nodes that know their lines.

    Raises:
        NotYaml: it is too large, too deep, has anchors or is no YAML.
    """
    if len(data) > MAX_FILE_BYTES:
        raise NotYaml(1, f"the file is larger than {MAX_FILE_BYTES} bytes: shorten it")
    try:
        _look_through(data)
        root = yaml.compose(data, Loader=Loader)
        return (None if root is None else _values(root)), root
    except yaml.YAMLError as why:
        mark = getattr(why, "problem_mark", None)
        says = str(getattr(why, "problem", None) or why).splitlines()[0]
        raise NotYaml(mark.line + 1 if mark else 1, f"this is no YAML: {says}") from None
    except ValueError as why:
        if isinstance(why, NotYaml):
            raise
        raise NotYaml(1, f"this cannot be read: {why}") from None


def _look_through(data: bytes) -> None:
    depth = 0
    for event in yaml.parse(data, Loader=Loader):
        if isinstance(event, yaml.AliasEvent):
            raise NotYaml(_line(event), "anchors and aliases are not taken: write it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise NotYaml(_line(event), f"more than {MAX_DEPTH} levels: this is no practice")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _values(root: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(root)
    finally:
        loader.dispose()
