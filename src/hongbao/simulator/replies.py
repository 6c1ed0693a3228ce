"""Which elements stand in which reply, in which order. See docs/reference/endpoints.md and docs/reference/eras.md."""

from collections.abc import Mapping

from hongbao.clock import beijing_time
from hongbao.simulator.fields import Endpoint
from hongbao.simulator.packets import Packet, Status
from hongbao.simulator.rules import Rules
from hongbao.simulator.shapes import Bare, Reply
from hongbao.wechat.xml import Value

_ECHO: dict[str, tuple[str, ...]] = {
    "send": ("mch_billno", "mch_id", "wxappid", "re_openid", "total_amount"),
    "group": ("mch_billno", "mch_id", "wxappid", "re_openid", "total_amount"),
    "preorder": ("mch_billno", "mch_id", "wxappid", "total_amount"),
    "query": ("mch_billno", "mch_id"),
    "work": ("mch_billno", "mch_id", "wxappid", "re_openid", "total_amount"),
    "work_query": ("mch_billno", "mch_id"),
}


def failure(
    endpoint: Endpoint, document: Mapping[str, Value], code: str, text: str, rules: Rules, *, echo: bool = True
) -> Reply:
    """Refuse a call, repeating what it named (docs/reference/transport.md, "Two failure levels")."""
    reply: Reply = [
        ("return_code", rules.failure_return_code),
        ("return_msg", text),
        ("result_code", "FAIL"),
        ("err_code", code),
        ("err_code_des", text),
    ]
    if echo:
        for name in _ECHO[endpoint.family]:
            value = document.get(name)
            if isinstance(value, str) and value:
                reply.append((name, _echoed(name, value, rules)))
    return reply


def sent(packet: Packet, rules: Rules, date_time: str) -> Reply:
    """Report a packet that was sent; a repeat gets the same bytes. `date_time`: yyyyMMddHHmmss of the sending."""
    work = packet.kind == "WORK"
    text = "ok" if work else "发放成功"
    reply: Reply = [("return_code", "SUCCESS"), ("return_msg", text), ("result_code", "SUCCESS")]
    if rules.success_err_code:
        reply += [("err_code", "SUCCESS"), ("err_code_des", text)]
    reply += [
        ("mch_billno", packet.number),
        ("mch_id", Bare(packet.mch_id) if rules.mch_id_bare else packet.mch_id),
        ("wxappid", packet.appid),
    ]
    if packet.kind == "PREORDER":
        reply += [
            ("total_amount", packet.fen),
            ("sp_ticket", packet.ticket),
            ("detail_id", packet.listid),
            ("send_time", date_time),
        ]
        return reply
    reply += [("re_openid", packet.openid), ("total_amount", packet.fen), ("send_listid", packet.listid)]
    if packet.kind == "MINI":
        reply.append(("package", packet.package))
    if work:
        reply += [(name, packet.fields[name]) for name in _WORK_SENDER if name in packet.fields]
    elif rules.success_send_time:
        reply.append(("send_time", date_time))
    return reply


_WORK_SENDER = ("sender_name", "sender_header_media_id")
_WORK_WORDING = ("wishing", "remark", "act_name")


def found(packet: Packet, rules: Rules, *, receivers: bool = True) -> Reply:
    """Answer gethbinfo. `receivers` False leaves the list of receivers out, as WeChat itself sometimes did."""
    reply = _found_head(rules)
    reply += [
        ("mch_billno", packet.number),
        ("mch_id", Bare(packet.mch_id) if rules.mch_id_bare else packet.mch_id),
        ("detail_id", packet.listid),
        ("status", str(packet.status)),
        ("send_type", "API"),
        ("hb_type", "GROUP" if packet.grouped else "NORMAL"),
        ("total_num", packet.people),
        ("total_amount", packet.fen),
        *_course(packet),
    ]
    if packet.taken and receivers:
        reply.append(
            (
                "hblist",
                [
                    (
                        "hbinfo",
                        [("openid", share.openid), ("amount", share.fen), ("rcv_time", _stamp(share.time_ms))],
                    )
                    for share in reversed(packet.taken)
                ],
            )
        )
    return reply


def found_work(packet: Packet, rules: Rules, *, receivers: bool = True) -> Reply:
    """Answer queryworkwxredpack: flat."""
    reply = _found_head(rules)
    reply += [
        ("mch_billno", packet.number),
        ("mch_id", packet.mch_id),
        ("detail_id", packet.listid),
        ("status", str(packet.status)),
        ("send_type", "API"),
        ("total_amount", packet.fen),
        *_course(packet),
        *((name, packet.fields[name]) for name in _WORK_WORDING),
    ]
    if packet.taken and receivers:
        share = packet.taken[0]
        reply += [("openid", share.openid), ("amount", share.fen), ("rcv_time", _stamp(share.time_ms))]
    reply += [(name, packet.fields[name]) for name in _WORK_SENDER if name in packet.fields]
    return reply


def _found_head(rules: Rules) -> Reply:
    reply: Reply = [("return_code", "SUCCESS"), ("return_msg", "OK"), ("result_code", "SUCCESS")]
    if rules.query_err_code:
        reply += [("err_code", "SUCCESS"), ("err_code_des", "OK")]
    return reply


def _course(packet: Packet) -> Reply:
    reply: Reply = []
    if packet.reason:
        reply.append(("reason", packet.reason))
    reply.append(("send_time", _stamp(packet.created_ms)))
    if packet.status is Status.REFUND and packet.refund_ms is not None:
        reply += [("refund_time", _stamp(packet.refund_ms)), ("refund_amount", packet.refund_fen)]
    return reply


def _echoed(name: str, value: str, rules: Rules) -> str:
    digits = value.isascii() and value.isdigit()
    bare = digits and (name == "total_amount" or (name == "mch_id" and rules.mch_id_bare))
    return Bare(value) if bare else value


def _stamp(time_ms: int) -> str:
    return f"{beijing_time(time_ms):%Y-%m-%d %H:%M:%S}"
