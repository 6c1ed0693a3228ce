"""Every documented err_code of every red packet call: what it means and who must act.

This table is the one source: `hongbao explain`, the class of a raised error and docs/reference/codes.md all come from
it. WeChat warns not to automate on the text of an error (docs/reference/idempotency.md), so the class hangs on code
and endpoint alone; the texts are here for people.

A code that is not in this table means that the outcome is unknown.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Turn(StrEnum):
    """Whose turn it is after an error; each has its class in :mod:`hongbao.wechat.errors`."""

    FIX_REQUEST = "fix the request"
    FIX_ACCOUNT = "fix the account or certificate"
    WAIT = "wait"
    SAME_NUMBER_AGAIN = "same number again"
    OUTCOME_UNKNOWN = "outcome unknown"
    FINAL = "final"


class SameNumber(StrEnum):
    """What may be done with the order number afterwards."""

    YES = "yes"
    """Repeat the identical request with the same number once the cause is cured."""
    QUERY = "query"
    """Unknown: query, and repeat with the same number; never take a new one."""
    ORIGINAL = "original"
    """The number belongs to another request: repeat that one, or take a number of its own for a new intent."""
    NEW = "new"
    """The number is dead. Query once; if that says FAILED, a new number may be used."""


class Order(StrEnum):
    """What WeChat keeps under the number afterwards."""

    NONE = "none"
    """Nothing by this call; what stood there before still stands."""
    STUCK = "stuck"
    """An order in SENDING with the text as its reason, nothing debited; open for three days."""
    UNKNOWN = "unknown"
    """Perhaps nothing, perhaps an order on its way."""
    UNCHANGED = "unchanged"
    """Whatever stood there before: the call was a query, or was for another request."""
    DEAD = "dead"
    """An order in FAILED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """One err_code of some endpoints.

    Attributes:
        code: as on the wire.
        endpoints: where it is documented or was seen; last parts of the paths.
        texts: the Chinese texts that come with it.
        meaning: what it says, in English.
        cause: what usually lies behind it.
        remedy: what to do.
        remedy_zh: the same in Chinese.
        turn: who must act.
        same_number: what may be done with the number.
        order: what WeChat keeps under the number.
    """

    code: str
    endpoints: tuple[str, ...]
    texts: tuple[str, ...]
    meaning: str
    cause: str
    remedy: str
    remedy_zh: str
    turn: Turn
    same_number: SameNumber
    order: Order


_NORMAL = ("sendredpack", "sendminiprogramhb", "sendworkwxredpack")
_GROUP = ("sendgroupredpack",)
_PREORDER = ("hbpreorder",)
_SEND = _NORMAL + _GROUP + _PREORDER
_QUERY = ("gethbinfo", "queryworkwxredpack")
_EVERYWHERE = _SEND + _QUERY

CODES: tuple[CodeRow, ...] = (
    CodeRow(
        code="NO_AUTH",
        endpoints=_SEND,
        texts=(
            "发放失败，此请求可能存在风险，已被微信拦截",
            "IP地址非你在商户平台设置的可用IP地址",
            "产品权限验证失败,请查看您当前是否具有该产品的权限",
            "没有权限",
        ),
        meaning="Not allowed: the person is flagged by risk control, or the IP, the product or the API is not allowed.",
        cause="For one person: an account that WeChat holds for risky. For most people: the caller's IP address is not "
        "on the portal's list (list IPv4 and IPv6 exits), or the product is not opened.",
        remedy="One person: ask them to use an active WeChat account. Everybody: open the product and list the IP in "
        "the merchant portal. Then repeat with the same number; after a second or third try a flagged person's number "
        "may die (SEND_FAILED).",
        remedy_zh="单个用户：请其使用常用的微信号；大量用户：在商户平台开通产品并登记调用IP。处理后用原单号重试，"
        "风险用户多次重试后原单号可能失效（SEND_FAILED）。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.UNKNOWN,
    ),
    CodeRow(
        code="NO_AUTH",
        endpoints=_QUERY,
        texts=("没有权限", "IP地址非你在商户平台设置的可用IP地址"),
        meaning="The query is not allowed; that says nothing of the packet.",
        cause="The API is not opened for this merchant, or the caller's IP address is not on the portal's list.",
        remedy="Open the API and list the IP in the merchant portal, then query again.",
        remedy_zh="在商户平台开通接口权限并登记调用IP，然后重新查询。查询失败不代表发放失败。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.QUERY,
        order=Order.UNCHANGED,
    ),
    CodeRow(
        code="NOAUTH",
        endpoints=_SEND,
        texts=("请联系微信支付开通api权限",),
        meaning="The API permission is not open. The spelling of 2015.",
        cause="The merchant may not call this API.",
        remedy="Open the product in the merchant portal, then repeat with the same number.",
        remedy_zh="在商户平台开通产品权限后，用原单号重试。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="SENDNUM_LIMIT",
        endpoints=_SEND,
        texts=(
            "该用户今日领取红包个数超过限制",
            "该用户今日操作次数超过限制,如有需要请登录微信支付商户平台更改API安全配置",
        ),
        meaning="This person has had the day's number of packets from this merchant.",
        cause="The per-person daily count, 10 by default.",
        remedy="Repeat with the same number tomorrow (Beijing time, within three days), or raise the count in the "
        "portal.",
        remedy_zh="次日（北京时间，三天之内）用原单号重试，或在商户平台调高单用户每日个数。",
        turn=Turn.WAIT,
        same_number=SameNumber.YES,
        order=Order.STUCK,
    ),
    CodeRow(
        code="SENDAMOUNT_LIMIT",
        endpoints=_SEND,
        texts=("您的商户号今日发放金额超过限制，如有需要请登录微信支付商户平台更改API安全配置",),
        meaning="The merchant has sent the day's amount.",
        cause="The merchant's daily amount cap, 1,000,000 yuan by default.",
        remedy="Repeat with the same number tomorrow, or raise the cap in the portal.",
        remedy_zh="次日用原单号重试，或在商户平台调高每日发放金额上限。",
        turn=Turn.WAIT,
        same_number=SameNumber.YES,
        order=Order.STUCK,
    ),
    CodeRow(
        code="RCVDAMOUNT_LIMIT",
        endpoints=_SEND,
        texts=("该用户今日领取金额超过限制，如有需要请登录微信支付商户平台更改API安全配置",),
        meaning="This person has had the day's amount from this merchant.",
        cause="The per-person daily amount cap, 1,000 yuan by default.",
        remedy="Repeat with the same number tomorrow, or raise the cap in the portal.",
        remedy_zh="次日用原单号重试，或在商户平台调高单用户每日领取金额上限。",
        turn=Turn.WAIT,
        same_number=SameNumber.YES,
        order=Order.STUCK,
    ),
    CodeRow(
        code="ILLEGAL_APPID",
        endpoints=_SEND,
        texts=("非法appid，请确认是否为公众号的appid，不能为APP的appid", "错误传入了app的appid"),
        meaning="The appid is of the wrong kind.",
        cause="The appid of a mobile app, or of a mini-program where an official account belongs.",
        remedy="Give the official account's appid (for mini-program packets the mini-program's), with an openid issued "
        "under it.",
        remedy_zh="改用公众号的 appid（小程序红包用小程序的 appid），openid 须属于该 appid。",
        turn=Turn.FIX_REQUEST,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="MONEY_LIMIT",
        endpoints=_SEND,
        texts=("红包金额发放限制",),
        meaning="The amount is outside what this merchant may send.",
        cause="1 to 200 yuan without a scene, the scene's own range with one.",
        remedy="Change the portal's range and repeat with the same number. Another amount is another request: query "
        "first, and take a new number only if that says FAILED, or if you know that no packet was ever sent under "
        "this one.",
        remedy_zh="在商户平台调整额度后用原单号重试。若要修改金额，那就是另一笔请求：先查询原单号，"
        "确认为 FAILED，或确知该单号从未发出过红包，才可换新单号。",
        turn=Turn.FIX_REQUEST,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="SEND_FAILED",
        endpoints=_SEND,
        texts=("红包发放失败,请更换单号再重试",),
        meaning="This order has failed for good.",
        cause="The three days in which a stuck order can be cured are over, or risk control refused it again.",
        remedy="Query the number. If that says FAILED, send again under a new number.",
        remedy_zh="先查询原单号；确认为 FAILED 后，更换新单号重发。",
        turn=Turn.FINAL,
        same_number=SameNumber.NEW,
        order=Order.DEAD,
    ),
    CodeRow(
        code="FATAL_ERROR",
        endpoints=_SEND,
        texts=("openid和原始单参数不一致", "金额和原始单参数不一致", "重复请求时，参数与原单不一致"),
        meaning="The number already belongs to a request with another openid or amount.",
        cause="A number was used twice, or a stored request was edited between two tries.",
        remedy="Repeat the original request unchanged; give a new intent a number of its own. Never loop on this.",
        remedy_zh="用原始参数重发原单；新的一笔请使用新的单号。切勿循环重试。",
        turn=Turn.FIX_REQUEST,
        same_number=SameNumber.ORIGINAL,
        order=Order.UNCHANGED,
    ),
    CodeRow(
        code="CA_ERROR",
        endpoints=_SEND,
        texts=(
            "CA证书出错，请登录微信支付商户平台下载证书",
            "证书出错，请登录微信支付商户平台下载证书",
            "证书已过期",
            "请求未携带证书，或请求携带的证书出错",
        ),
        meaning="The client certificate is missing, wrong or expired.",
        cause="No certificate, another merchant's, or one past its date.",
        remedy="Run `hongbao doctor`; download the certificate of this mch_id in the portal. Then repeat with the same "
        "number.",
        remedy_zh="运行 hongbao doctor 检查；在商户平台下载本商户号的证书，然后用原单号重试。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="CA_ERROR",
        endpoints=_QUERY,
        texts=("请求未携带证书，或请求携带的证书出错", "证书已过期"),
        meaning="The query came without the right client certificate; that says nothing of the packet.",
        cause="No certificate, another merchant's, or one past its date.",
        remedy="Run `hongbao doctor`; download the certificate of this mch_id in the portal. Then query again.",
        remedy_zh="运行 hongbao doctor 检查；在商户平台下载本商户号的证书，然后重新查询。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.QUERY,
        order=Order.UNCHANGED,
    ),
    CodeRow(
        code="SIGN_ERROR",
        endpoints=_SEND,
        texts=("签名错误", "商户签名错误", "签名错误；企业微信签名失败"),
        meaning="The sign does not fit.",
        cause="The API key is not the one set in the portal (for enterprise packets: or the secret of the pay app). "
        "With other clients: a field was signed that the endpoint does not know.",
        remedy="Compare the key with the portal's; `explain_sign()` shows the string. Then repeat with the same "
        "number.",
        remedy_zh="核对商户平台的 API 密钥（企业微信红包还须核对 secret）；explain_sign() 可显示待签名串。"
        "修正后用原单号重试。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="SIGN_ERROR",
        endpoints=_QUERY,
        texts=("商户签名错误", "签名错误"),
        meaning="The sign of the query does not fit; that says nothing of the packet.",
        cause="The API key is not the one set in the portal. With other clients: a field was signed that the query "
        "does not know.",
        remedy="Compare the key with the portal's; `explain_sign()` shows the string. Then query again.",
        remedy_zh="核对商户平台的 API 密钥；explain_sign() 可显示待签名串。修正后重新查询。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.QUERY,
        order=Order.UNCHANGED,
    ),
    CodeRow(
        code="SYSTEMERROR",
        endpoints=_SEND,
        texts=(
            "请求已受理，请稍后使用原单号查询发放结果",
            "系统错误,请稍后使用原单号重试,请勿更换单号",
            "系统繁忙，请再试。",
        ),
        meaning="WeChat cannot say whether the packet was sent.",
        cause="A fault on WeChat's side.",
        remedy="Repeat the identical request with the same number, a second or more later. A new number is a second "
        "packet.",
        remedy_zh="至少间隔 1 秒，用原单号、原参数重试。切勿更换单号，否则会重复发放。",
        turn=Turn.SAME_NUMBER_AGAIN,
        same_number=SameNumber.QUERY,
        order=Order.UNKNOWN,
    ),
    CodeRow(
        code="SYSTEMERROR",
        endpoints=_QUERY,
        texts=("系统繁忙，请再试。", "系统错误,请稍后使用原单号重试,请勿更换单号"),
        meaning="The query failed; it says nothing of the packet.",
        cause="A fault on WeChat's side.",
        remedy="Query again later.",
        remedy_zh="稍后再查询。查询失败不代表发放失败。",
        turn=Turn.SAME_NUMBER_AGAIN,
        same_number=SameNumber.QUERY,
        order=Order.UNCHANGED,
    ),
    CodeRow(
        code="268458547",
        endpoints=_SEND,
        texts=("系统繁忙,请稍后再试.",),
        meaning="SYSTEMERROR as a number, in documents of 2015.",
        cause="A fault on WeChat's side.",
        remedy="Repeat the identical request with the same number.",
        remedy_zh="用原单号、原参数重试。",
        turn=Turn.SAME_NUMBER_AGAIN,
        same_number=SameNumber.QUERY,
        order=Order.UNKNOWN,
    ),
    CodeRow(
        code="PSYSTEMERROR",
        endpoints=("queryworkwxredpack",),
        texts=("系统繁忙，请再试。",),
        meaning="SYSTEMERROR as one page misspells it.",
        cause="A fault on WeChat's side.",
        remedy="Query again later.",
        remedy_zh="稍后再查询。",
        turn=Turn.SAME_NUMBER_AGAIN,
        same_number=SameNumber.QUERY,
        order=Order.UNCHANGED,
    ),
    CodeRow(
        code="XML_ERROR",
        endpoints=_SEND,
        texts=("输入xml参数格式错误", "请求的xml格式错误，或者post的数据为空"),
        meaning="The body is empty or not XML.",
        cause="Something between here and WeChat changed the body.",
        remedy="Look for a proxy that rewrites requests; then repeat with the same number.",
        remedy_zh="检查请求体是否被代理改写，然后用原单号重试。",
        turn=Turn.FIX_REQUEST,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="XML_ERROR",
        endpoints=_QUERY,
        texts=("请求的xml格式错误，或者post的数据为空",),
        meaning="The body of the query is empty or not XML; that says nothing of the packet.",
        cause="Something between here and WeChat changed the body.",
        remedy="Look for a proxy that rewrites requests; then query again.",
        remedy_zh="检查请求体是否被代理改写，然后重新查询。",
        turn=Turn.FIX_REQUEST,
        same_number=SameNumber.QUERY,
        order=Order.UNCHANGED,
    ),
    CodeRow(
        code="FREQ_LIMIT",
        endpoints=_SEND,
        texts=("超过频率限制,请稍后再试", "受频率限制"),
        meaning="Too many calls.",
        cause="More than 30 a second or 1800 a minute by default, or the same number again within a second.",
        remedy="Slow down; repeat with the same number after some minutes.",
        remedy_zh="降低频率，数分钟后用原单号重试。",
        turn=Turn.WAIT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="FREQ_LIMIT",
        endpoints=_QUERY,
        texts=("受频率限制",),
        meaning="Too many queries; that says nothing of the packet.",
        cause="More calls than WeChat allows in the time.",
        remedy="Slow down; query again after some minutes.",
        remedy_zh="降低频率，数分钟后重新查询。",
        turn=Turn.WAIT,
        same_number=SameNumber.QUERY,
        order=Order.UNCHANGED,
    ),
    CodeRow(
        code="API_METHOD_CLOSED",
        endpoints=_SEND,
        texts=("你的商户号API发放方式已关闭，请联系管理员在商户平台开启",),
        meaning="Sending through the API is switched off.",
        cause="The switch in the merchant portal.",
        remedy="Switch it on in the portal, then repeat with the same number.",
        remedy_zh="请管理员在商户平台开启 API 发放，然后用原单号重试。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="NOTENOUGH",
        endpoints=_SEND,
        texts=("帐号余额不足，请到商户平台充值后再重试", "余额不足"),
        meaning="The merchant's balance is too small.",
        cause="The operating account (运营账户), or the basic account where there is none, has too little available "
        "money. Takings of the day are not available yet.",
        remedy="Top up the account that pays, then repeat with the same number within three days.",
        remedy_zh="给出资账户充值后，三天内用原单号重试。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.STUCK,
    ),
    CodeRow(
        code="OPENID_ERROR",
        endpoints=_SEND,
        texts=("openid和appid不匹配", "Openid错误"),
        meaning="The openid was not issued under this appid.",
        cause="An openid of another account, a mini-program's or an app's.",
        remedy="Give the person's openid under the wxappid of the request. That makes it another request: query first, "
        "and take a new number only if that says FAILED, or if you know that no packet was ever sent under this one.",
        remedy_zh="使用该 wxappid 下的 openid。这就是另一笔请求：先查询原单号，"
        "确认为 FAILED，或确知该单号从未发出过红包，才可换新单号。",
        turn=Turn.FIX_REQUEST,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="MSGAPPID_ERROR",
        endpoints=_SEND,
        texts=("触达消息给用户appid有误",),
        meaning="msgappid may not deliver the message.",
        cause="It is bound neither to the provider nor to the sub-merchant.",
        remedy="Register the account in the portal, then repeat with the same number.",
        remedy_zh="在商户平台绑定触达用户的 appid，然后用原单号重试。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="ACCEPTMODE_ERROR",
        endpoints=_SEND,
        texts=("主、子商户号关系校验失败", "校验受理模式权限失败,请重试"),
        meaning="sub_mch_id does not belong to the provider.",
        cause="The two are not bound, or not for this product.",
        remedy="Bind them in the portal, then repeat with the same number.",
        remedy_zh="在商户平台建立主、子商户关系，然后用原单号重试。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="PROCESSING",
        endpoints=_SEND,
        texts=("请求已受理，请稍后使用原单号查询发放结果",),
        meaning="The packet is on its way; WeChat cannot say yet whether it will arrive.",
        cause="WeChat is busy; in one report an empty balance.",
        remedy="Query after 20 minutes; if it is still SENDING repeat with the same number. Processing is not failure.",
        remedy_zh="20 分钟后查询；仍为发放中则用原单号重发。处理中不等于失败。",
        turn=Turn.OUTCOME_UNKNOWN,
        same_number=SameNumber.QUERY,
        order=Order.UNKNOWN,
    ),
    CodeRow(
        code="PARAM_ERROR",
        endpoints=_SEND,
        texts=(
            "参数错误",
            "act_name字段必填,并且少于32个字符",
            "发放金额、最小金额、最大金额必须相等",
            "红包金额参数错误",
            "appid字段必填,最长为32个字符",
            "订单号字段必填,最长为28个字符",
            "client_ip必须是合法的IP字符串",
            "输入的商户号有误",
            "找不到对应的商户号",
            "nick_name字段必填，并且少于16字符",
            "nonce_str字段必填,并且少于32字符",
            "re_openid字段为必填并且少于32个字符",
            "remark字段为必填,并且少于256字符",
            "send_name字段为必填并且少于32字符",
            "total_num必须为1",
            "wishing字段为必填,并且少于128个字符",
            "商户号和wxappid不匹配",
            "该场景未开通,请登陆商户平台:产品中心-现金红包-产品设置-使用场景 进行开通",
        ),
        meaning="A value is missing, too long, or does not fit the merchant.",
        cause="The text names it; with this SDK mostly what only WeChat can know: an appid that is not bound to the "
        "mch_id, a scene that is not opened.",
        remedy="Mend the named value and repeat with the same number. Another openid or amount is another request: "
        "query first, and take a new number only if that says FAILED, or if you know that no packet was ever sent "
        "under this one.",
        remedy_zh="按提示修正参数后用原单号重试。若要改动 openid 或金额，那就是另一笔请求：先查询原单号，"
        "确认为 FAILED，或确知该单号从未发出过红包，才可换新单号。",
        turn=Turn.FIX_REQUEST,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="PARAM_ERROR",
        endpoints=_QUERY,
        texts=("参数错误", "appid字段非法,最长为32个字符.", "输入的商户号有误", "找不到对应的商户号"),
        meaning="A value of the query is missing, too long, or does not fit; that says nothing of the packet.",
        cause="The text names it; with this SDK mostly an appid that is not bound to the mch_id.",
        remedy="Mend the named value, then query again: the number stays as it is.",
        remedy_zh="按提示修正参数后重新查询，单号不变。",
        turn=Turn.FIX_REQUEST,
        same_number=SameNumber.QUERY,
        order=Order.UNCHANGED,
    ),
    CodeRow(
        code="NO_CONSUME_COMPETENCE",
        endpoints=_SEND,
        texts=("该扣钱商户号没有资金授权给该商户号",),
        meaning="consume_mch_id has not authorised its funds to this merchant.",
        cause="The authorisation is missing or withdrawn.",
        remedy="Let that merchant authorise its funds, then repeat with the same number.",
        remedy_zh="请扣款商户完成资金授权，然后用原单号重试。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="PRODUCT_AUTHORITY_UNOPEN",
        endpoints=_SEND,
        texts=("你的商户号未开通该产品权限,请联系管理员到产品中心开通",),
        meaning="The product is not opened.",
        cause="Cash red packets are not opened in the merchant portal.",
        remedy="Open the product, then repeat with the same number.",
        remedy_zh="请管理员到产品中心开通现金红包，然后用原单号重试。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="PAYER_ACCOUNT_ABNORMAL",
        endpoints=_SEND,
        texts=("商户号被处罚、冻结",),
        meaning="The merchant is punished or frozen.",
        cause="A breach of WeChat's rules, or a complaint.",
        remedy="Look in the merchant portal for the case and its cure; then repeat with the same number.",
        remedy_zh="登录商户平台查看处罚原因并处理，然后用原单号重试。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="SECOND_OVER_LIMITED",
        endpoints=_SEND,
        texts=("企业红包的按分钟发放受限",),
        meaning="Too many packets in this minute. The code of 2015, still on the group page.",
        cause="More than 1800 a minute.",
        remedy="Slow down; repeat with the same number after some minutes.",
        remedy_zh="降低频率，数分钟后用原单号重试。",
        turn=Turn.WAIT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="DAY_OVER_LIMITED",
        endpoints=_SEND,
        texts=("企业红包的按天日发放受限",),
        meaning="Too many packets today. The code of 2015, still on the group page.",
        cause="More than 10,000 packets of this merchant on this day.",
        remedy="Repeat with the same number tomorrow.",
        remedy_zh="次日用原单号重试。",
        turn=Turn.WAIT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="TIME_LIMITED",
        endpoints=_SEND,
        texts=("企业红包的发送时间受限",),
        meaning="Packets are not sent at this hour.",
        cause="The quiet hours, 00:00 to 08:00 Beijing time.",
        remedy="Repeat with the same number after 08:00 Beijing time.",
        remedy_zh="北京时间 8:00 之后用原单号重试。",
        turn=Turn.WAIT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="NO_COMPETENCE",
        endpoints=("sendworkwxredpack",),
        texts=("商户号错误",),
        meaning="The merchant may not send for this enterprise.",
        cause="mch_id is not the enterprise's.",
        remedy="Bind the merchant to the enterprise, then repeat with the same number.",
        remedy_zh="确认商户号已与企业绑定，然后用原单号重试。",
        turn=Turn.FIX_ACCOUNT,
        same_number=SameNumber.YES,
        order=Order.NONE,
    ),
    CodeRow(
        code="NOT_FOUND",
        endpoints=_QUERY,
        texts=("指定单号数据不存在",),
        meaning="WeChat shows no order under this number. That is not a failure.",
        cause="The order is still being processed, never arrived, is older than 30 days, or the number is not yours.",
        remedy="Check the number. Query again after some minutes, or repeat the original request with the same number.",
        remedy_zh="查无此单不等于失败：核对单号，过几分钟再查，或用原单号、原参数重发。",
        turn=Turn.OUTCOME_UNKNOWN,
        same_number=SameNumber.QUERY,
        order=Order.UNKNOWN,
    ),
)

_BY_ENDPOINT = MappingProxyType({(row.code, endpoint): row for row in CODES for endpoint in row.endpoints})


def find(code: str, endpoint: str) -> CodeRow | None:
    """Return the row of a code as it came from an endpoint, or None if the code is not documented there.

    Two codes are printed with a stray blank in old documents (`TIME _LIMITED`): blanks are taken out. A code that is
    documented for other endpoints only is not known here, and its outcome therefore unknown.
    """
    return _BY_ENDPOINT.get(("".join(code.split()), endpoint))


def rows(code: str) -> tuple[CodeRow, ...]:
    """Return all rows of a code, whatever the endpoint; empty if no document has it."""
    plain = "".join(code.split()).upper()
    return tuple(row for row in CODES if row.code == plain)
