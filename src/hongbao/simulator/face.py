"""The face WeChat Pay shows to merchants: one HTTP request in, one answer out, as bytes. No sockets here."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha512

from hongbao.clock import beijing_time
from hongbao.simulator import replies
from hongbao.simulator.checks import (
    Call,
    Refused,
    check_order_fields,
    check_permission,
    check_query_appid,
    check_sign,
    read_call,
    refuse,
    same_order,
)
from hongbao.simulator.dice import dice_for, split
from hongbao.simulator.faults import FaultRule, Stage
from hongbao.simulator.fields import Endpoint
from hongbao.simulator.journal import Entry
from hongbao.simulator.orders import deliver, hold_in_process
from hongbao.simulator.packets import Due, Packet, Status
from hongbao.simulator.rules import HOUR_MS
from hongbao.simulator.shapes import Reply, page, write
from hongbao.simulator.signing import sign_of
from hongbao.simulator.state import Window
from hongbao.simulator.texts import Cause, words_for
from hongbao.simulator.world import World
from hongbao.wechat import xml


@dataclass(frozen=True, slots=True)
class Certificate:
    """The client certificate as the TLS layer saw it.

    Attributes:
        serial: its serial number.
        common_name: the subject's CN; a merchant's certificate carries its mch_id.
        issuer_ok: the simulator's own CA signed it.
        expired: it is past its end (or before its start) by the shell's judgement.
        self_signed: issuer and subject are the same.
        fingerprint: SHA-256 of the DER form, lower-case hex.
    """

    serial: int
    common_name: str
    issuer_ok: bool
    expired: bool
    self_signed: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One HTTP request.

    Attributes:
        path: as on the request line, a query string included.
        headers: names in lower case.
        address: the caller's IP address.
        certificate: None when the client showed none.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    address: str
    certificate: Certificate | None


@dataclass(frozen=True, slots=True)
class Departure:
    """What goes back over the wire, and how.

    Attributes:
        wait_ms: real milliseconds to hold the answer.
        cut_after: None sends the whole answer; n sends its first n bytes (status line and headers counted) and
            cuts the connection; 0 cuts without a byte.
        silent: never answer; keep the connection open until the client gives up.
    """

    status: int
    content_type: str
    body: bytes
    wait_ms: int = 0
    cut_after: int | None = None
    silent: bool = False


class Face:
    """Answers what merchants send to the pay API."""

    def __init__(self, world: World) -> None:
        """Answer from `world`, which other doors may change between two answers."""
        self._world = world

    def answer(self, arrival: Arrival) -> Departure:
        """Judge one request, change the world accordingly and return what to send back."""
        world = self._world
        world.settle()
        state = world.state
        path = arrival.path.partition("?")[0]
        entry = state.journal.open(state.clock.now_ms(), arrival.method, path, arrival.address)
        departure = self._judge(arrival, path, entry)
        entry.status = departure.status
        state.journal.keep_bodies(entry, arrival.body, departure.body)
        world.commit()
        return departure

    def _judge(self, arrival: Arrival, path: str, entry: Entry) -> Departure:
        state = self._world.state
        rules = state.rules
        endpoint = state.endpoints.get(path)
        if endpoint is None:
            entry.stop("transport", "refused", "no such path")
            return _html(404, "404 Not Found")
        entry.query = endpoint.kind is None
        if arrival.method != "POST":
            entry.stop("transport", "refused", "only POST is answered")
            return _html(rules.wrong_method_status, "405 Not Allowed")
        cause, note = _certificate_fault(arrival.certificate)
        if cause is not None and rules.bad_certificate == "nginx_400":
            entry.stop("certificate", "refused", note)
            missing = arrival.certificate is None
            detail = "No required SSL certificate was sent" if missing else "The SSL certificate error"
            return _html(400, f"400 {detail}", detail)
        try:
            document = xml.read(arrival.body)
        except xml.XmlRefused as refused:
            document, unreadable = {}, str(refused)
        else:
            unreadable = ""
            mch_id, order, openid = (_text(document, name) for name in ("mch_id", "mch_billno", "re_openid"))
            state.journal.name(entry, mch_id, order, openid)
        if cause is None:
            faults = self._faults("before", entry)
            if faults:
                entry.stop("xml", "passed", "a fault answered instead")
                return self._instead(faults, endpoint, document, entry)
        try:
            if cause is not None:
                raise refuse(state, endpoint, "certificate", cause, note)
            if unreadable:
                raise refuse(state, endpoint, "xml", Cause.XML, unreadable)
            reply = self._carry_out(arrival, endpoint, document, entry)
            entry.err_code = "SUCCESS"
        except Refused as refused:
            entry.stop(refused.check, "refused", refused.note)
            entry.err_code = refused.code
            reply = replies.failure(endpoint, document, refused.code, refused.text, rules)
        return self._leave(reply, endpoint, document, entry)

    def _carry_out(self, arrival: Arrival, endpoint: Endpoint, document: xml.Document, entry: Entry) -> Reply:
        state = self._world.state
        call = read_call(state, endpoint, document, entry.time_ms)
        if arrival.certificate is not None and arrival.certificate.common_name != call.merchant.mch_id:
            note = f"the certificate is {arrival.certificate.common_name}'s"
            raise refuse(state, endpoint, "certificate belongs", Cause.CERTIFICATE, note)
        check_sign(call)
        check_permission(call, arrival.address)
        return self._query(call, entry) if endpoint.kind is None else self._send(call, entry)

    def _query(self, call: Call, entry: Entry) -> Reply:
        state = call.state
        rules = state.rules
        check_query_appid(call)
        window = state.query_windows.setdefault(call.merchant.mch_id, Window())
        if rules.query_minute_max is not None and not window.admits(call.now_ms, rules.query_minute_max, None):
            raise refuse(state, call.endpoint, "rate", Cause.RATE)
        packet = state.packets.get((call.merchant.mch_id, call.fields["mch_billno"]))
        work = call.endpoint.family == "work_query"
        if (
            packet is None
            or (packet.kind == "WORK") != work
            or (packet.kind == "PREORDER" and not rules.preorder_queryable)
            or call.now_ms < packet.hidden_until_ms
            or call.now_ms - packet.created_ms > rules.query_ms
        ):
            note = "hidden by a fault" if packet is not None and call.now_ms < packet.hidden_until_ms else ""
            raise refuse(state, call.endpoint, "order", Cause.NOT_FOUND, note)
        receivers = not (packet.taken and self._faults("query", entry))
        answer = replies.found_work if work else replies.found
        return answer(packet, rules, receivers=receivers)

    def _send(self, call: Call, entry: Entry) -> Reply:
        state, endpoint, now_ms = call.state, call.endpoint, call.now_ms
        check_order_fields(call)
        packet = state.packets.get((call.merchant.mch_id, call.fields["mch_billno"]))
        if packet is not None:
            self._check_repeat(call, packet)
            if packet.status is not Status.SENDING:
                entry.stop("order", "passed", "a repeat: the first answer again")
                return self._sent(packet)
        self._check_rate(call)
        if packet is None:
            packet = self._create(call)
        cause = self._deliver(packet, entry)
        if cause is not None:
            check = {Cause.RISK: "risk", Cause.DEAD: "risk", Cause.BALANCE: "balance", Cause.PROCESSING: "created"}
            raise refuse(state, endpoint, check.get(cause, "limits"), cause)
        for rule in self._faults("created", entry):
            packet.hidden_until_ms = now_ms + rule.wait_ms
        return self._sent(packet)

    def _check_repeat(self, call: Call, packet: Packet) -> None:
        """Judge an order number that is known: other content, too soon, dead, or still in process."""
        state, now_ms = call.state, call.now_ms
        rules = state.rules
        cause = same_order(call, packet)
        if cause is None and now_ms - packet.tried_ms < rules.retry_interval_ms:
            cause = Cause.RATE
        if cause is None:
            packet.tries += 1
            packet.tried_ms = now_ms
            state.touch_packet(packet)
            late = now_ms - packet.created_ms > rules.reentry_ms
            if packet.status is Status.FAILED or (packet.status is Status.SENDING and late):
                cause = Cause.DEAD
            elif packet.status is Status.SENDING and not packet.reason:
                scheduled = packet.due in {Due.COMPLETE, Due.FAIL}
                if scheduled or now_ms - packet.created_ms < rules.processing_reentry_ms:
                    cause = Cause.PROCESSING
        if cause is not None:
            raise refuse(state, call.endpoint, "order", cause)

    def _check_rate(self, call: Call) -> None:
        """Judge quiet hours and the rolling windows. A refusal leaves no record."""
        state, kind, now_ms = call.state, call.endpoint.kind, call.now_ms
        rules, settings = state.rules, call.merchant.settings
        hour = (now_ms // HOUR_MS + 8) % 24
        if kind in rules.quiet_kinds and settings.quiet_hours and hour < rules.quiet_until_hour:
            raise refuse(state, call.endpoint, "rate", Cause.QUIET)
        openid = call.fields.get("re_openid")
        if rules.person_interval_ms and openid:
            next_ms = state.person_tie(call.merchant.mch_id, openid).last_ms + rules.person_interval_ms
            if now_ms < next_ms:
                raise refuse(state, call.endpoint, "rate", Cause.RATE, "one packet per person and minute")
        window = state.windows.get(call.merchant.mch_id)
        if window is None:
            window = state.windows[call.merchant.mch_id] = Window()
        if not window.admits(now_ms, settings.rate_minute_max, settings.rate_second_max):
            cause = Cause.SECOND_OVER if kind in rules.second_over_kinds else Cause.RATE
            raise refuse(state, call.endpoint, "rate", cause)

    def _create(self, call: Call) -> Packet:
        state, fields, now_ms = call.state, call.fields, call.now_ms
        kind = call.endpoint.kind or "NORMAL"
        mch_id, number = call.merchant.mch_id, fields["mch_billno"]
        packet = Packet(
            serial=len(state.packets) + 1,
            mch_id=mch_id,
            number=number,
            kind=kind,
            appid=fields["wxappid"],
            openid=fields.get("re_openid", ""),
            fen=call.fen,
            people=call.people,
            payer=call.payer.mch_id,
            listid=state.next_listid(mch_id, now_ms),
            created_ms=now_ms,
            tried_ms=now_ms,
            fields={name: fields[name] for name in _REMEMBERED if name in fields},
        )
        if packet.grouped:
            packet.shares = _shares(call, state.seed)
        if kind == "PREORDER":
            packet.ticket = "v1|" + base64.b64encode(_bytes(112, state.seed, "ticket", packet.listid)).decode()
        elif kind == "MINI":
            sendid = _bytes(32, state.seed, "sendid", packet.listid).hex()
            sign = _bytes(64, state.seed, "package", packet.listid).hex()
            packet.package = f"sendid={sendid}&ver=8&sign={sign}&mchid={_PACKAGE_MCH_ID}&appid={packet.appid}"
        state.add_packet(packet)
        return packet

    def _deliver(self, packet: Packet, entry: Entry) -> Cause | None:
        state, now_ms = self._world.state, entry.time_ms
        for rule in self._faults("creating", entry):
            match rule.kind:
                case "processing_then_sent":
                    hold_in_process(state, packet, Due.COMPLETE, now_ms + rule.wait_ms)
                case "processing_then_failed":
                    hold_in_process(state, packet, Due.FAIL, now_ms + rule.wait_ms)
                case _:
                    hold_in_process(state, packet, Due.CLOSE, packet.created_ms + state.rules.processing_ms)
            return Cause.PROCESSING
        return deliver(state, packet, now_ms)

    def _sent(self, packet: Packet) -> Reply:
        rules = self._world.state.rules
        needed = rules.success_send_time or packet.kind == "PREORDER"
        date_time = f"{beijing_time(packet.sent_ms or 0):%Y%m%d%H%M%S}" if needed else ""
        return replies.sent(packet, rules, date_time)

    def _faults(self, stage: Stage, entry: Entry) -> list[FaultRule]:
        state = self._world.state
        if not state.fault_rules:
            return []
        hits = state.faults_hit(stage, entry.path, entry.mch_id, entry.openid, entry.order)
        if hits:
            entry.faults += tuple(rule.kind for rule in hits)
        return hits

    def _instead(self, faults: list[FaultRule], endpoint: Endpoint, document: xml.Document, entry: Entry) -> Departure:
        """Answer by a fault, without any effect. Of several the first one decides."""
        reply = self._fault_reply(faults[0], endpoint, document, entry)
        departure = self._xml(reply, endpoint) if reply is not None else _html(200, "")
        return _disturbed(departure, faults[0])

    def _leave(self, reply: Reply, endpoint: Endpoint, document: xml.Document, entry: Entry) -> Departure:
        """Write the reply, with the faults that strike it on its way out, in the order of their rules."""
        state = self._world.state
        faults = self._faults("after", entry)
        if not faults:
            return self._xml(self._signed(reply, endpoint, entry), endpoint)
        for rule in faults:
            reply = self._fault_reply(rule, endpoint, document, entry) or reply
        reply = self._signed(reply, endpoint, entry)
        for rule in faults:
            if rule.kind == "reordered_elements":
                dice = dice_for(state.seed, "order", entry.number)
                reply = [reply.pop(dice.below(len(reply))) for _ in range(len(reply))]
        departure = self._xml(reply, endpoint)
        for rule in faults:
            departure = _disturbed(departure, rule)
        return departure

    def _fault_reply(self, rule: FaultRule, endpoint: Endpoint, document: xml.Document, entry: Entry) -> Reply | None:
        """Return the reply a fault puts in place of the real one, or None when it does not."""
        rules = self._world.state.rules
        match rule.kind:
            case "system_error":
                code, text = words_for(Cause.SYSTEM, endpoint.family, rules)
                echo = endpoint.family not in {"work", "work_query"} if rule.echo is None else rule.echo
            case "unknown_code":
                code, text, echo = rule.code, rule.text or rule.code, True
            case _:
                return None
        entry.err_code = code
        return replies.failure(endpoint, document, code, text, rules, echo=echo)

    def _signed(self, reply: Reply, endpoint: Endpoint, entry: Entry) -> Reply:
        state = self._world.state
        if endpoint.path not in state.rules.signed_replies and endpoint.api not in state.rules.signed_replies:
            return reply
        merchant = state.merchants.get(entry.mch_id)
        if merchant is None:
            return reply
        flat = {name: str(value) for name, value in reply if not isinstance(value, list)}
        return [*reply[:2], ("sign", sign_of(flat, merchant.settings.api_key)), *reply[2:]]

    def _xml(self, reply: Reply, endpoint: Endpoint) -> Departure:
        work = endpoint.family in {"work", "work_query"}
        return Departure(200, "text/xml; charset=utf-8", write(reply, all_cdata=work))


_PACKAGE_MCH_ID = "11475856"
"""The platform-side number that stands in the public sample of a package."""

_REMEMBERED = (
    "send_name", "sender_name", "sender_header_media_id", "wishing", "remark", "act_name", "hb_type", "risk_cntl",
    "auth_mchid", "auth_appid",
)  # fmt: skip


def _certificate_fault(certificate: Certificate | None) -> tuple[Cause | None, str]:
    if certificate is None:
        return Cause.CERTIFICATE, "no client certificate"
    if certificate.self_signed:
        return Cause.CERTIFICATE, "a self-signed certificate"
    if not certificate.issuer_ok:
        return Cause.CERTIFICATE, "another CA's certificate"
    if certificate.expired:
        return Cause.CERTIFICATE_EXPIRED, "an expired certificate"
    return None, ""


def _disturbed(departure: Departure, rule: FaultRule) -> Departure:
    match rule.kind:
        case "no_answer_before" | "no_answer_after":
            return replace(departure, silent=True)
        case "cut_before_reply":
            return replace(departure, cut_after=0)
        case "cut_mid_reply":
            # Somewhere behind the head, which takes some 160 bytes, and well before the end.
            return replace(departure, cut_after=160 + len(departure.body) // 2)
        case "slow":
            return replace(departure, wait_ms=departure.wait_ms + rule.wait_ms)
        case "http_status":
            return replace(_html(rule.status, f"{rule.status} Error"), wait_ms=departure.wait_ms)
        case "extra_elements":
            return replace(departure, body=departure.body.replace(b"\n</xml>", _EXTRA + b"\n</xml>"))
        case _:
            return departure


_EXTRA = (
    b"\n<new_element><![CDATA[nobody knows it yet]]></new_element>"
    b"\n<new_list>\n<new_entry>\n<new_count>1</new_count>\n</new_entry>\n</new_list>"
)


def _shares(call: Call, seed: int) -> list[int]:
    dice = dice_for(seed, "split", call.merchant.mch_id, call.fields["mch_billno"])
    own = [int(amount) for amount in call.fields.get("amt_list", "").split("|") if amount]
    match call.fields["amt_type"]:
        case "ALL_SPECIFIED":
            return own
        case "SEED_SPECIFIED":
            return [own[0], *split(call.fen - own[0], call.people - 1, dice)]
        case _:
            return split(call.fen, call.people, dice)


def _bytes(count: int, seed: int, purpose: str, listid: str) -> bytes:
    """Return bytes that look random and belong to this seed, purpose and packet."""
    blocks = (sha512(f"{seed}/{purpose}/{listid}/{block}".encode()).digest() for block in range(count // 64 + 1))
    return b"".join(blocks)[:count]


def _html(status: int, title: str, detail: str = "") -> Departure:
    return Departure(status, "text/html", page(status, title, detail))


def _text(document: xml.Document, name: str) -> str:
    value = document.get(name, "")
    return value if isinstance(value, str) else ""
