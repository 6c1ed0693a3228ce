"""The wire of one world: WeChat's face called directly as bytes, and a witness who reads everything that passes.

The witness shares nothing with the engine. It knows the rules as WeChat and the issue state them, and writes down each
breach: another content under the same number, a number too soon or too late, a new number while the old one may pay.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.factories import certificate
from tests.simulation.virtual import VirtualTime

from hongbao.clock import Dice, SeededDice
from hongbao.merchant import LimitSet
from hongbao.simulator.face import Arrival, Certificate, Departure, Face
from hongbao.simulator.packets import Status
from hongbao.simulator.world import World
from hongbao.wechat import Credentials, Request, SentRedPack, xml
from hongbao.wechat.flow import Answer, Failure, Post, converse

R = TypeVar("R")
DAY_MS = 86_400_000
READ_MS = 20_000


@dataclass(slots=True)
class _Number:
    content: dict[str, Any]
    first_ms: int
    last_ms: int


@dataclass
class Witness:
    """What passed, and what must never pass."""

    world: World
    quiet: set[str]
    breaches: list[str] = field(default_factory=list)
    numbers: dict[tuple[str, str], _Number] = field(default_factory=dict)
    people: defaultdict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)
    stopped_since_ms: dict[str, int] = field(default_factory=dict)
    lowered: set[str] = field(default_factory=set)
    one_grant_each: bool = True
    arrivals: list[tuple[int, str, str]] = field(default_factory=list)

    def arrives(self, document: xml.Document, now_ms: int) -> None:
        mch_id, number, openid = (str(document[name]) for name in ("mch_id", "mch_billno", "re_openid"))
        self.arrivals.append((now_ms, number, openid))
        content = {name: value for name, value in document.items() if name not in {"nonce_str", "sign"}}
        known = self.numbers.get((mch_id, number))
        if known is None:
            self._new_number(mch_id, number, openid)
            self.numbers[mch_id, number] = _Number(content, now_ms, now_ms)
        else:
            if known.content != content:
                self.breaches.append(f"{number}: other content under the same number")
            if now_ms - known.last_ms < 1_000:
                self.breaches.append(f"{number}: again after {now_ms - known.last_ms} ms")
            if now_ms - known.first_ms > 3 * DAY_MS + 1_000:
                self.breaches.append(f"{number}: again after {(now_ms - known.first_ms) / DAY_MS:.1f} days")
            known.last_ms = now_ms
        hour = (now_ms // 3_600_000 + 8) % 24
        if mch_id in self.quiet and hour < 8:
            self.breaches.append(f"{number}: sent in the quiet hours")
        stopped_ms = self.stopped_since_ms.get(mch_id)
        if stopped_ms is not None and now_ms > stopped_ms + 2_000:
            self.breaches.append(f"{number}: sent {now_ms - stopped_ms} ms after the merchant was stopped")

    def _new_number(self, mch_id: str, number: str, openid: str) -> None:
        """A person has one grant in a world, so another number for them is a renewal."""
        for older in self.people[mch_id, openid] if self.one_grant_each else ():
            packet = self.world.state.packets.get((mch_id, older))
            if packet is None or packet.status is not Status.FAILED:
                shown = "unknown" if packet is None else packet.status
                self.breaches.append(f"{number}: a new number while {older} is {shown}")
        self.people[mch_id, openid].append(number)

    def answers(self, document: xml.Document, mch_id: str) -> None:
        code = str(document.get("err_code", ""))
        self.counts[code] += 1
        if code == "FREQ_LIMIT" and mch_id not in self.lowered:
            self.breaches.append(f"merchant {mch_id} was told FREQ_LIMIT")


class WireCaller:
    """A client of one merchant on one host, without sockets; the SDK's own conversation does the rest."""

    def __init__(self, wire: "Wire", mch_id: str, api_key: str, dice: Dice) -> None:
        self.limits = LimitSet()
        self.mch_id = mch_id
        self._wire = wire
        self._credentials = Credentials(mch_id=mch_id, api_key=api_key, certificate=certificate())
        self._dice = dice
        self.heard: list[tuple[str, str, str]] = []
        """Every "sent" that came to this host."""

    async def call(self, request: Request[R]) -> R:
        reply = await self._call(request)
        if isinstance(reply, SentRedPack):
            self.heard.append((self.mch_id, reply.mch_billno, reply.send_listid))
        return reply

    async def _call(self, request: Request[R]) -> R:
        conversation = converse(request, self._credentials, self.limits, ("https://one.example",), self._dice)
        try:
            post = next(conversation)
            while True:
                post = conversation.send(await self._wire.post(post, self))
        except StopIteration as end:
            return end.value


class Wire:
    """Carries posts to the face and departures back, with time on the way."""

    def __init__(self, world: World, time: VirtualTime, witness: Witness, seed: int) -> None:
        self.face = Face(world)
        self.witness = witness
        self.down: set[str] = set()
        self.swallowed: set[str] = set()
        """Merchants whose sends leave and never arrive."""
        self._time = time
        self._dice = SeededDice(seed)

    async def post(self, post: Post, caller: WireCaller) -> Answer | Failure:
        if caller.mch_id in self.down:
            await asyncio.sleep(0.005)
            return Failure(sent=False, what="no route")
        if caller.mch_id in self.swallowed and b"<re_openid>" in post.body:
            self.witness.arrives(xml.read(post.body), self._time.now_ms())
            await asyncio.sleep(READ_MS / 1000)
            return Failure(sent=True, what="timeout")
        await asyncio.sleep((2 + self._dice.below(10)) / 1000)
        departure = self._departure(post, caller.mch_id)
        if departure.silent:
            await asyncio.sleep(READ_MS / 1000)
            return Failure(sent=True, what="timeout")
        await asyncio.sleep((2 + self._dice.below(60) + departure.wait_ms) / 1000)
        if departure.cut_after is not None and departure.cut_after < 160 + len(departure.body):
            return Failure(sent=True, what="the connection was cut")
        return Answer(departure.status, departure.body)

    def _departure(self, post: Post, mch_id: str) -> Departure:
        document = xml.read(post.body)
        path = post.url.removeprefix("https://one.example")
        if "re_openid" in document:
            self.witness.arrives(document, self._time.now_ms())
        shown = Certificate(
            serial=1, common_name=mch_id, issuer_ok=True, expired=False, self_signed=False, fingerprint=mch_id
        )
        arrival = Arrival("POST", path, {}, post.body, "192.0.2.1", shown)
        departure = self.face.answer(arrival)
        if departure.status == 200 and departure.body.startswith(b"<xml>") and "re_openid" in document:
            self.witness.answers(xml.read(departure.body), mch_id)
        return departure
