"""Layered, typed settings: defaults ← TOML file ← environment ← command line, refused or taken as a whole.

Nothing is guessed: an unknown key is named together with the nearest known one, and every value of the
effective whole can tell where it came from. Pure: the caller reads the file and hands over its environment.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec

from contracts.errors import PueError, WhoCanAct
from contracts.settled import settled

SECRET_MARK: Final = "«secret»"  # noqa: S105 - the mask, not a secret
Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]
"""The type of a setting whose value is never shown."""

_SECRET_NAME: Final = re.compile(r"(^|_)(password|passphrase|secret|token|pin|puk|private_key|api_key)($|_)")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")

M = TypeVar("M", bound=msgspec.Struct)
Tree = dict[str, Any]


class SettingsError(PueError):
    """The settings are refused as a whole; nothing of them was taken."""

    code = "settings.invalid"
    who = WhoCanAct.TECHNICIAN


class UnknownSetting(SettingsError):
    """A key nobody reads: most often a slip of the pen."""

    code = "settings.unknown_key"


class Effective(msgspec.Struct, Generic[M], frozen=True):
    """The whole that stands, and where each value came from.

    Attributes:
        value: the typed settings.
        origins: dotted key → layer ("file desk.toml", "environment PUE_…", "--set"); a key that is not
            here has its built-in default.
    """

    value: M
    origins: dict[str, str]

    def show(self) -> str:
        """The effective whole as TOML: each value with its origin, secrets masked."""
        return _show(self.value, self.origins)


def load_settings(
    model: type[M],
    *,
    defaults: bytes = b"",
    file: tuple[str, bytes] | None = None,
    environ: Mapping[str, str],
    prefix: str = "PUE_",
    overrides: Sequence[str] = (),
) -> Effective[M]:
    """Merge the layers, lowest first, and check the result as a whole.

    Args:
        model: a msgspec struct with `forbid_unknown_fields=True`; its own defaults are the lowest layer.
        defaults: packaged TOML.
        file: name and bytes of the process' TOML file.
        environ: ``PUE_PRINTER__DRIVER=escpos`` sets ``printer.driver``.
        prefix: which variables are meant for this process. All of them must be known.
        overrides: ``printer.driver=escpos``, as given after `--set`.

    Raises:
        UnknownSetting: a key the model does not have.
        SettingsError: TOML that cannot be read, a wrong type, a value out of range.
    """
    tree: Tree = {}
    origins: dict[str, str] = {}
    _lay(tree, _parse(defaults, "packaged defaults"), "packaged defaults", origins)
    if file is not None:
        origin = f"file {file[0]}"
        _lay(tree, _parse(file[1], origin), origin, origins)
    for name, text in sorted(environ.items()):
        if name.startswith(prefix) and len(name) > len(prefix):
            path = name[len(prefix) :].lower().split("__")
            _lay(tree, _nest(path, _typed(model, path, text)), f"environment {name}", origins)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key.strip():
            message = f"--set {override!r}: write it as key=value, for example printer.driver=simulated"
            raise SettingsError(message, key=key)
        path = key.strip().split(".")
        _lay(tree, _nest(path, _typed(model, path, text)), "--set", origins)
    return Effective(value=convert_settings(model, tree), origins=origins)


def convert_settings(model: type[M], tree: Mapping[str, object]) -> M:
    """Turn plain values into the typed struct.

    Raises:
        UnknownSetting: with the nearest known key, if any is near.
        SettingsError: a wrong type or a value out of range, with its key.
    """
    _refuse_unknown(model, tree, "")
    try:
        return msgspec.convert(dict(tree), settled(model), strict=True)
    except msgspec.ValidationError as error:
        text = str(error)
        found = re.search(r"\$\.?([^`]*)`", text)
        key = found.group(1) if found else ""
        reason = text.partition(" - at")[0]
        raise SettingsError(f"{key or 'settings'}: {reason}", key=key) from error
    except (ValueError, TypeError) as error:
        message = f"settings: {error}"
        raise SettingsError(message, key="") from error


def _parse(data: bytes, origin: str) -> Tree:
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{origin} is not TOML: {error}"
        raise SettingsError(message, key="") from error


def _nest(path: list[str], value: object) -> Tree:
    tree: Tree = {path[-1]: value}
    for part in reversed(path[:-1]):
        tree = {part: tree}
    return tree


def _lay(tree: Tree, upper: Tree, origin: str, origins: dict[str, str], above: str = "") -> None:
    """Put a layer over what stands; tables merge, everything else replaces."""
    for key, value in upper.items():
        dotted = f"{above}{key}"
        if isinstance(value, dict):
            if not isinstance(tree.get(key), dict):
                _forget(origins, dotted)
                tree[key] = {}
            _lay(tree[key], value, origin, origins, f"{dotted}.")
        else:
            _forget(origins, dotted)
            tree[key] = value
            origins[dotted] = origin


def _forget(origins: dict[str, str], dotted: str) -> None:
    for key in [key for key in origins if key == dotted or key.startswith(f"{dotted}.")]:
        del origins[key]


# ---- what the model says ---------------------------------------------------------------------------------


def _plain(annotation: object) -> object:
    """Strip Annotated and `| None`; any other union stays as it is."""
    while typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [arg for arg in typing.get_args(annotation) if arg is not type(None)]
        if len(rest) == 1:
            return _plain(rest[0])
    return annotation


def _fields(annotation: object) -> dict[str, msgspec.structs.FieldInfo] | None:
    """The fields of a struct type by their written name, or None when it is no struct."""
    plain = _plain(annotation)
    if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
        return {field.encode_name: field for field in msgspec.structs.fields(plain)}
    return None


def _below(annotation: object, key: str) -> object:
    """The type found under `key`; `object` where the model leaves it open."""
    fields = _fields(annotation)
    if fields is not None:
        return fields[key].type if key in fields else object
    plain = _plain(annotation)
    args = typing.get_args(plain)
    two = 2
    if typing.get_origin(plain) in (dict, Mapping) and len(args) == two:
        return typing.cast("object", args[1])
    return object


def _refuse_unknown(annotation: object, value: object, above: str) -> None:
    if isinstance(value, Mapping):
        fields = _fields(annotation)
        for key, inner in value.items():
            if fields is not None and key not in fields:
                raise _unknown(f"{above}{key}", str(key), list(fields), above)
            _refuse_unknown(_below(annotation, key), inner, f"{above}{key}.")
    elif isinstance(value, list | tuple) and (args := typing.get_args(_plain(annotation))):
        for index, inner in enumerate(value):
            _refuse_unknown(args[0], inner, f"{above[:-1]}[{index}].")


def _unknown(dotted: str, key: str, known: list[str], above: str) -> UnknownSetting:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    hint = (
        f"; did you mean {above}{near[0]}?" if near else f"; known here: {', '.join(sorted(known)) or 'none'}"
    )
    return UnknownSetting(f"unknown setting {dotted}{hint}", key=dotted, nearest=near[0] if near else None)


def _typed(model: type[msgspec.Struct], path: list[str], text: str) -> object:
    """A value written as text: words where the model wants words, else read as TOML, else words after all."""
    annotation: object = model
    for part in path:
        annotation = _below(annotation, part)
    plain = _plain(annotation)
    if isinstance(plain, type) and issubclass(plain, str | Path):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


# ---- config show -----------------------------------------------------------------------------------------


def _show(value: msgspec.Struct, origins: dict[str, str]) -> str:
    lines: list[str] = []
    tree = msgspec.to_builtins(value, builtin_types=(bytes,), enc_hook=str)
    _show_table(tree, type(value), "", origins, lines)
    return "\n".join(lines).strip() + "\n"


def _show_table(tree: Tree, model: object, above: str, origins: dict[str, str], lines: list[str]) -> None:
    tables: list[tuple[str, Tree]] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            tables.append((key, value))
            continue
        origin = origins.get(f"{above}{key}") or _origin_above(origins, f"{above}{key}") or "default"
        if value is None:
            lines.append(f"# {_key(key)} is not set  # {origin}")
        elif _is_secret(model, key):
            lines.append(f"{_key(key)} = {_toml(SECRET_MARK)}  # {origin}")
        else:
            lines.append(f"{_key(key)} = {_toml(value)}  # {origin}")
    for key, value in tables:
        lines.extend(["", f"[{'.'.join(_key(part) for part in [*above.split('.')[:-1], key])}]"])
        _show_table(value, _below(model, key), f"{above}{key}.", origins, lines)


def _origin_above(origins: dict[str, str], dotted: str) -> str | None:
    while "." in dotted:
        dotted = dotted.rpartition(".")[0]
        if dotted in origins:
            return origins[dotted]
    return None


def _is_secret(model: object, key: str) -> bool:
    """Marked so by its type, or called so by its name (the settings of drivers have open types)."""
    if _SECRET_NAME.search(key.lower()):
        return True
    field = (_fields(model) or {}).get(key)
    return field is not None and _marked_secret(field.type)


def _marked_secret(annotation: object) -> bool:
    """Look for the mark through `Annotated` and unions (``Secret | None``)."""
    if typing.get_origin(annotation) is Annotated:
        for meta in typing.get_args(annotation)[1:]:
            if isinstance(meta, msgspec.Meta) and (meta.extra or {}).get("secret"):
                return True
    return any(_marked_secret(arg) for arg in typing.get_args(annotation))


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _toml(key)


def _toml(value: object) -> str:
    """One value in TOML 1.0; msgspec's JSON strings are valid TOML basic strings, but for DEL, which JSON leaves bare."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        shown = (
            f"{_key(key)} = {_toml(SECRET_MARK if _SECRET_NAME.search(key.lower()) else inner)}"
            for key, inner in value.items()
            if inner is not None
        )
        return "{" + ", ".join(shown) + "}"
    return msgspec.json.encode(str(value)).decode().replace("\x7f", "\\u007f")
