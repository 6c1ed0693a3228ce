"""The template of a batch: everything about its packets but who gets them. A small TOML file.

What it does not say is taken from the settings when the file is submitted, and never looked up again.
docs/howto/openid-file.md shows one.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

from hongbao.clock import BEIJING, SeededDice
from hongbao.errors import BadInput
from hongbao.ids import AppId, OpenId
from hongbao.merchant import LimitSet
from hongbao.money import fen_from_yuan
from hongbao.wechat.redpack import SendRedPack

WORDS = ("send_name", "wishing", "act_name", "remark")
_KEYS = frozenset({"name", "scene", "amount", "window", *WORDS})


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same amount for everybody, in fen."""

    fen: int


@dataclass(frozen=True, slots=True)
class Spread:
    """An amount by chance for each, from `fen_min` to `fen_max`; all together make exactly `fen_budget`."""

    fen_min: int
    fen_max: int
    fen_budget: int

    def amounts(self, count: int, seed: int) -> Iterator[int]:
        """Yield `count` amounts; the same seed gives the same ones. Nobody is favoured by where they stand.

        Raises:
            BadInput: the budget cannot be shared so.
        """
        low, high, left = self.fen_min, self.fen_max, self.fen_budget
        if not low * count <= left <= high * count:
            raise BadInput(
                field="amount.budget",
                fault=f"{left} fen cannot be shared among {count} people at {low} to {high} fen each",
                remedy=f"give {low * count} to {high * count} fen, or change the range",
            )
        dice = SeededDice(seed)
        for others in range(count - 1, -1, -1):
            # What is left must be enough for all others, and not too much.
            floor, ceiling = max(low, left - high * others), min(high, left - low * others)
            mean = left // (others + 1)
            # Below or above the mean, so often that the mean stays what it is: then the last gets what the first got.
            above = dice.below(high - low + 1) < mean - low
            start, end = (mean, high) if above else (low, mean)
            fen = min(max(start + dice.below(end - start + 1), floor), ceiling)
            left -= fen
            yield fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What a batch's packets look like.

    Attributes:
        name: tells templates of the same content apart: the same list may be paid again next month.
        words: send_name, wishing, act_name and remark.
        client_ip: of the calling machine.
        amount: None: each row says its own.
        begins_ms, ends_ms: when packets may leave.
    """

    name: str
    words: Mapping[str, str]
    client_ip: str
    scene: str | None = None
    amount: Fixed | Spread | None = None
    begins_ms: int | None = None
    ends_ms: int | None = None

    def fields(self, wording: str = "") -> dict[str, str]:
        """Return the words of one packet, with the row's own wishing if it has one."""
        fields = {**self.words, "client_ip": self.client_ip}
        if self.scene is not None:
            fields["scene_id"] = self.scene
        if wording:
            fields["wishing"] = wording
        return fields

    def check(self, appid: AppId, limits: LimitSet) -> None:
        """See that a packet of this template can be sent.

        Raises:
            BadInput: a word, the scene or an amount must not be sent.
        """
        low, high = fen_range(self.scene, limits)
        amounts: tuple[int, ...] = (low,)
        if isinstance(self.amount, Fixed):
            amounts = (self.amount.fen,)
        elif isinstance(self.amount, Spread):
            amounts = (self.amount.fen_min, self.amount.fen_max)
        for fen in amounts:
            SendRedPack(
                mch_billno="1",
                wxappid=appid,
                re_openid=OpenId("o"),
                total_amount=fen if self.amount is not None else min(max(fen, low), high),
                **cast("dict[str, Any]", self.fields()),
            ).wire(limits)

    def json(self) -> str:
        """Write the form that is kept."""
        return json.dumps(
            {
                "name": self.name,
                "words": dict(sorted(self.words.items())),
                "client_ip": self.client_ip,
                "scene": self.scene,
                "amount": _amount_told(self.amount),
                "begins_ms": self.begins_ms,
                "ends_ms": self.ends_ms,
            },
            ensure_ascii=False,
            sort_keys=True,
        )

    def hash(self) -> str:
        """Return what tells this template from others. The machine that submits it is no part of it."""
        told = json.loads(self.json())
        del told["client_ip"]
        text = json.dumps(told, ensure_ascii=False, sort_keys=True)
        return blake2b(text.encode(), digest_size=16).hexdigest()


def _amount_told(amount: Fixed | Spread | None) -> list[int]:
    if isinstance(amount, Fixed):
        return [amount.fen]
    return [] if amount is None else [amount.fen_min, amount.fen_max, amount.fen_budget]


def kept_template(text: str) -> Template:
    """Read the form that is kept."""
    told = json.loads(text)
    numbers: list[int] = told["amount"]
    return Template(
        name=told["name"],
        words=told["words"],
        client_ip=told["client_ip"],
        scene=told["scene"],
        amount=Fixed(*numbers) if len(numbers) == 1 else Spread(*numbers) if numbers else None,
        begins_ms=told["begins_ms"],
        ends_ms=told["ends_ms"],
    )


def fen_range(scene: str | None, limits: LimitSet) -> tuple[int, int]:
    """Return the smallest and largest packet of a scene, or without one, in fen."""
    if scene is None:
        low, high = limits.amount_fen_min, limits.amount_fen_max
    else:
        low, high = limits.scenes.get(scene, (limits.scene_amount_fen_min, limits.scene_amount_fen_max))
    return low.value, high.value


def read_template(path: Path, *, words: Mapping[str, str | None], client_ip: str) -> Template:
    """Read a template file.

    Args:
        path: the TOML file.
        words: what the settings say; the file's own words win.
        client_ip: IPv4 address of the calling machine, from the settings.

    Raises:
        BadInput: the file cannot be read, or says something that cannot be.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(
            field="template", fault=f"{path} cannot be read: {error.strerror}", remedy="check the path"
        ) from None
    except UnicodeDecodeError:
        raise BadInput(field="template", fault=f"{path} is not UTF-8", remedy="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(field="template", fault=f"{path} is not TOML: {error}", remedy="mend that line") from None
    _only(told, _KEYS, "template")
    window = _section(told, "window", {"begins", "ends"})
    begins_ms, ends_ms = _moment(window, "begins"), _moment(window, "ends")
    if begins_ms is not None and ends_ms is not None and begins_ms >= ends_ms:
        raise BadInput(field="window", fault="ends before it begins", remedy="exchange the two")
    return Template(
        name=_text(told, "name") or path.stem,
        words={name: _word(told, name, words.get(name)) for name in WORDS},
        client_ip=client_ip,
        scene=_text(told, "scene"),
        amount=_amount(_section(told, "amount", {f"{part}_{unit}" for part in _PARTS for unit in ("yuan", "fen")})),
        begins_ms=begins_ms,
        ends_ms=ends_ms,
    )


_PARTS = ("fixed", "min", "max", "budget")


def _amount(told: Mapping[str, Any]) -> Fixed | Spread | None:
    given = {part: fen for part in _PARTS if (fen := _fen(told, part)) is not None}
    if not given:
        return None
    if given.keys() == {"fixed"}:
        return Fixed(given["fixed"])
    if given.keys() == {"min", "max", "budget"}:
        if not 0 < given["min"] <= given["max"]:
            raise BadInput(field="amount", fault="has an empty range", remedy="give a min of at most max")
        return Spread(given["min"], given["max"], given["budget"])
    raise BadInput(
        field="amount",
        fault=f"has {', '.join(given)}",
        remedy="give fixed alone, or min, max and budget; without [amount] the file has a column for it",
    )


def _fen(told: Mapping[str, Any], part: str) -> int | None:
    yuan, fen = told.get(f"{part}_yuan"), told.get(f"{part}_fen")
    if yuan is not None and fen is not None:
        raise BadInput(field=f"amount.{part}", fault="is given in yuan and in fen", remedy="give one of the two")
    if yuan is not None:
        if not isinstance(yuan, str):
            raise BadInput(
                field=f"amount.{part}_yuan", fault="is not a text", remedy='put it in quotes, like "1.88": it is exact'
            )
        return fen_from_yuan(yuan)
    if fen is not None and (type(fen) is not int or fen < 1):
        raise BadInput(field=f"amount.{part}_fen", fault="is not a whole number above 0", remedy="give fen, like 188")
    return fen


def _section(told: Mapping[str, Any], name: str, keys: set[str]) -> Mapping[str, Any]:
    section = told.get(name, {})
    if not isinstance(section, dict):
        raise BadInput(field=name, fault="is not a section", remedy=f"write [{name}] and its keys below")
    found = cast("dict[str, Any]", section)
    _only(found, frozenset(keys), name)
    return found


def _only(told: Mapping[str, Any], keys: frozenset[str], where: str) -> None:
    for name in told:
        if name not in keys:
            raise BadInput(
                field=f"{where}: {name}", fault="is not a key", remedy=f"use one of {', '.join(sorted(keys))}"
            )


def _text(told: Mapping[str, Any], name: str) -> str | None:
    value = told.get(name)
    if value is not None and not isinstance(value, str):
        raise BadInput(field=f"template: {name}", fault="is not a text", remedy="put it in quotes")
    return value


def _word(told: Mapping[str, Any], name: str, default: str | None) -> str:
    value = _text(told, name)
    value = default if value is None else value
    if value is None:
        raise BadInput(
            field=f"template: {name}", fault="is missing", remedy="give it, or a default in the merchant's wording"
        )
    return value


def _moment(told: Mapping[str, Any], name: str) -> int | None:
    value = told.get(name)
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise BadInput(
            field=f"window.{name}",
            fault="is no date with time",
            remedy="write it like 2025-02-01T09:00:00, Beijing time",
        )
    aware = value if value.tzinfo is not None else value.replace(tzinfo=BEIJING)
    return round(aware.timestamp()) * 1000
