"""The red packet calls: what is asked. What comes back stands in :mod:`hongbao.wechat.replies`.

A request type *is* the list of fields that its endpoint knows: nothing else can be signed or sent, which rules out the
commonest cause of SIGN_ERROR. mch_id, nonce_str, workwx_sign and sign are added by the client. The tables behind the
types: docs/reference/fields.md (generated from here) and docs/reference/endpoints.md.

Values are checked by `Request.wire`; texts are UTF-8 bytes, amounts fen.
"""

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from hongbao.errors import BadInput
from hongbao.merchant import SCENES, Limit, LimitSet
from hongbao.money import yuan_text
from hongbao.wechat.fields import (
    Code,
    FenList,
    Ipv4,
    Kind,
    OneOf,
    OrderNumberText,
    Risk,
    RiskInfo,
    Text,
    Whole,
    Wire,
    kinds_of,
)
from hongbao.wechat.replies import (
    PreOrdered,
    RedPackRecord,
    SentMiniProgramRedPack,
    SentRedPack,
    SentWorkRedPack,
    WorkRedPackRecord,
)
from hongbao.wechat.shown import Shown

R = TypeVar("R")


class Request(Shown, Generic[R]):
    """One call to one endpoint; `R` is what it returns when it ends well."""

    __slots__ = ()

    endpoint: ClassVar[str]
    """The last part of the endpoint's path."""

    def wire(self, limits: LimitSet) -> list[tuple[str, Wire]]:
        """Check every value and return the fields in their order, absent ones left out.

        Raises:
            BadInput: a value that WeChat would refuse. Names the field, the fault and the remedy.
        """
        wire: list[tuple[str, Wire]] = []
        for name, kind, optional in _plan(type(self)):
            value = getattr(self, name)
            if value is None and optional:
                continue
            wire.append((name, kind.check(self.endpoint, name, value, limits)))
        self.check(limits)
        return wire

    def check(self, limits: LimitSet) -> None:
        """Check what concerns several fields at once, or an amount against the merchant's limits.

        Raises:
            BadInput: as `wire`.
        """


@cache
def _plan(request: type[Request[Any]]) -> tuple[tuple[str, Kind, bool], ...]:
    """Return each field's name, kind, and whether it may be left out."""
    optional = {each.name for each in fields(request) if each.default is None}  # pyright: ignore[reportArgumentType]
    return tuple((name, kind, name in optional) for name, kind in kinds_of(request).items())


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SendRedPack(Request[SentRedPack]):
    """Send an ordinary packet (普通红包) to one person. docs/reference/endpoints.md, "sendredpack".

    In service-provider mode (服务商) give `sub_mch_id` and `msgappid`; mch_id, key and certificate are the provider's.

    Attributes:
        mch_billno: the order number, saved before this call.
        wxappid: the official account whose openid the person has; in service-provider mode the provider's.
        re_openid: the person's openid under `wxappid`.
        total_amount: fen. 100 to 20,000 without `scene_id`, the scene's own range with it.
        send_name: sender shown on the packet, at most 31 bytes: ten Chinese characters.
        wishing: blessing shown on the packet, at most 127 bytes.
        act_name: name of the activity, at most 31 bytes.
        remark: note that only old clients show, at most 255 bytes.
        client_ip: IPv4 address of the calling machine.
        scene_id: PRODUCT_1 to PRODUCT_8; needed below 1 yuan and above 200 yuan.
        risk_info: what risk control may know of the user's action.
        sub_mch_id: service-provider mode: the sub-merchant.
        msgappid: service-provider mode: the account that delivers the message.
        consume_mch_id: the merchant that authorised its funds and pays.
    """

    endpoint: ClassVar[str] = "sendredpack"

    mch_billno: Annotated[str, OrderNumberText()]
    wxappid: Annotated[str, Code(32)]
    re_openid: Annotated[str, Code(31)]
    total_amount: Annotated[int, Whole()]
    total_num: Annotated[int, Whole()] = field(default=1, init=False)
    send_name: Annotated[str, Text(31)]
    wishing: Annotated[str, Text(127)]
    act_name: Annotated[str, Text(31)]
    remark: Annotated[str, Text(255)]
    client_ip: Annotated[str, Ipv4()]
    scene_id: Annotated[str | None, OneOf(SCENES)] = None
    risk_info: Annotated[RiskInfo | None, Risk()] = None
    sub_mch_id: Annotated[str | None, Code(32)] = None
    msgappid: Annotated[str | None, Code(32)] = None
    consume_mch_id: Annotated[str | None, Code(32)] = None

    def check(self, limits: LimitSet) -> None:
        """Check the amount by scene, and that the service-provider fields come together."""
        _check_amount(self.total_amount, self.scene_id, limits)
        _check_provider(self.sub_mch_id, self.msgappid)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SendGroupRedPack(Request[SentRedPack]):
    """Send a fission packet (裂变红包) to a seed person, who shares it with friends. WeChat withdrew it on 2024-06-05.

    The endpoint is not known to take `client_ip`. docs/reference/endpoints.md, "sendgroupredpack".

    Attributes:
        total_amount: fen, for the whole group.
        total_num: how many people can take a share, the seed included: 3 to 20, at 1 to 200 yuan on average.
        re_openid: the seed person.
        amt_type: ALL_RAND: WeChat splits at random.
    """

    endpoint: ClassVar[str] = "sendgroupredpack"

    mch_billno: Annotated[str, OrderNumberText()]
    wxappid: Annotated[str, Code(32)]
    re_openid: Annotated[str, Code(31)]
    total_amount: Annotated[int, Whole()]
    total_num: Annotated[int, Whole()]
    amt_type: Annotated[str, OneOf(("ALL_RAND",))] = "ALL_RAND"
    send_name: Annotated[str, Text(31)]
    wishing: Annotated[str, Text(127)]
    act_name: Annotated[str, Text(31)]
    remark: Annotated[str, Text(255)]
    scene_id: Annotated[str | None, OneOf(SCENES)] = None
    risk_info: Annotated[RiskInfo | None, Risk()] = None
    sub_mch_id: Annotated[str | None, Code(32)] = None
    msgappid: Annotated[str | None, Code(32)] = None
    consume_mch_id: Annotated[str | None, Code(32)] = None

    def check(self, limits: LimitSet) -> None:
        """Check people and average, and that the service-provider fields come together."""
        _check_group(self.total_amount, self.total_num, limits)
        _check_provider(self.sub_mch_id, self.msgappid)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SendRedPack2015(Request[SentRedPack]):
    """Send an ordinary packet in the form of 2015, for those who must. docs/reference/eras.md, "Requests".

    Attributes:
        nick_name: provider's name, at most 15 bytes.
        min_value: fen; always equal to `total_amount`, so it is not given.
        max_value: fen; always equal to `total_amount`, so it is not given.
        logo_imgurl: link to the merchant's logo.
        share_content: text to share.
        share_url: link to share.
        share_imgurl: picture to share.
        sub_mch_id: 受理模式: the sub-merchant.
    """

    endpoint: ClassVar[str] = "sendredpack"

    mch_billno: Annotated[str, OrderNumberText()]
    wxappid: Annotated[str, Code(32)]
    nick_name: Annotated[str, Text(15)]
    send_name: Annotated[str, Text(31)]
    re_openid: Annotated[str, Code(31)]
    total_amount: Annotated[int, Whole()]
    min_value: Annotated[int, Whole()] = field(init=False)
    max_value: Annotated[int, Whole()] = field(init=False)
    total_num: Annotated[int, Whole()] = field(default=1, init=False)
    wishing: Annotated[str, Text(127)]
    client_ip: Annotated[str, Ipv4()]
    act_name: Annotated[str, Text(31)]
    remark: Annotated[str, Text(255)]
    logo_imgurl: Annotated[str | None, Code(127)] = None
    share_content: Annotated[str | None, Text(255)] = None
    share_url: Annotated[str | None, Code(127)] = None
    share_imgurl: Annotated[str | None, Code(127)] = None
    sub_mch_id: Annotated[str | None, Code(32)] = None

    def __post_init__(self) -> None:
        """Set both bounds to the amount: WeChat refuses any other value."""
        object.__setattr__(self, "min_value", self.total_amount)
        object.__setattr__(self, "max_value", self.total_amount)

    def check(self, limits: LimitSet) -> None:
        """Check the amount; the form of 2015 has no scenes."""
        _check_amount(self.total_amount, None, limits)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SendGroupRedPack2015(Request[SentRedPack]):
    """Send a fission packet in the form of 2015, with own amounts. docs/reference/eras.md, "Requests".

    Attributes:
        amt_type: ALL_RAND, or own amounts: ALL_SPECIFIED for everybody, SEED_SPECIFIED for the seed person.
        amt_list: fen. For ALL_SPECIFIED one amount a person, which sum to `total_amount`; for SEED_SPECIFIED the
            seed person's amount first; for ALL_RAND none. Written ``200|100|100``.
        logo_imgurl: link to the merchant's logo.
        watermark_imgurl: link to a watermark.
        banner_imgurl: link to a banner.
        share_content: text to share.
        share_url: link to share.
        share_imgurl: picture to share.
    """

    endpoint: ClassVar[str] = "sendgroupredpack"

    mch_billno: Annotated[str, OrderNumberText()]
    wxappid: Annotated[str, Code(32)]
    send_name: Annotated[str, Text(31)]
    re_openid: Annotated[str, Code(31)]
    total_amount: Annotated[int, Whole()]
    total_num: Annotated[int, Whole()]
    amt_type: Annotated[str, OneOf(("ALL_RAND", "ALL_SPECIFIED", "SEED_SPECIFIED"))] = "ALL_RAND"
    amt_list: Annotated[tuple[int, ...] | None, FenList(255)] = None
    wishing: Annotated[str, Text(127)]
    act_name: Annotated[str, Text(31)]
    remark: Annotated[str, Text(255)]
    logo_imgurl: Annotated[str | None, Code(127)] = None
    watermark_imgurl: Annotated[str | None, Code(127)] = None
    banner_imgurl: Annotated[str | None, Code(127)] = None
    share_content: Annotated[str | None, Text(255)] = None
    share_url: Annotated[str | None, Code(127)] = None
    share_imgurl: Annotated[str | None, Code(127)] = None
    sub_mch_id: Annotated[str | None, Code(32)] = None

    def check(self, limits: LimitSet) -> None:
        """Check people, average, and that the own amounts fit the kind and the total."""
        _check_group(self.total_amount, self.total_num, limits)
        amounts = self.amt_list or ()
        if self.amt_type == "ALL_RAND" and self.amt_list is not None:
            raise BadInput(
                field="amt_list",
                fault="is given with ALL_RAND",
                remedy="leave it out, or name another amt_type",
            )
        if self.amt_type == "ALL_SPECIFIED" and (len(amounts), sum(amounts)) != (
            self.total_num,
            self.total_amount,
        ):
            raise BadInput(
                field="amt_list",
                fault=f"has {len(amounts)} amounts that sum to {sum(amounts)} fen",
                remedy=f"give {self.total_num} amounts that sum to {self.total_amount} fen",
            )
        # Each friend of the seed person must be able to get at least one fen.
        if self.amt_type == "SEED_SPECIFIED" and not (
            len(amounts) == 1 and amounts[0] + self.total_num - 1 <= self.total_amount
        ):
            raise BadInput(
                field="amt_list",
                fault="does not give the seed person one amount that leaves a fen for everybody else",
                remedy="give one amount, below the total",
            )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class QueryRedPack(Request[RedPackRecord]):
    """Ask what became of an ordinary, group or mini-program packet of the last 30 days (查询红包记录).

    The account's field is called `appid` here, not wxappid. docs/reference/endpoints.md, "gethbinfo".

    Attributes:
        mch_billno: the number the packet was sent under.
        appid: the account it was sent under.
    """

    endpoint: ClassVar[str] = "gethbinfo"

    mch_billno: Annotated[str, OrderNumberText()]
    appid: Annotated[str, Code(32)]
    bill_type: Annotated[str, OneOf(("MCHT",))] = field(default="MCHT", init=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PreOrder(Request[PreOrdered]):
    """Order a packet for shake-around (摇一摇红包预下单): funded, without a person yet. Suspended by WeChat.

    The ticket must be drawn within 72 hours. docs/reference/endpoints.md, "hbpreorder".

    Attributes:
        hb_type: NORMAL for one person, GROUP for a packet that can be shared.
        total_num: 1 for NORMAL, more for GROUP.
        wishing: at most 15 bytes here: five Chinese characters.
        remark: at most 31 bytes here.
        auth_mchid: the platform's merchant, fixed by WeChat.
        auth_appid: the platform's account, fixed by WeChat.
        risk_cntl: NORMAL, or which checks to ignore: IGN_FREQ_LMT, IGN_DAY_LMT, IGN_FREQ_DAY_LMT.
    """

    endpoint: ClassVar[str] = "hbpreorder"

    mch_billno: Annotated[str, OrderNumberText()]
    wxappid: Annotated[str, Code(32)]
    send_name: Annotated[str, Text(31)]
    hb_type: Annotated[str, OneOf(("NORMAL", "GROUP"))] = "NORMAL"
    total_amount: Annotated[int, Whole()]
    total_num: Annotated[int, Whole()] = 1
    amt_type: Annotated[str, OneOf(("ALL_RAND",))] = field(default="ALL_RAND", init=False)
    wishing: Annotated[str, Text(15)]
    act_name: Annotated[str, Text(31)]
    remark: Annotated[str, Text(31)]
    auth_mchid: Annotated[str, Code(32)] = "1000052601"
    auth_appid: Annotated[str, Code(32)] = "wxbf42bd79c4391863"
    risk_cntl: Annotated[str, OneOf(("NORMAL", "IGN_FREQ_LMT", "IGN_DAY_LMT", "IGN_FREQ_DAY_LMT"))] = "NORMAL"

    def check(self, limits: LimitSet) -> None:
        """Check the amount, and the count of people by kind."""
        _check_range("total_amount", self.total_amount, limits.preorder_amount_fen_min, limits.preorder_amount_fen_max)
        if (self.total_num == 1) != (self.hb_type == "NORMAL"):
            raise BadInput(
                field="total_num",
                fault=f"{self.total_num} does not fit hb_type {self.hb_type}",
                remedy="1 for NORMAL, more than 1 for GROUP",
            )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SendMiniProgramRedPack(Request[SentMiniProgramRedPack]):
    """Make a packet that a mini-program page opens with wx.sendBizRedPacket (小程序红包). Nothing is pushed.

    docs/reference/endpoints.md, "sendminiprogramhb". `Client.biz_red_packet` gives the page its parameters.

    Attributes:
        wxappid: the mini-program's appid.
        re_openid: the person's openid under that mini-program.
        total_amount: fen.
    """

    endpoint: ClassVar[str] = "sendminiprogramhb"

    mch_billno: Annotated[str, OrderNumberText()]
    wxappid: Annotated[str, Code(32)]
    re_openid: Annotated[str, Code(31)]
    total_amount: Annotated[int, Whole()]
    total_num: Annotated[int, Whole()] = field(default=1, init=False)
    send_name: Annotated[str, Text(31)]
    wishing: Annotated[str, Text(127)]
    act_name: Annotated[str, Text(31)]
    remark: Annotated[str, Text(255)]
    notify_way: Annotated[str, OneOf(("MINI_PROGRAM_JSAPI",))] = field(default="MINI_PROGRAM_JSAPI", init=False)
    scene_id: Annotated[str | None, OneOf(SCENES)] = None
    sub_mch_id: Annotated[str | None, Code(32)] = None
    msgappid: Annotated[str | None, Code(32)] = None

    def check(self, limits: LimitSet) -> None:
        """Check the amount by scene, and that the service-provider fields come together."""
        _check_amount(self.total_amount, self.scene_id, limits)
        _check_provider(self.sub_mch_id, self.msgappid)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SendWorkRedPack(Request[SentWorkRedPack]):
    """Send an enterprise WeChat packet (企业微信红包). docs/reference/endpoints.md, "sendworkwxredpack".

    It is signed twice: workwx_sign with the enterprise's secret, then sign with the API key.

    Attributes:
        wxappid: the corpid.
        re_openid: the openid that enterprise WeChat's convert_to_openid gives for a user id.
        total_amount: fen.
        sender_name: the person it is sent by; or give `agentid`.
        agentid: the app it is sent by; its secret then makes workwx_sign.
        sender_header_media_id: avatar, as an uploaded material.
    """

    endpoint: ClassVar[str] = "sendworkwxredpack"

    mch_billno: Annotated[str, OrderNumberText()]
    wxappid: Annotated[str, Code(32)]
    sender_name: Annotated[str | None, Text(127)] = None
    agentid: Annotated[int | None, Whole(0)] = None
    sender_header_media_id: Annotated[str | None, Code(127)] = None
    re_openid: Annotated[str, Code(31)]
    total_amount: Annotated[int, Whole()]
    wishing: Annotated[str, Text(127)]
    act_name: Annotated[str, Text(31)]
    remark: Annotated[str, Text(255)]
    scene_id: Annotated[str | None, OneOf(SCENES)] = None

    def check(self, limits: LimitSet) -> None:
        """Check the amount by scene, and that exactly one sender is named."""
        _check_amount(self.total_amount, self.scene_id, limits)
        if (self.sender_name is None) == (self.agentid is None):
            raise BadInput(
                field="sender_name",
                fault="and agentid are both given, or neither",
                remedy="give sender_name to send as a person, or agentid to send as an app",
            )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class QueryWorkRedPack(Request[WorkRedPackRecord]):
    """Ask what became of an enterprise WeChat packet. docs/reference/endpoints.md, "queryworkwxredpack".

    Attributes:
        mch_billno: the number the packet was sent under.
        appid: the corpid.
    """

    endpoint: ClassVar[str] = "queryworkwxredpack"

    mch_billno: Annotated[str, OrderNumberText()]
    appid: Annotated[str, Code(32)]


def _check_range(name: str, value: int, low: Limit, high: Limit, remedy: str = "change the amount") -> None:
    if not low.value <= value <= high.value:
        raise BadInput(
            field=name,
            fault=f"{value} fen ({yuan_text(value)} yuan) is outside {low.value} to {high.value} fen",
            remedy=remedy,
        )


def _check_amount(amount: int, scene_id: str | None, limits: LimitSet) -> None:
    if scene_id is None:
        _check_range(
            "total_amount",
            amount,
            limits.amount_fen_min,
            limits.amount_fen_max,
            "change the amount, or give the scene_id that your portal has opened for it",
        )
    else:
        low, high = limits.scenes.get(scene_id, (limits.scene_amount_fen_min, limits.scene_amount_fen_max))
        _check_range(
            "total_amount",
            amount,
            low,
            high,
            f"change the amount, or enter the portal's range for {scene_id}",
        )


def _check_group(amount: int, people: int, limits: LimitSet) -> None:
    low, high = limits.group_people_min.value, limits.group_people_max.value
    if not low <= people <= high:
        raise BadInput(
            field="total_num",
            fault=f"{people} people are outside {low} to {high}",
            remedy=f"give {low} to {high}",
        )
    _check_range("total_amount", amount, Limit(1), limits.group_amount_fen_max)
    smallest, largest = (
        limits.group_average_fen_min.value * people,
        limits.group_average_fen_max.value * people,
    )
    if not smallest <= amount <= largest:
        raise BadInput(
            field="total_amount",
            fault=f"{amount} fen for {people} people is outside {smallest} to {largest} fen",
            remedy=f"give {limits.group_average_fen_min.value} to {limits.group_average_fen_max.value} fen a person",
        )


def _check_provider(sub_mch_id: str | None, msgappid: str | None) -> None:
    if (sub_mch_id is None) != (msgappid is None):
        missing = "msgappid" if msgappid is None else "sub_mch_id"
        raise BadInput(
            field=missing,
            fault="is missing in service-provider mode",
            remedy="give sub_mch_id and msgappid, or neither",
        )
