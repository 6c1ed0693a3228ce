"""Read JSON values into the fields of a frozen dataclass, by the types that the fields declare."""

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from hongbao.errors import BadInput
from hongbao.wechat.xml import unwritable

Options = TypeVar("Options")


def changed(options: Options, changes: Mapping[str, Any]) -> Options:
    """Return `options` (a frozen dataclass) with the named fields replaced.

    Whole numbers must not be negative; sets are given as lists.

    Raises:
        BadInput: no such field, or a value of another type.
    """
    hints = _hints(type(options))
    read: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in hints:
            raise BadInput(field=name, fault="there is no such option", remedy="one of " + ", ".join(sorted(hints)))
        read[name] = _read(name, hints[name], value)
    return cast(Options, replace(cast(Any, options), **read))


def writable(name: str, text: str) -> str:
    """Return a text that can be kept and sent.

    Raises:
        BadInput: it holds a lone surrogate, a control character or another that XML cannot carry.
    """
    character = unwritable(text)
    if character is not None:
        raise BadInput(
            field=name,
            fault=f"holds the character U+{ord(character):04X}, which XML cannot carry unchanged",
            remedy="leave it out",
        )
    return text


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _read(name: str, hint: Any, value: Any) -> Any:  # noqa: ANN401  JSON in, whatever the hint says out
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return None if value is None else _read(name, arguments[0], value)
    if origin is Literal:
        if value in arguments:
            return value
        raise BadInput(field=name, fault=f"{value!r} is not one of the choices", remedy=_words(arguments))
    if origin is frozenset and isinstance(value, (list, tuple, frozenset, set)):
        return frozenset(_read(name, arguments[0], item) for item in cast("list[Any]", value))
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_read(name, arguments[0], item) for item in cast("list[Any]", value))
    if origin is dict and isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value)
        return {_read(name, str, key): _read(name, arguments[1], entry) for key, entry in entries.items()}
    if hint is int and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if hint is bool and isinstance(value, bool):
        return value
    if hint is str and isinstance(value, str):
        return writable(name, value)
    # The value is not shown: it may be a key.
    raise BadInput(field=name, fault=f"a {type(value).__name__} does not fit here", remedy=f"give {_wanted(hint)}")


def _wanted(hint: object) -> str:
    if hint is int:
        return "a whole number from 0"
    if hint is str:
        return "a text"
    if hint is bool:
        return "true or false"
    return "an object" if get_origin(hint) is dict else "a list"


def _words(choices: tuple[Any, ...]) -> str:
    return "give " + " or ".join(str(choice) for choice in choices)
