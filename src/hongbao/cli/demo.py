"""`hongbao demo`: the main job, on the simulator, over real mutual TLS.

People get packets of every kind, open them, leave one to expire; one call gets no answer and is rescued with the same
number; one meets a limit. At the end the books close to the fen, counted twice: by the simulator, and from what the
client was told.
"""

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote

import typer
from rich.table import Table
from rich.text import Text

from hongbao import wiring
from hongbao.cli.voice import STATUSES, Exit, JsonOption, LangOption, Voice, Words, both, speaking
from hongbao.clock import BEIJING, Clock, SystemClock
from hongbao.errors import HongbaoError
from hongbao.money import yuan_text
from hongbao.settings import TimeoutSettings
from hongbao.wechat import (
    OrderIntent,
    OutcomeUnknown,
    QueryRedPack,
    QueryWorkRedPack,
    RedPackRecord,
    SendGroupRedPack,
    SendMiniProgramRedPack,
    SendRedPack,
    SendWorkRedPack,
    Status,
    Wait,
    order_number,
)

if TYPE_CHECKING:
    from hongbao.simulator.simulator import Simulator

_IMPATIENT_MS = 300
_START_HOUR = 10


class WentOtherwise(HongbaoError):
    """A step of the demo did not go as it must."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(
        "demo",
        help=both(
            "Send, open, expire and rescue packets on the simulator, then close the books.",
            "在模拟器上演示发放、领取、过期退款与补救，并核对账目。",
        ),
    )(demo)


def demo(
    keep: Annotated[
        bool,
        typer.Option("--keep", help=both("Leave the simulator running until Ctrl-C.", "保留模拟器，Ctrl-C 结束。")),
    ] = False,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice:
        try:
            from hongbao.simulator.clock import SimulatorClock
            from hongbao.simulator.simulator import Simulator
        except ImportError as error:
            raise HongbaoError(
                f"the simulator's extra is not installed ({error}): pip install 'hongbao[simulator,cli]'"
            ) from error
        clock = SimulatorClock(start_ms=_morning_ms(SystemClock()))
        with Simulator(clock=clock) as simulator:
            play = Play(simulator)
            acts = play.perform()
            books = play.books(acts)
            # Before the addresses are shown: who reads them may end it at once.
            leave = _told_to_end() if keep else None
            if as_json:
                voice.json(_told(simulator, acts, books))
            else:
                _show(voice, simulator, acts, books, keep=keep)
            if leave is not None:
                leave.wait()
        if not (books.closed and all(act.fault is None for act in acts)):
            raise typer.Exit(Exit.CANNOT_RUN)


@dataclass(slots=True)
class Act:
    """One packet of the demo and what became of it.

    Attributes:
        what: what it shows.
        number: its order number.
        fen: its amount.
        work: an enterprise packet, which has a query of its own.
        ends: the status it must have at the end.
        notes: what happened, in order.
        record: what WeChat says of it at the end.
        fault: what went otherwise than it must; None if nothing did.
    """

    what: Words
    number: str
    fen: int
    ends: Status
    appid: str
    openid: str
    work: bool = False
    notes: list[Words] = field(default_factory=list[Words])
    record: RedPackRecord | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """The money at the end, in fen, counted by the simulator and by us.

    Attributes:
        funded: what the merchant put in.
        free: what can be sent now.
        paid: what people have, by the simulator's books: debited and not returned.
        returned: what came back, a part of free again.
        paid_by_our_count: what people have, added up from the replies to our queries.
        returned_by_our_count: what came back, added up likewise.
        findings: what the simulator's own audit says; empty is good news.
    """

    funded: int
    free: int
    paid: int
    returned: int
    paid_by_our_count: int
    returned_by_our_count: int
    findings: tuple[str, ...]

    @property
    def closed(self) -> bool:
        """Whether funded = free + paid, both counts agree, and the audit found nothing."""
        return (
            self.funded == self.free + self.paid
            and self.paid == self.paid_by_our_count
            and self.returned == self.returned_by_our_count
            and not self.findings
        )


class Play:
    """The demo itself, on a running simulator."""

    def __init__(self, simulator: "Simulator") -> None:
        """Connect nothing yet."""
        self._control = simulator.control
        self._access = simulator.merchant
        self._client = wiring.client(wiring.rehearsal(simulator))
        # Gives up soon: one call of the demo never gets an answer.
        self._impatient = wiring.client(wiring.rehearsal(simulator, TimeoutSettings(read_ms=_IMPATIENT_MS)))

    def perform(self) -> list[Act]:
        """Do everything; what goes otherwise is noted at its act and does not stop the others."""
        access = self._access
        # Withdrawn by WeChat on 2024-06-05; the portal of this merchant still has it.
        self._control.change_merchant(access.mch_id, group_open=True)
        normal = self._act(1, Words("ordinary packet", "普通红包"), 188)
        group = self._act(2, Words("group packet", "裂变红包"), 900)
        mini = self._act(3, Words("mini-program packet", "小程序红包"), 520, appid=access.mini_appid)
        work = self._act(4, Words("enterprise packet", "企业微信红包"), 1000, appid=access.corp_appid, work=True)
        left = self._act(5, Words("never opened", "无人领取"), 666, ends=Status.REFUND)
        lost = self._act(6, Words("no answer", "无应答"), 888)
        limited = self._act(1, Words("over a limit", "触发限额"), 200, occasion="second packet of the day")
        with self._client, self._impatient:
            self._try(normal, self._ordinary)
            self._try(group, self._group)
            self._try(mini, self._mini_program)
            self._try(work, self._enterprise)
            self._try(left, self._send)
            self._try(lost, self._rescue)
            self._try(limited, self._refused)
            # The unopened packet: 24 hours to be opened, two more for the money to come back.
            self._control.jump(hours=26)
            left.notes.append(Words("26 hours later the money is back", "26 小时后退款到账"))
            self._try(limited, self._next_day)
            acts = [normal, group, mini, work, left, lost, limited]
            for act in acts:
                self._try(act, self._look)
        return acts

    def books(self, acts: list[Act]) -> Books:
        """Count the money twice."""
        theirs = self._control.merchant(self._access.mch_id)
        records = [act.record for act in acts if act.record is not None]
        return Books(
            funded=theirs.funded_fen,
            free=theirs.balance_fen,
            paid=theirs.paid_fen - theirs.refunded_fen,
            returned=theirs.refunded_fen,
            paid_by_our_count=sum(taken.amount for record in records for taken in record.taken),
            returned_by_our_count=sum(record.refund_amount or 0 for record in records),
            findings=tuple(f"{each.order} {each.fault}".strip() for each in self._control.audit()),
        )

    def _act(
        self,
        person: int,
        what: Words,
        fen: int,
        *,
        appid: str = "",
        work: bool = False,
        ends: Status = Status.RECEIVED,
        occasion: str = "first packet",
    ) -> Act:
        appid = appid or self._access.official_appid
        openid = f"o{person:027d}"
        intent = OrderIntent(mch_id=self._access.mch_id, appid=appid, campaign="demo", openid=openid, occasion=occasion)
        return Act(what, order_number(intent), fen, ends, appid, openid, work)

    def _try(self, act: Act, step: Callable[[Act], None]) -> None:
        if act.fault is None:
            try:
                step(act)
            except HongbaoError as error:
                act.fault = str(error)

    def _ordinary(self, act: Act) -> None:
        self._send(act)
        self._open(act)

    def _send(self, act: Act) -> None:
        self._client.call(_ordinary_packet(act))
        act.notes.append(Words("sent", "已发放"))

    def _open(self, act: Act) -> None:
        self._control.open_packet(self._access.mch_id, act.number)
        act.notes.append(Words("opened", "已领取"))

    def _group(self, act: Act) -> None:
        people = 3
        self._client.call(
            SendGroupRedPack(
                mch_billno=act.number,
                wxappid=act.appid,
                re_openid=act.openid,
                total_amount=act.fen,
                total_num=people,
                send_name="示例商户",
                wishing="恭喜发财",
                act_name="演示",
                remark="演示",
            )
        )
        self._control.open_packet(self._access.mch_id, act.number)
        for friend in range(1, people):
            self._control.take_share(self._access.mch_id, act.number, f"o{100 + friend:027d}")
        packet = self._control.packet(self._access.mch_id, act.number)
        shares = " + ".join(yuan_text(share.fen) for share in packet.shares)
        act.notes.append(Words(f"split at random: {shares}", f"随机拆分：{shares}"))

    def _mini_program(self, act: Act) -> None:
        sent = self._client.call(
            SendMiniProgramRedPack(
                mch_billno=act.number,
                wxappid=act.appid,
                re_openid=act.openid,
                total_amount=act.fen,
                send_name="示例商户",
                wishing="恭喜发财",
                act_name="演示",
                remark="演示",
            )
        )
        page = self._client.biz_red_packet(sent).as_dict()
        _must(unquote(page["package"]) == self._control.packet(self._access.mch_id, act.number).package, "the package")
        act.notes.append(Words("signed for wx.sendBizRedPacket", "已为 wx.sendBizRedPacket 签名"))
        self._open(act)

    def _enterprise(self, act: Act) -> None:
        self._client.call(
            SendWorkRedPack(
                mch_billno=act.number,
                wxappid=act.appid,
                re_openid=act.openid,
                sender_name="人事部",
                total_amount=act.fen,
                wishing="节日快乐",
                act_name="演示",
                remark="演示",
            )
        )
        act.notes.append(Words("signed twice (workwx_sign)", "双重签名（workwx_sign）"))
        self._open(act)

    def _rescue(self, act: Act) -> None:
        """The request is processed, its answer is lost: the same number again gives the same packet."""
        mch_id = self._access.mch_id
        self._control.add_fault("no_answer_after", path="sendredpack", number=act.number, count=1)
        try:
            self._impatient.call(_ordinary_packet(act))
        except OutcomeUnknown:
            act.notes.append(Words("timed out: outcome unknown", "超时：结果未知"))
        else:
            raise WentOtherwise("the call that gets no answer got one")
        created = self._control.packet(mch_id, act.number)
        # WeChat wants a second between two tries of one number.
        self._control.jump(seconds=2)
        sent = self._client.call(_ordinary_packet(act))
        own = [packet for packet in self._control.packets(mch_id=mch_id) if packet.number == act.number]
        _must(sent.send_listid == created.listid, "the packet of the second try")
        _must(len(own) == 1, "the number of packets")
        act.notes.append(
            Words(
                f"same number again: the same packet …{sent.send_listid[-6:]}, 1 packet after 2 requests",
                f"用原单号重发：仍是同一红包 …{sent.send_listid[-6:]}，两次请求只有一个红包",
            )
        )
        self._open(act)

    def _refused(self, act: Act) -> None:
        mch_id = self._access.mch_id
        self._control.change_merchant(mch_id, person_packets_day_max=1)
        try:
            self._client.call(_ordinary_packet(act))
        except Wait as refusal:
            meaning, remedy = (refusal.row.meaning, refusal.row.remedy_zh) if refusal.row else ("", "")
            act.notes.append(Words(f"{refusal.code}: {meaning}", f"{refusal.code} {refusal.text}：{remedy}"))
        else:
            raise WentOtherwise("the packet over the limit was sent")

    def _next_day(self, act: Act) -> None:
        self._client.call(_ordinary_packet(act))
        act.notes.append(Words("next day, same number: sent", "次日用原单号：已发放"))
        self._open(act)

    def _look(self, act: Act) -> None:
        if act.work:
            act.record = self._client.call(QueryWorkRedPack(mch_billno=act.number, appid=act.appid))
        else:
            act.record = self._client.call(QueryRedPack(mch_billno=act.number, appid=act.appid))
        _must(act.record.status is act.ends, f"{act.record.status}, not {act.ends}: the status")


def _ordinary_packet(act: Act) -> SendRedPack:
    return SendRedPack(
        mch_billno=act.number,
        wxappid=act.appid,
        re_openid=act.openid,
        total_amount=act.fen,
        send_name="示例商户",
        wishing="恭喜发财",
        act_name="演示",
        remark="演示",
        client_ip="127.0.0.1",
    )


def _must(right: bool, what: str) -> None:
    if not right:
        raise WentOtherwise(f"{what} is wrong")


def _morning_ms(clock: Clock) -> int:
    """Return this morning in Beijing: however late it is, a day's limits stay within one day."""
    today = datetime.fromtimestamp(clock.now_ms() // 1000, tz=UTC).astimezone(BEIJING)
    morning = today.replace(hour=_START_HOUR, minute=0, second=0, microsecond=0)
    return (morning - datetime.fromtimestamp(0, tz=UTC)) // timedelta(milliseconds=1)


def _told_to_end() -> threading.Event:
    """Return an event that Ctrl-C or SIGTERM sets, from now on instead of what else they do."""
    leave = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        leave.set()

    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, end)
    return leave


def _addresses(simulator: "Simulator") -> list[tuple[str, Words, str]]:
    access = simulator.merchant
    return [
        ("base_url", Words("pay API", "支付接口"), simulator.base_url),
        ("control_url", Words("control door", "控制台"), simulator.control_url),
        ("proxy_url", Words("CONNECT proxy", "代理"), simulator.proxy_url),
        ("ca_file", Words("CA certificate", "根证书"), str(simulator.ca_file)),
        ("p12", Words("merchant certificate", "商户证书"), str(access.p12)),
        ("mch_id", Words("merchant", "商户号"), access.mch_id),
    ]


def _told(simulator: "Simulator", acts: list[Act], books: Books) -> dict[str, object]:
    return {
        "addresses": {name: value for name, _, value in _addresses(simulator)},
        "packets": [
            {
                "what": act.what.en,
                "what_zh": act.what.zh,
                "order_number": act.number,
                "amount_fen": act.fen,
                "status": act.record.status.value if act.record else None,
                "notes": [note.en for note in act.notes],
                "notes_zh": [note.zh for note in act.notes],
                "fault": act.fault,
            }
            for act in acts
        ],
        "books": {
            "funded_fen": books.funded,
            "free_fen": books.free,
            "paid_fen": books.paid,
            "returned_fen": books.returned,
            "paid_fen_by_our_count": books.paid_by_our_count,
            "returned_fen_by_our_count": books.returned_by_our_count,
            "findings": list(books.findings),
            "closed": books.closed,
        },
    }


def _show(voice: Voice, simulator: "Simulator", acts: list[Act], books: Books, *, keep: bool) -> None:
    say = voice.say
    voice.rows([(name, value) for _, name, value in _addresses(simulator)])
    table = Table(
        say(Words("packet", "红包")),
        say(Words("order number", "商户订单号")),
        say(Words("yuan", "元")),
        say(Words("end", "结果")),
        say(Words("what happened", "经过")),
    )
    table.columns[2].justify = "right"
    table.columns[4].overflow = "fold"
    for act in acts:
        if act.record is None:
            end = Text("—")
        else:
            words, colour = STATUSES[act.record.status]
            end = Text(say(words), style=colour)
        told = "\n".join(say(note) for note in act.notes)
        happened = Text(told) if act.fault is None else Text(f"{told}\n✗ {act.fault}", style="red")
        table.add_row(say(act.what), act.number[:8] + "…", yuan_text(act.fen), end, happened)
    voice.show_table(table)
    voice.show(say(Words("The books, in yuan", "账目（元）")))
    count = Table(
        "",
        say(Words("funded", "入账")),
        "=",
        say(Words("free", "可用")),
        "+",
        say(Words("paid", "已付")),
        say(Words("returned, in free", "退回（计入可用）")),
        box=None,
    )
    for column in count.columns[1:]:
        column.justify = "right"
    count.add_row(
        say(Words("simulator", "模拟器")),
        yuan_text(books.funded),
        "=",
        yuan_text(books.free),
        "+",
        yuan_text(books.paid),
        yuan_text(books.returned),
    )
    count.add_row(
        say(Words("our count", "我方统计")),
        "",
        "",
        "",
        "",
        yuan_text(books.paid_by_our_count),
        yuan_text(books.returned_by_our_count),
    )
    voice.show_table(count)
    for finding in books.findings:
        voice.show(Text(finding, style="red"))
    if books.closed:
        voice.show(Text(say(Words("✓ the books close to the fen", "✓ 账目一分不差")), style="green"))
    else:
        voice.show(Text(say(Words("✗ the books do not close", "✗ 账目不平")), style="red"))
    if keep:
        voice.show(say(Words("The simulator keeps running: Ctrl-C ends it.", "模拟器继续运行：Ctrl-C 结束。")))
    else:
        voice.show(
            say(
                Words(
                    "It has ended; `hongbao demo --keep` leaves it running.",
                    "演示结束；hongbao demo --keep 可保留模拟器。",
                )
            )
        )
