"""What each call must and may carry, which fields its sign covers, and what WeChat says about a bad one.

Texts and order are those of docs/reference/endpoints.md; lengths are UTF-8 bytes (docs/reference/limits.md). Written
apart from the SDK's request types on purpose.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hongbao.simulator.packets import Kind
from hongbao.simulator.rules import Rules
from hongbao.simulator.texts import Family
from hongbao.wechat.xml import Value


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request. `text` is what a PARAM_ERROR says when it is missing, too long or malformed."""

    name: str
    text: str
    bytes_max: int
    required: bool = True
    form: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class BadField:
    """A field that is refused: its name, and the text after the prefix."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path of the API.

    Attributes:
        kind: what it makes; None for the two queries.
        known: the names its sign covers.
        fields: in the order in which they are checked.
        agree: checks that need several fields.
    """

    path: str
    family: Family
    kind: Kind | None
    fields: tuple[Field, ...]
    known: frozenset[str]
    agree: Callable[[Mapping[str, str]], BadField | None] | None = None

    @property
    def api(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def check(self, document: Mapping[str, Value]) -> BadField | None:
        """Return the first field that is refused, in the order of the table."""
        for field in self.fields:
            value = document.get(field.name)
            if not value:
                if field.required:
                    return BadField(field.name, field.text)
                continue
            if not isinstance(value, str):
                return BadField(field.name, field.text)
            length = len(value) if value.isascii() else len(value.encode())
            if length > field.bytes_max or (field.form is not None and not field.form.fullmatch(value)):
                return BadField(field.name, field.text)
        if self.agree is not None:
            return self.agree(document)  # pyright: ignore[reportArgumentType]  known fields are texts by now
        return None


PREFIX = "/mmpaymkttransfers/"

_LETTERS = re.compile(r"[0-9A-Za-z]+", re.ASCII)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_COUNT = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_ONE = re.compile("1")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})(?:\.(?!$)|$)){4}", re.ASCII)
_HB_TYPE = re.compile("NORMAL|GROUP")
_RANDOM = re.compile("ALL_RAND")
_ANY_SPLIT = re.compile("ALL_RAND|ALL_SPECIFIED|SEED_SPECIFIED")
_AMOUNTS = re.compile(r"[1-9][0-9]{0,8}(?:\|[1-9][0-9]{0,8})*", re.ASCII)
_RISK = re.compile("NORMAL|IGN_FREQ_LMT|IGN_DAY_LMT|IGN_FREQ_DAY_LMT")

AMOUNT_TEXT = "红包金额参数错误"
_GROUP_PEOPLE_TEXT = "total_num必须介于3和20之间"

_NONCE = Field("nonce_str", "nonce_str字段必填,并且少于32字符", 32)
_SIGN = Field("sign", "签名字段必填,最长为32个字符", 32)
_NUMBER = Field("mch_billno", "订单号字段必填,最长为28个字符", 28, form=_LETTERS)
_MCH_ID = Field("mch_id", "输入的商户号有误", 32, form=_DIGITS)
_WXAPPID = Field("wxappid", "appid字段必填,最长为32个字符", 32)
_SEND_NAME = Field("send_name", "send_name字段必填,并且少于32字符", 31)
_OPENID = Field("re_openid", "re_openid字段为必填并且少于32个字符", 31)
_AMOUNT = Field("total_amount", AMOUNT_TEXT, 9, form=_COUNT)
_ONE_PERSON = Field("total_num", "total_num必须为1", 9, form=_ONE)
_WISHING = Field("wishing", "wishing字段为必填,并且少于128个字符", 127)
_CLIENT_IP = Field("client_ip", "client_ip必须是合法的IP字符串", 15, form=_IPV4)
_ACT_NAME = Field("act_name", "act_name字段必填,并且少于32个字符", 31)
_REMARK = Field("remark", "remark字段为必填,并且少于256字符", 255)


def _optional(name: str, bytes_max: int, form: re.Pattern[str] | None = None) -> Field:
    return Field(name, f"{name}字段非法,最长为{bytes_max}个字符.", bytes_max, required=False, form=form)


def _constant(name: str, value: str) -> Field:
    return Field(name, f"{name}必须为{value}", len(value), form=re.compile(re.escape(value)))


_SUB_MCH_ID = _optional("sub_mch_id", 32, _DIGITS)
_MSGAPPID = _optional("msgappid", 32)
_SCENE = _optional("scene_id", 32)
_RISK_INFO = _optional("risk_info", 128)
_CONSUME = _optional("consume_mch_id", 32, _DIGITS)
_HEAD = (_NONCE, _SIGN, _NUMBER, _MCH_ID)

_NORMAL = (
    *_HEAD, _SUB_MCH_ID, _WXAPPID, _MSGAPPID, _SEND_NAME, _OPENID, _AMOUNT, _ONE_PERSON, _WISHING, _CLIENT_IP,
    _ACT_NAME, _REMARK, _SCENE, _RISK_INFO, _CONSUME,
)  # fmt: skip
_MINI = (
    *_HEAD, _SUB_MCH_ID, _WXAPPID, _MSGAPPID, _SEND_NAME, _OPENID, _AMOUNT, _ONE_PERSON, _WISHING,
    _optional("client_ip", 15, _IPV4), _ACT_NAME, _REMARK, _constant("notify_way", "MINI_PROGRAM_JSAPI"), _SCENE,
    _CONSUME,
)  # fmt: skip
_WORK = (
    *_HEAD, _WXAPPID, _optional("sender_name", 127), _optional("agentid", 20, _DIGITS),
    _optional("sender_header_media_id", 128), _OPENID, _AMOUNT, _WISHING, _ACT_NAME, _REMARK, _SCENE,
    Field("workwx_sign", "workwx_sign字段必填,最长为32个字符", 32),
)  # fmt: skip
_QUERY = (*_HEAD, Field("appid", "appid字段非法,最长为32个字符.", 32), _constant("bill_type", "MCHT"))
_WORK_QUERY = (*_HEAD, Field("appid", "appid字段非法,最长为32个字符.", 32))


def endpoints_under(rules: Rules) -> dict[str, Endpoint]:
    """Return all seven paths as they behave under `rules`."""
    endpoints = (
        _normal(rules),
        _group(rules),
        _endpoint("gethbinfo", "query", None, _QUERY, rules),
        _preorder(rules),
        _endpoint("sendminiprogramhb", "send", "MINI", _MINI, rules),
        _endpoint("sendworkwxredpack", "work", "WORK", _WORK, rules, _one_sender),
        _endpoint("queryworkwxredpack", "work_query", None, _WORK_QUERY, rules),
    )
    return {endpoint.path: endpoint for endpoint in endpoints}


def _endpoint(
    api: str,
    family: Family,
    kind: Kind | None,
    fields: tuple[Field, ...],
    rules: Rules,
    agree: Callable[[Mapping[str, str]], BadField | None] | None = None,
) -> Endpoint:
    path = PREFIX + api
    extra = rules.extra_known_fields.get(path, frozenset()) | rules.extra_known_fields.get(api, frozenset())
    known = frozenset(field.name for field in fields if field.name != "sign") | extra
    return Endpoint(path, family, kind, fields, known, agree)


def _normal(rules: Rules) -> Endpoint:
    old = {field.name: field for field in _old_fields(rules)}
    if not rules.old_fields:
        fields = (*_NORMAL, *old.values()) if rules.old_fields_known else _NORMAL
        return _endpoint("sendredpack", "send", "NORMAL", fields, rules)
    fields = (
        *_HEAD, _SUB_MCH_ID, _WXAPPID, old.pop("nick_name"), _SEND_NAME, _OPENID, _AMOUNT, old.pop("min_value"),
        old.pop("max_value"), _ONE_PERSON, _WISHING, _CLIENT_IP, _ACT_NAME, _REMARK, *old.values(),
    )  # fmt: skip
    return _endpoint("sendredpack", "send", "NORMAL", fields, rules, _old_amounts)


_OLD_AMOUNTS_TEXT = "发放金额、最小金额、最大金额必须相等"
_DECORATION = (
    _optional("logo_imgurl", 128),
    _optional("share_content", 256),
    _optional("share_url", 128),
    _optional("share_imgurl", 128),
)


def _old_fields(rules: Rules) -> tuple[Field, ...]:
    must = rules.old_fields
    return (
        Field("nick_name", "nick_name字段必填，并且少于16字符", rules.nick_name_bytes_max, required=must),
        Field("min_value", _OLD_AMOUNTS_TEXT, 9, required=must, form=_COUNT),
        Field("max_value", _OLD_AMOUNTS_TEXT, 9, required=must, form=_COUNT),
        _optional("act_id", 32),
        *_DECORATION,
    )


def _old_amounts(fields: Mapping[str, str]) -> BadField | None:
    if fields["total_amount"] == fields["min_value"] == fields["max_value"]:
        return None
    return BadField("min_value", _OLD_AMOUNTS_TEXT)


def _group(rules: Rules) -> Endpoint:
    people = Field("total_num", _GROUP_PEOPLE_TEXT, 9, form=_COUNT)
    split = Field("amt_type", "amt_type字段非法", 32, form=_ANY_SPLIT if rules.own_split else _RANDOM)
    fields = (
        *_HEAD, _SUB_MCH_ID, _WXAPPID, _MSGAPPID, _SEND_NAME, _OPENID, _AMOUNT, people, split, _WISHING, _ACT_NAME,
        _REMARK, _SCENE, _RISK_INFO, _CONSUME,
    )  # fmt: skip
    if rules.own_split:
        left_out = {"msgappid", "scene_id", "risk_info", "consume_mch_id"}
        own = (_optional("amt_list", 256, _AMOUNTS), *_DECORATION)
        own += (_optional("watermark_imgurl", 128), _optional("banner_imgurl", 128))
        fields = (*(field for field in fields if field.name not in left_out), *own)
    return _endpoint("sendgroupredpack", "group", "GROUP", fields, rules, _group_agrees)


def _group_agrees(fields: Mapping[str, str]) -> BadField | None:
    people = int(fields["total_num"])
    if not 3 <= people <= 20:
        return BadField("total_num", _GROUP_PEOPLE_TEXT)
    split = fields["amt_type"]
    if split == "ALL_RAND":
        return None
    # Whose entry is whose is not documented; here the first is the seed user's, the rest go in the order of taking.
    amounts = [int(amount) for amount in fields.get("amt_list", "").split("|") if amount]
    total = int(fields["total_amount"])
    if split == "ALL_SPECIFIED":
        fits = len(amounts) == people and sum(amounts) == total
    else:
        fits = 1 <= len(amounts) <= people and amounts[0] + people - 1 <= total
    return None if fits else BadField("amt_list", "amt_list字段非法")


def _preorder(rules: Rules) -> Endpoint:
    bytes_max = rules.preorder_wishing_bytes_max
    fields = (
        *_HEAD,
        _WXAPPID,
        _SEND_NAME,
        Field("hb_type", "hb_type字段非法", 16, form=_HB_TYPE),
        _AMOUNT,
        Field("total_num", "total_num必须为1", 9, form=_COUNT),
        Field("amt_type", "amt_type字段非法", 32, form=_RANDOM),
        Field("wishing", f"wishing字段为必填,并且不超过{bytes_max}个字符", bytes_max),
        _ACT_NAME,
        Field("remark", "remark字段为必填,并且少于32字符", 31),
        # The platform's fixed values are not judged here: a wrong one spoils the ticket later.
        Field("auth_mchid", "auth_mchid字段必填,最长为32个字符", 32),
        Field("auth_appid", "auth_appid字段必填,最长为32个字符", 32),
        Field("risk_cntl", "risk_cntl字段非法", 32, form=_RISK),
    )
    return _endpoint("hbpreorder", "preorder", "PREORDER", fields, rules, _preorder_agrees)


def _preorder_agrees(fields: Mapping[str, str]) -> BadField | None:
    people = int(fields["total_num"])
    if fields["hb_type"] == "NORMAL" and people != 1:
        return BadField("total_num", "total_num必须为1")
    if fields["hb_type"] == "GROUP" and people < 2:
        return BadField("total_num", "total_num必须大于1")
    return None


def _one_sender(fields: Mapping[str, str]) -> BadField | None:
    if bool(fields.get("sender_name")) == bool(fields.get("agentid")):
        return BadField("agentid", "sender_name与agentid必填且只能填一个")
    return None
