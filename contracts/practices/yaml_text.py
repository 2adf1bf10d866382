"""YAML of a catalogue, bounded: no anchors, so that a small file cannot stand for a large one."""

from __future__ import annotations

from typing import Any, Final

import yaml

MAX_FILE_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 12
MAX_NODES: Final = 10_000
MAX_SCALAR_CHARS: Final = 2_000
Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotYaml(ValueError):
    """The text cannot be read. `line` counts from 1."""

    def __init__(self, line: int, says: str) -> None:
        super().__init__(f"line {line}: {says}")
        self.line, self.says = line, says


def read(data: bytes) -> tuple[Any, yaml.Node | None]:
    """Values of a file, and the nodes that know their lines.

    Raises:
        NotYaml: it is too large, too deep, has anchors, tags or a name twice, or is no YAML.
    """
    if len(data) > MAX_FILE_BYTES:
        raise NotYaml(1, f"the file is larger than {MAX_FILE_BYTES} bytes: shorten it")
    try:
        _look_through(data)
        root = yaml.compose(data, Loader=Loader)
        _refuse_twins(root)
        return (None if root is None else _values(root)), root
    except yaml.YAMLError as why:
        mark = getattr(why, "problem_mark", None)
        says = str(getattr(why, "problem", None) or why).splitlines()[0]
        raise NotYaml(mark.line + 1 if mark else 1, f"this is no YAML: {says}") from None
    except NotYaml:
        raise
    except (ValueError, OverflowError) as why:  # a date that is none, a number of too many digits
        raise NotYaml(1, f"this cannot be read: {why}") from None


def _look_through(data: bytes) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(data, Loader=Loader)):
        if count > MAX_NODES:
            raise NotYaml(_line(event), f"more than {MAX_NODES} values: this is no practice")
        if getattr(event, "tag", None) is not None:
            raise NotYaml(_line(event), "tags are not taken: write the value as it is")
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > MAX_SCALAR_CHARS:
            raise NotYaml(_line(event), f"a text of more than {MAX_SCALAR_CHARS} signs: shorten it")
        if isinstance(event, yaml.AliasEvent):
            raise NotYaml(_line(event), "anchors and aliases are not taken: write it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise NotYaml(_line(event), f"more than {MAX_DEPTH} levels: this is no practice")


def _refuse_twins(node: yaml.Node | None) -> None:
    """YAML lets the last of two equal names win; here a mark of a special category could be taken off so."""
    if isinstance(node, yaml.MappingNode):
        seen = set[str]()
        for key, value in node.value:
            if key.value in seen:
                raise NotYaml(key.start_mark.line + 1, f"{key.value} stands twice: take one away")
            seen.add(key.value)
            _refuse_twins(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_twins(value)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _values(root: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(root)
    finally:
        loader.dispose()
