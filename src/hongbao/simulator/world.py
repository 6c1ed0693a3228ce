"""The whole of WeChat Pay on a desk, and the verbs that other doors may use on it. See docs/reference/simulator.md."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from itertools import islice
from typing import Any, TypeVar, cast, get_args

from hongbao.clock import beijing_time
from hongbao.errors import BadInput
from hongbao.simulator.clock import ClockState, SimulatorClock
from hongbao.simulator.faults import FaultKind, FaultRule, check_rule, default_effect
from hongbao.simulator.fields import PREFIX
from hongbao.simulator.journal import BODIES_MAX
from hongbao.simulator.keep import Keep
from hongbao.simulator.merchants import AccountKind, Merchant, Person, TopUp, new_settings
from hongbao.simulator.options import changed
from hongbao.simulator.orders import draw, fire, recount, take
from hongbao.simulator.packets import Due, ForbiddenStep, Packet, Status, Taken
from hongbao.simulator.rules import ERAS, Era
from hongbao.simulator.state import State
from hongbao.simulator.views import (
    ClockView,
    FaultView,
    Finding,
    Json,
    MerchantView,
    PacketView,
    PersonView,
    RequestView,
    ShareView,
    to_json,
)

_MCH_ID = re.compile(r"[0-9]{1,32}", re.ASCII)
_APPID = re.compile(r"[0-9A-Za-z_\-]{1,32}", re.ASCII)
_OPENID = re.compile(r"[0-9A-Za-z_\-]{1,31}", re.ASCII)
_Result = TypeVar("_Result")


class World:
    """Merchants, accounts, people, packets, journal, faults, clock, seed and rules.

    Single-threaded: every method runs to its end before the next. A verb that raises BadInput has changed nothing.
    Times are milliseconds since the Unix epoch, UTC; amounts are fen.
    """

    def __init__(
        self,
        *,
        era: Era | None = None,
        clock: SimulatorClock | None = None,
        seed: int | None = None,
        keep: Keep | None = None,
        rules: Mapping[str, Json] | None = None,
    ) -> None:
        """Make a world, or find it again in `keep`.

        Args:
            era: whose rules; default: those of the keep, else 2025.
            clock: default: one that follows the machine's clock, or goes on where the kept one stood.
            seed: decides every throw; default: that of the keep, else 0.
            keep: where it survives; None lives in memory.
            rules: single rules of the era to override, by name.

        Raises:
            BadInput: an unknown era or rule, or a keep of another era.
        """
        if era is not None and era not in ERAS:
            raise BadInput(field="era", fault=f"no era {era!r}", remedy="one of " + ", ".join(ERAS))
        kept = keep.load() if keep is not None else []
        bodies = {kind: body for kind, body in kept if kind in {"world", "rules"}}
        if "rules" in bodies:
            old: Era = bodies["rules"]["era"]
            if era is not None and era != old:
                raise BadInput(
                    field="era",
                    fault=f"the data folder holds a world of {old}",
                    remedy=f"say {old}, or use another folder",
                )
            base = changed(ERAS[old], bodies["rules"])
        else:
            base = ERAS[era or "2025"]
        self._keep = keep
        self._forget: list[str] = []
        self.state = State(
            changed(base, rules or {}),
            clock or SimulatorClock(),
            seed if seed is not None else 0,
            kept=keep is not None,
        )
        if "world" in bodies:
            self._restore(kept, bodies["world"], own_clock=clock is None, own_seed=seed is None)
        self.state.touch("rules", "", self.state.rules)
        self.state.touch("world", "", self.state)
        self.commit()

    @property
    def clock(self) -> SimulatorClock:
        """The world's clock. Move it by the verbs, so that what falls due happens."""
        return self.state.clock

    def settle(self) -> None:
        """Fire, in order and each at its own time, everything due up to the clock's now."""
        state = self.state
        now_ms = state.clock.now_ms()
        while (due := state.next_due(now_ms)) is not None:
            fire(state, due[1], due[0])

    def commit(self) -> None:
        """Write what changed to the keep, if there is one."""
        dirty = self.state.dirty
        if self._keep is None or not (dirty or self._forget):
            return
        things = [
            (kind, key, self._own_body() if kind == "world" else thing) for (kind, key), thing in (dirty or {}).items()
        ]
        self._keep.write(things, forget=self._forget)
        self.state.dirty = {}
        self._forget = []

    def close(self) -> None:
        """Commit and let go of the keep."""
        if self._keep is not None:
            self.commit()
            self._keep.close()
            self._keep = None

    # Merchants and people

    def add_merchant(
        self,
        mch_id: str,
        *,
        api_key: str,
        balance_fen: int = 0,
        settings: Mapping[str, Json] | None = None,
    ) -> MerchantView:
        """Open a merchant. Its certificate is any of the simulator's own CA whose CN is the mch_id.

        Args:
            mch_id: digits.
            api_key: signs its requests (APIv2 密钥).
            balance_fen: what it starts with.
            settings: fields of `MerchantSettings` by name.

        Raises:
            BadInput: the number is taken or malformed, or a setting does not fit.
        """
        _match("mch_id", mch_id, _MCH_ID, "1 to 32 digits")
        if mch_id in self.state.merchants:
            raise BadInput(field="mch_id", fault=f"merchant {mch_id} exists", remedy="change it instead")
        if not api_key:
            raise BadInput(field="api_key", fault="is empty", remedy="give the 32 characters that will sign")
        _not_negative("balance_fen", balance_fen)
        start = changed(new_settings(self.state.rules, api_key), settings or {})
        merchant = Merchant(mch_id, start)

        def act() -> MerchantView:
            self.state.merchants[mch_id] = merchant
            merchant.top_ups.append(TopUp(self.state.clock.now_ms(), balance_fen))
            merchant.balance_fen = balance_fen
            return self._merchant_changed(merchant)

        return self._verb(act)

    def change_merchant(self, mch_id: str, settings: Mapping[str, Json]) -> MerchantView:
        """Change settings by name (fields of `MerchantSettings`).

        Raises:
            BadInput: no such merchant or setting, or a value that does not fit.
        """
        merchant = self.state.merchant(mch_id)
        after = changed(merchant.settings, settings)

        def act() -> MerchantView:
            merchant.settings = after
            return self._merchant_changed(merchant)

        return self._verb(act)

    def bind_account(self, mch_id: str, appid: str, *, kind: str = "official") -> MerchantView:
        """Bind an appid to a merchant; it may be bound to several.

        `kind`: official (公众号), mini (小程序), app (mobile app) or corp (enterprise, by corpid).

        Raises:
            BadInput: no such merchant, or a malformed appid, or another kind than before.
        """
        merchant = self.state.merchant(mch_id)
        _match("appid", appid, _APPID, "1 to 32 letters and digits")
        if kind not in get_args(AccountKind):
            raise BadInput(field="kind", fault=f"no kind {kind!r}", remedy="one of " + ", ".join(get_args(AccountKind)))
        for other in self.state.merchants.values():
            if other.accounts.get(appid, kind) != kind:
                raise BadInput(
                    field="kind", fault=f"{appid} is {other.accounts[appid]}", remedy="an appid has one kind"
                )

        def act() -> MerchantView:
            merchant.accounts[appid] = cast(AccountKind, kind)
            return self._merchant_changed(merchant)

        return self._verb(act)

    def top_up(self, mch_id: str, fen: int) -> MerchantView:
        """Add money to a balance.

        Raises:
            BadInput: no such merchant, or not a positive amount.
        """
        merchant = self.state.merchant(mch_id)
        if fen <= 0:
            raise BadInput(field="fen", fault=f"{fen} is not above 0", remedy="money comes in by top-ups alone")

        def act() -> MerchantView:
            merchant.top_ups.append(TopUp(self.state.clock.now_ms(), fen))
            merchant.balance_fen += fen
            return self._merchant_changed(merchant)

        return self._verb(act)

    def merchant(self, mch_id: str) -> MerchantView:
        """Show one merchant.

        Raises:
            BadInput: there is none.
        """
        merchant = self.state.merchant(mch_id)
        return self._verb(lambda: _merchant_view(merchant))

    def merchants(self) -> list[MerchantView]:
        """Show all merchants."""
        return self._verb(lambda: [_merchant_view(merchant) for merchant in self.state.merchants.values()])

    def add_person(self, openid: str, *, appid: str, flagged: bool = False) -> PersonView:
        """Make a person known under one appid.

        Raises:
            BadInput: malformed, or known already.
        """
        _match("openid", openid, _OPENID, "1 to 31 letters, digits, _ and -")
        _match("appid", appid, _APPID, "1 to 32 letters and digits")
        if openid in self.state.people:
            raise BadInput(field="openid", fault="is known already", remedy="change that person instead")
        person = Person(openid, appid, flagged)

        def act() -> PersonView:
            self.state.people[openid] = person
            return self._person_changed(person)

        return self._verb(act)

    def change_person(self, openid: str, *, flagged: bool) -> PersonView:
        """Flag a person for risk control, or clear the flag.

        Raises:
            BadInput: nobody has this openid.
        """
        person = self.state.people.get(openid)
        if person is None:
            raise BadInput(field="openid", fault="nobody has it", remedy="add the person first")

        def act() -> PersonView:
            person.flagged = flagged
            return self._person_changed(person)

        return self._verb(act)

    def people(self, *, limit: int = 100, offset: int = 0) -> list[PersonView]:
        """Show people in the order in which they became known."""
        _not_negative("limit", limit)
        _not_negative("offset", offset)
        chosen = islice(self.state.people.values(), offset, offset + limit)
        return [PersonView(person.openid, person.appid, person.flagged) for person in chosen]

    # Packets

    def open_packet(self, mch_id: str, number: str, openid: str | None = None) -> PacketView:
        """Let the recipient open a packet (of a group: the seed user takes the first share).

        Raises:
            BadInput: no such packet, not waiting to be opened, or not by this person.
        """
        return self._take(mch_id, number, openid, share=False)

    def take_share(self, mch_id: str, number: str, openid: str) -> PacketView:
        """Let one more person take a share of a group packet; the seed user comes first.

        Raises:
            BadInput: no such packet, not to be shared, nothing left, or not by this person.
        """
        return self._take(mch_id, number, openid, share=True)

    def bind_ticket(self, ticket: str, openid: str) -> PacketView:
        """Let a person draw a pre-order's ticket: from then on that person is the recipient.

        Raises:
            BadInput: no such ticket, or it cannot be drawn, or not by this person.
        """
        _match("openid", openid, _OPENID, "1 to 31 letters, digits, _ and -")

        def act() -> PacketView:
            packet = self.state.tickets.get(ticket)
            if packet is None:
                raise BadInput(field="ticket", fault="no pre-order has it", remedy="take it from a reply of hbpreorder")
            draw(self.state, packet, openid, self.state.clock.now_ms())
            return _packet_view(packet)

        return self._verb(act)

    def packet(self, mch_id: str, number: str) -> PacketView:
        """Show one packet.

        Raises:
            BadInput: there is none.
        """
        return self._verb(lambda: _packet_view(self.state.packet(mch_id, number)))

    def packets(
        self, *, mch_id: str | None = None, status: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[PacketView]:
        """Show packets, oldest first.

        Raises:
            BadInput: no such status.
        """
        _not_negative("limit", limit)
        _not_negative("offset", offset)
        if status is not None and status not in set(Status):
            raise BadInput(field="status", fault=f"no status {status!r}", remedy="one of " + ", ".join(Status))

        def act() -> list[PacketView]:
            chosen = (
                packet
                for packet in self.state.packets.values()
                if (mch_id is None or packet.mch_id == mch_id) and (status is None or packet.status == status)
            )
            return [_packet_view(packet) for packet in islice(chosen, offset, offset + limit)]

        return self._verb(act)

    # Journal

    def requests(
        self,
        *,
        mch_id: str | None = None,
        order: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[RequestView]:
        """Show arrivals with journal numbers above `after`, oldest first, without bodies."""
        _not_negative("limit", limit)
        return self.state.journal.views(mch_id=mch_id, order=order, after=after, limit=limit)

    def request(self, number: int) -> RequestView:
        """Show one arrival with its masked bodies (the last arrivals alone keep them).

        Raises:
            BadInput: there is none, or it is forgotten.
        """
        view = self.state.journal.view(number)
        if view is None:
            raise BadInput(
                field="number", fault=f"no request {number}", remedy=f"the last {BODIES_MAX} are kept with bodies"
            )
        return view

    def arrivals(self, mch_id: str, order: str, *, path: str | None = None) -> int:
        """Count the arrivals that named an order number, on one path or on all; also those refused or cut."""
        paths = tuple(self.state.endpoints) if path is None else (self._path(path),)
        return self.state.journal.arrivals(mch_id, order, paths)

    # Clock

    def clock_view(self) -> ClockView:
        """Show the clock."""
        now_ms = self.state.clock.now_ms()
        return ClockView(now_ms, self.state.clock.speed, beijing_time(now_ms).isoformat())

    def clock_run(self, speed: int = 1) -> ClockView:
        """Let time pass, `speed` times as fast as outside.

        Raises:
            BadInput: the speed is out of range.
        """
        return self._clock(lambda clock: clock.run(speed))

    def clock_stop(self) -> ClockView:
        """Stand still."""
        return self._clock(lambda clock: clock.stop())

    def clock_jump(self, *, by_ms: int | None = None, to_ms: int | None = None) -> ClockView:
        """Jump forward; everything due on the way happens, in order and each at its own time.

        Raises:
            BadInput: both or neither given, or it leads back.
        """
        if (by_ms is None) == (to_ms is None):
            raise BadInput(field="by_ms", fault="give either by_ms or to_ms", remedy="both are milliseconds")
        if by_ms is not None:
            return self._clock(lambda clock: clock.jump_by(by_ms))
        return self._clock(lambda clock: clock.jump_to(to_ms or 0))

    # Faults

    def add_fault(
        self,
        kind: str,
        *,
        path: str | None = None,
        mch_id: str | None = None,
        openid: str | None = None,
        number: str | None = None,
        share: float = 1.0,
        count: int | None = None,
        after: int = 0,
        wait_ms: int = 0,
        status: int = 502,
        effect: bool | None = None,
        echo: bool | None = None,
        code: str = "",
        text: str = "",
    ) -> FaultView:
        """Make matching calls go wrong (see `FaultRule` for every parameter).

        `path` may be the last part alone. `effect` None takes the kind's habit: cut_before_reply strikes after the
        call has had its effect, the others instead of it.

        Raises:
            BadInput: an unknown kind or path, or a parameter out of range.
        """
        state = self.state
        rule = FaultRule(
            id=state.faults_made + 1,
            kind=cast(FaultKind, kind),
            path=None if path is None else self._path(path),
            mch_id=mch_id,
            openid=openid,
            number=number,
            share=share,
            count=count,
            after=after,
            wait_ms=wait_ms,
            status=status,
            effect=default_effect(kind) if effect is None else effect,
            echo=echo,
            code=code,
            text=text,
        )
        check_rule(rule)

        def act() -> FaultView:
            state.faults_made += 1
            state.fault_rules.append(rule)
            state.touch("fault", str(rule.id), rule)
            state.touch("world", "", state)
            return _fault_view(rule)

        return self._verb(act)

    def faults(self) -> list[FaultView]:
        """Show all fault rules."""
        return [_fault_view(rule) for rule in self.state.fault_rules]

    def clear_faults(self, fault_id: int | None = None) -> list[FaultView]:
        """Remove one fault rule, or all; show what is left.

        Raises:
            BadInput: no rule has this id.
        """
        state = self.state
        if fault_id is not None and all(rule.id != fault_id for rule in state.fault_rules):
            raise BadInput(field="fault_id", fault=f"no fault {fault_id}", remedy="list the faults")

        def act() -> list[FaultView]:
            left = [rule for rule in state.fault_rules if fault_id is not None and rule.id != fault_id]
            state.fault_rules = left
            self._drop("fault")
            for rule in left:
                state.touch("fault", str(rule.id), rule)
            return [_fault_view(rule) for rule in left]

        return self._verb(act)

    # The world

    def rules(self) -> dict[str, Json]:
        """Show every rule in force, by name."""
        return cast("dict[str, Json]", to_json(self.state.rules))

    def change_rules(self, changes: Mapping[str, Json]) -> dict[str, Json]:
        """Override rules by name (fields of `Rules`). Merchants already opened keep the limits they started with.

        Raises:
            BadInput: no such rule, a value that does not fit, or the era itself.
        """
        if "era" in changes:
            raise BadInput(field="era", fault="a world stays in its era", remedy="start a new world")
        after = changed(self.state.rules, changes)

        def act() -> dict[str, Json]:
            self.state.use_rules(after)
            self.state.touch("rules", "", after)
            return self.rules()

        return self._verb(act)

    def reset(self, *, seed: int | None = None, merchants: bool = True) -> None:
        """Forget packets, people, requests and faults; every balance is what its merchant was opened with.

        `merchants` False forgets the merchants too. The clock stays where it is: it never goes back. Rules stay.
        """
        state = self.state
        state.forget_packets()
        state.people.clear()
        state.fault_rules = []
        for kind in ("packet", "person", "fault", "merchant"):
            self._drop(kind)
        if seed is not None:
            state.seed = seed
        if not merchants:
            state.merchants.clear()
        for merchant in state.merchants.values():
            del merchant.top_ups[1:]
            merchant.balance_fen = sum(top_up.fen for top_up in merchant.top_ups)
            merchant.paid_fen = merchant.refunded_fen = 0
            state.touch("merchant", merchant.mch_id, merchant)
        state.touch("world", "", state)
        self.commit()

    def audit(self) -> list[Finding]:
        """Add the books up again from the packets and top-ups alone; an empty list is good news."""
        self.settle()
        packets = self.state.packets.values()
        findings = [finding for packet in packets for finding in _packet_findings(packet)]
        for merchant in self.state.merchants.values():
            own = [packet for packet in packets if packet.payer == merchant.mch_id]
            funded = sum(top_up.fen for top_up in merchant.top_ups)
            paid = sum(packet.fen for packet in own if packet.sent_ms is not None)
            back = sum(packet.refund_fen for packet in own)
            for name, shown, right in (
                ("paid_fen", merchant.paid_fen, paid),
                ("refunded_fen", merchant.refunded_fen, back),
                ("balance_fen", merchant.balance_fen, funded - paid + back),
            ):
                if shown != right:
                    findings.append(Finding(merchant.mch_id, "", f"{name} is {shown}, the packets say {right}"))
            if merchant.balance_fen < 0:
                findings.append(Finding(merchant.mch_id, "", f"balance_fen is {merchant.balance_fen}"))
        return findings

    # Inside

    def _verb(self, act: Callable[[], _Result]) -> _Result:
        """Do what a door asked at the present moment: what was due before has happened, what changes is kept."""
        self.settle()
        result = act()
        self.commit()
        return result

    def _clock(self, move: Callable[[SimulatorClock], None]) -> ClockView:
        move(self.state.clock)
        self.state.touch("world", "", self.state)
        self.settle()
        self.commit()
        return self.clock_view()

    def _take(self, mch_id: str, number: str, openid: str | None, *, share: bool) -> PacketView:
        def act() -> PacketView:
            packet = self.state.packet(mch_id, number)
            if share and not packet.grouped:
                raise BadInput(field="number", fault="is not a group packet", remedy="open it instead")
            try:
                take(self.state, packet, openid or packet.openid, self.state.clock.now_ms())
            except ForbiddenStep as forbidden:
                raise BadInput(field="number", fault=str(forbidden), remedy="it must be SENT") from None
            return _packet_view(packet)

        return self._verb(act)

    def _path(self, path: str) -> str:
        full = path if path.startswith("/") else PREFIX + path
        if full not in self.state.endpoints:
            raise BadInput(field="path", fault=f"no path {path!r}", remedy="one of " + ", ".join(self.state.endpoints))
        return full

    def _merchant_changed(self, merchant: Merchant) -> MerchantView:
        self.state.touch("merchant", merchant.mch_id, merchant)
        return _merchant_view(merchant)

    def _person_changed(self, person: Person) -> PersonView:
        self.state.touch("person", person.openid, person)
        return PersonView(person.openid, person.appid, person.flagged)

    def _drop(self, kind: str) -> None:
        """Forget everything kept of a kind; what is touched from now on is kept again."""
        dirty = self.state.dirty
        if dirty is not None:
            self._forget.append(kind)
            self.state.dirty = {key: thing for key, thing in dirty.items() if key[0] != kind}

    def _own_body(self) -> object:
        state = self.state
        return {
            "seed": state.seed,
            "listids_made": state.listids_made,
            "faults_made": state.faults_made,
            "clock": state.clock.state,
        }

    def _restore(self, kept: list[tuple[str, Any]], own: dict[str, Any], *, own_clock: bool, own_seed: bool) -> None:
        state = self.state
        clock_state = ClockState(**own["clock"])
        if own_clock:
            state.clock.restore(clock_state)
        elif state.clock.now_ms() < clock_state.shown_ms:
            state.clock.jump_to(clock_state.shown_ms)
        if own_seed:
            state.seed = own["seed"]
        state.listids_made = own["listids_made"]
        state.faults_made = own["faults_made"]
        for kind, body in kept:
            match kind:
                case "merchant":
                    merchant = Merchant(**body)
                    merchant.settings = changed(new_settings(state.rules, ""), body["settings"])
                    merchant.top_ups = [TopUp(*entry) for entry in body["top_ups"]]
                    state.merchants[merchant.mch_id] = merchant
                case "person":
                    person = Person(**body)
                    state.people[person.openid] = person
                case "fault":
                    state.fault_rules.append(FaultRule(**body))
                case "packet":
                    packet = _packet_of(body)
                    state.add_packet(packet)
                    state.schedule(packet, packet.due, packet.due_ms)
                case _:  # the world's own rows were read before
                    pass
        # Nothing of this is news to the keep.
        state.dirty = {}
        recount(state, state.clock.now_ms())


def _packet_of(body: dict[str, Any]) -> Packet:
    packet = Packet(**body)
    return replace(
        packet,
        status=Status(packet.status),
        due=None if packet.due is None else Due(packet.due),
        taken=[Taken(*entry) for entry in packet.taken],
    )


def _match(field: str, value: str, form: re.Pattern[str], wanted: str) -> None:
    if not form.fullmatch(value):
        raise BadInput(field=field, fault="is malformed", remedy=f"give {wanted}")


def _not_negative(field: str, value: int) -> None:
    if value < 0:
        raise BadInput(field=field, fault=f"{value} is negative", remedy="give a whole number from 0")


def _merchant_view(merchant: Merchant) -> MerchantView:
    return MerchantView(
        mch_id=merchant.mch_id,
        balance_fen=merchant.balance_fen,
        funded_fen=sum(top_up.fen for top_up in merchant.top_ups),
        paid_fen=merchant.paid_fen,
        refunded_fen=merchant.refunded_fen,
        accounts={**merchant.accounts},
        settings=cast("dict[str, Json]", to_json(merchant.settings)),
    )


def _packet_view(packet: Packet) -> PacketView:
    return PacketView(
        mch_id=packet.mch_id,
        number=packet.number,
        kind=packet.kind,
        status=str(packet.status),
        reason=packet.reason,
        appid=packet.appid,
        openid=packet.openid,
        fen=packet.fen,
        people=packet.people,
        payer=packet.payer,
        listid=packet.listid,
        send_name=packet.fields.get("send_name") or packet.fields.get("sender_name", ""),
        wishing=packet.fields.get("wishing", ""),
        created_ms=packet.created_ms,
        sent_ms=packet.sent_ms,
        due_ms=packet.due_ms,
        refund_ms=packet.refund_ms,
        refund_fen=packet.refund_fen,
        shares=tuple(ShareView(*share) for share in packet.taken),
        ticket=packet.ticket,
        package=packet.package,
        tries=packet.tries,
    )


def _fault_view(rule: FaultRule) -> FaultView:
    return FaultView(**{field.name: getattr(rule, field.name) for field in fields(rule)})


def _packet_findings(packet: Packet) -> list[Finding]:
    taken = sum(share.fen for share in packet.taken)
    people = len({share.openid for share in packet.taken})
    complete = taken == packet.fen
    faults = {
        "the shares do not add up to the amount": bool(packet.shares) and sum(packet.shares) != packet.fen,
        "more was taken than was put in": taken > packet.fen,
        "somebody took two shares": people != len(packet.taken),
        "RECEIVED, but something is left": packet.status is Status.RECEIVED and not complete,
        "everything is taken, but not RECEIVED": complete and packet.status is not Status.RECEIVED,
        "refunded and taken do not add up": packet.status is Status.REFUND and taken + packet.refund_fen != packet.fen,
        "refunded before its time": packet.status is not Status.REFUND and packet.refund_fen != 0,
        "taken or refunded, but never debited": packet.sent_ms is None and bool(taken or packet.refund_fen),
        "debited, but SENDING or FAILED": packet.sent_ms is not None
        and packet.status in {Status.SENDING, Status.FAILED},
    }
    return [Finding(packet.mch_id, packet.number, fault) for fault, found in faults.items() if found]
