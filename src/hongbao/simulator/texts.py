"""What WeChat says when it refuses: one row per cause, worded per family of calls. See docs/reference/codes.md."""

from enum import Enum, auto
from typing import Literal

from hongbao.simulator.rules import Rules

Family = Literal["send", "group", "preorder", "query", "work", "work_query"]
"""Calls that share their wording. The mini-program call speaks like sendredpack."""


class Cause(Enum):
    """Why a call was refused."""

    CERTIFICATE = auto()
    CERTIFICATE_EXPIRED = auto()
    XML = auto()
    MERCHANT_UNKNOWN = auto()
    SIGN = auto()
    WORK_SIGN = auto()
    ADDRESS = auto()
    API_CLOSED = auto()
    PRODUCT_CLOSED = auto()
    WITHDRAWN = auto()
    FROZEN = auto()
    APPID_KIND = auto()
    APPID_UNBOUND = auto()
    OPENID = auto()
    SUB_MERCHANT = auto()
    MESSAGE_APPID = auto()
    CONSUME = auto()
    AMOUNT = auto()
    SCENE = auto()
    OTHER_OPENID = auto()
    OTHER_AMOUNT = auto()
    OTHER_FIELDS = auto()
    DEAD = auto()
    PROCESSING = auto()
    QUIET = auto()
    RATE = auto()
    SECOND_OVER = auto()
    DAY_OVER = auto()
    PERSON_PACKETS = auto()
    PERSON_FEN = auto()
    MERCHANT_FEN = auto()
    RISK = auto()
    BALANCE = auto()
    SYSTEM = auto()
    NOT_FOUND = auto()


PARAM_PREFIX = "参数错误:"
"""What stands before the text of every PARAM_ERROR in captured replies."""

_RETRY_SYSTEM = "系统错误,请稍后使用原单号重试,请勿更换单号"
_ASK_LATER = "请求已受理，请稍后使用原单号查询发放结果"
_PORTAL = "如有需要请登录微信支付商户平台更改API安全配置"
_CA_OLD = "请求未携带证书，或请求携带的证书出错"
_XML_OLD = "请求的xml格式错误，或者post的数据为空"

_SEND: dict[Cause, tuple[str, str]] = {
    Cause.CERTIFICATE: ("CA_ERROR", "CA证书出错，请登录微信支付商户平台下载证书"),
    Cause.CERTIFICATE_EXPIRED: ("CA_ERROR", "证书已过期"),
    Cause.XML: ("XML_ERROR", "输入xml参数格式错误"),
    Cause.MERCHANT_UNKNOWN: ("PARAM_ERROR", PARAM_PREFIX + "找不到对应的商户号"),
    Cause.SIGN: ("SIGN_ERROR", "签名错误"),
    Cause.WORK_SIGN: ("SIGN_ERROR", "签名错误；企业微信签名失败"),
    Cause.ADDRESS: ("NO_AUTH", "IP地址非你在商户平台设置的可用IP地址"),
    Cause.API_CLOSED: ("API_METHOD_CLOSED", "你的商户号API发放方式已关闭，请联系管理员在商户平台开启"),
    Cause.PRODUCT_CLOSED: ("NO_AUTH", "产品权限验证失败,请查看您当前是否具有该产品的权限"),
    Cause.FROZEN: ("PAYER_ACCOUNT_ABNORMAL", "商户号被处罚、冻结"),
    Cause.APPID_KIND: ("ILLEGAL_APPID", "非法appid，请确认是否为公众号的appid，不能为APP的appid"),
    Cause.APPID_UNBOUND: ("PARAM_ERROR", PARAM_PREFIX + "商户号和wxappid不匹配"),
    Cause.OPENID: ("OPENID_ERROR", "openid和appid不匹配"),
    Cause.SUB_MERCHANT: ("ACCEPTMODE_ERROR", "主、子商户号关系校验失败"),
    Cause.MESSAGE_APPID: ("MSGAPPID_ERROR", "触达消息给用户appid有误"),
    Cause.CONSUME: ("NO_CONSUME_COMPETENCE", "该扣钱商户号没有资金授权给该商户号"),
    Cause.AMOUNT: ("MONEY_LIMIT", "红包金额发放限制"),
    Cause.SCENE: (
        "PARAM_ERROR",
        PARAM_PREFIX + "该场景未开通,请登陆商户平台:产品中心-现金红包-产品设置-使用场景 进行开通",
    ),
    Cause.OTHER_OPENID: ("FATAL_ERROR", "openid和原始单参数不一致"),
    Cause.OTHER_AMOUNT: ("FATAL_ERROR", "金额和原始单参数不一致"),
    Cause.OTHER_FIELDS: ("FATAL_ERROR", "重复请求时，参数与原单不一致"),
    Cause.DEAD: ("SEND_FAILED", "红包发放失败,请更换单号再重试"),
    Cause.PROCESSING: ("PROCESSING", _ASK_LATER),
    Cause.QUIET: ("TIME_LIMITED", "企业红包的发送时间受限"),
    Cause.RATE: ("FREQ_LIMIT", "超过频率限制,请稍后再试"),
    Cause.SECOND_OVER: ("SECOND_OVER_LIMITED", "企业红包的按分钟发放受限"),
    Cause.DAY_OVER: ("DAY_OVER_LIMITED", "企业红包的按天日发放受限"),
    Cause.PERSON_PACKETS: ("SENDNUM_LIMIT", f"该用户今日操作次数超过限制,{_PORTAL}"),
    Cause.PERSON_FEN: ("RCVDAMOUNT_LIMIT", f"该用户今日领取金额超过限制，{_PORTAL}"),
    Cause.MERCHANT_FEN: ("SENDAMOUNT_LIMIT", f"您的商户号今日发放金额超过限制，{_PORTAL}"),
    Cause.RISK: ("NO_AUTH", "发放失败，此请求可能存在风险，已被微信拦截"),
    Cause.BALANCE: ("NOTENOUGH", "帐号余额不足，请到商户平台充值后再重试"),
    Cause.SYSTEM: ("SYSTEMERROR", _RETRY_SYSTEM),
    Cause.NOT_FOUND: ("NOT_FOUND", "指定单号数据不存在"),
}

_OLD: dict[Cause, tuple[str, str]] = {
    Cause.CERTIFICATE: ("CA_ERROR", _CA_OLD),
    Cause.XML: ("XML_ERROR", _XML_OLD),
    Cause.SIGN: ("SIGN_ERROR", "商户签名错误"),
    Cause.APPID_KIND: ("ILLEGAL_APPID", "错误传入了app的appid"),
    Cause.OPENID: ("OPENID_ERROR", "Openid错误"),
    Cause.OTHER_OPENID: _SEND[Cause.OTHER_FIELDS],
    Cause.OTHER_AMOUNT: _SEND[Cause.OTHER_FIELDS],
    Cause.RATE: ("FREQ_LIMIT", "受频率限制"),
    Cause.PERSON_PACKETS: ("SENDNUM_LIMIT", "该用户今日领取红包个数超过限制"),
    Cause.BALANCE: ("NOTENOUGH", "余额不足"),
    Cause.SYSTEM: ("SYSTEMERROR", "系统繁忙，请再试。"),
}

_NO_PERMISSION: dict[Cause, tuple[str, str]] = {
    **_OLD,
    Cause.ADDRESS: ("NO_AUTH", "没有权限"),
    Cause.PRODUCT_CLOSED: ("NO_AUTH", "没有权限"),
}

_ASKING: dict[Cause, tuple[str, str]] = {**_NO_PERMISSION, Cause.SYSTEM: _SEND[Cause.SYSTEM]}

_OWN_WORDS: dict[Family, dict[Cause, tuple[str, str]]] = {
    "send": {},
    "group": _OLD,
    "preorder": _NO_PERMISSION,
    "query": _ASKING,
    "work": {Cause.MERCHANT_UNKNOWN: ("NO_COMPETENCE", "商户号错误")},
    "work_query": _ASKING,
}


def words_for(cause: Cause, family: Family, rules: Rules) -> tuple[str, str]:
    """Return err_code and err_code_des of a refusal."""
    if cause is Cause.WITHDRAWN:
        return rules.group_withdrawn_code, rules.group_withdrawn_text
    if family == "send":
        if cause is Cause.PRODUCT_CLOSED and rules.era == "2015":
            return "NOAUTH", "请联系微信支付开通api权限"
        if cause is Cause.SYSTEM and rules.era in {"2015", "2016"}:
            return "SYSTEMERROR", _ASK_LATER
    if cause is Cause.PRODUCT_CLOSED and rules.era == "2025" and family in {"send", "work"}:
        return "PRODUCT_AUTHORITY_UNOPEN", "你的商户号未开通该产品权限,请联系管理员到产品中心开通"
    if cause is Cause.NOT_FOUND and rules.not_found_err_code != "NOT_FOUND":
        return rules.not_found_err_code, _SEND[cause][1]
    if rules.era in {"2015", "2016"} and family in {"query", "work_query"} and cause is Cause.SYSTEM:
        return _OLD[cause]
    return _OWN_WORDS[family].get(cause) or _SEND[cause]
