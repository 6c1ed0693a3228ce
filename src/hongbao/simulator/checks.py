"""The checks a request passes before an order is looked at, in WeChat's order (docs/reference/simulator.md)."""

from collections.abc import Mapping
from dataclasses import dataclass

from hongbao.errors import HongbaoError
from hongbao.simulator.fields import AMOUNT_TEXT, BadField, Endpoint
from hongbao.simulator.merchants import Merchant, Person
from hongbao.simulator.packets import Packet
from hongbao.simulator.signing import WORK_FIELDS, diagnose, sign_of
from hongbao.simulator.state import State
from hongbao.simulator.texts import PARAM_PREFIX, Cause, words_for
from hongbao.wechat.xml import Value


class Refused(HongbaoError):
    """A check said no.

    Attributes:
        check: its name in the journal.
        code, text: err_code and err_code_des of the answer.
        note: what the journal says beyond the text.
    """

    def __init__(self, check: str, code: str, text: str, note: str = "") -> None:
        """Keep the parts."""
        super().__init__(f"{check}: {code}")
        self.check = check
        self.code = code
        self.text = text
        self.note = note or text


@dataclass(slots=True)
class Call:
    """One call that can be read. `fields` holds the texts among the document's elements, empty ones left out."""

    state: State
    endpoint: Endpoint
    document: Mapping[str, Value]
    fields: dict[str, str]
    now_ms: int
    merchant: Merchant
    payer: Merchant

    @property
    def fen(self) -> int:
        """total_amount."""
        return int(self.fields["total_amount"])

    @property
    def people(self) -> int:
        """total_num; the enterprise call has none and sends to one."""
        return int(self.fields.get("total_num", "1"))


def refuse(state: State, endpoint: Endpoint, check: str, cause: Cause, note: str = "") -> Refused:
    """Return the refusal for a cause, in the words of the call and the era."""
    code, text = words_for(cause, endpoint.family, state.rules)
    return Refused(check, code, text, note)


def read_call(state: State, endpoint: Endpoint, document: Mapping[str, Value], now_ms: int) -> Call:
    """Check the fields and find the merchant.

    Raises:
        Refused: PARAM_ERROR, or an unknown merchant.
    """
    bad = endpoint.check(document)
    # Only the calls that send have checked that it is a number.
    if bad is None and endpoint.kind is not None and int(str(document["total_amount"])) > state.rules.fen_max:
        bad = BadField("total_amount", AMOUNT_TEXT)
    if bad is not None:
        raise Refused("fields", "PARAM_ERROR", PARAM_PREFIX + bad.text, bad.name)
    fields = {name: value for name, value in document.items() if value and isinstance(value, str)}
    merchant = state.merchants.get(fields["mch_id"])
    if merchant is None:
        raise refuse(state, endpoint, "merchant", Cause.MERCHANT_UNKNOWN)
    return Call(state, endpoint, document, fields, now_ms, merchant, merchant)


def check_sign(call: Call) -> None:
    """Check the sign over the known fields, and workwx_sign where there is one.

    Raises:
        Refused: SIGN_ERROR; the note says what was signed instead.
    """
    endpoint, fields = call.endpoint, call.fields
    rules = call.state.rules
    sign, key = fields["sign"], call.merchant.settings.api_key
    known = endpoint.known
    if sign != sign_of({name: value for name, value in fields.items() if name in known}, key):
        sent = {name: value for name, value in call.document.items() if isinstance(value, str) and name != "sign"}
        if not (rules.lenient_sign and sign == sign_of(sent, key)):
            note = diagnose(sent, known, sign, key, endpoint.api)
            raise refuse(call.state, endpoint, "sign", Cause.SIGN, note)
    if endpoint.kind == "WORK":
        _check_work_sign(call)


def _check_work_sign(call: Call) -> None:
    fields = call.fields
    agent = fields.get("agentid", "")
    secret = call.merchant.settings.work_secrets.get(agent)
    if secret is None:
        raise refuse(call.state, call.endpoint, "sign", Cause.WORK_SIGN, f"no secret is known for agentid {agent!r}")
    covered = {name: value for name, value in fields.items() if name in WORK_FIELDS}
    if fields["workwx_sign"] != sign_of(covered, secret, secret_name="secret"):
        note = "workwx_sign does not fit: MD5 over exactly " + ", ".join(sorted(WORK_FIELDS)) + " and &secret="
        if fields["workwx_sign"] == sign_of(covered, secret):
            note = "workwx_sign fits with &key=: append &secret= and the secret"
        elif fields["workwx_sign"] == sign_of(covered, call.merchant.settings.api_key, secret_name="secret"):
            note = "workwx_sign fits with the API key: use the secret of the enterprise-pay app or of the agent"
        raise refuse(call.state, call.endpoint, "sign", Cause.WORK_SIGN, note)


def check_permission(call: Call, address: str) -> None:
    """Check the portal's switches: calling address, product, API.

    Raises:
        Refused: NO_AUTH, PRODUCT_AUTHORITY_UNOPEN, API_METHOD_CLOSED.
    """
    settings = call.merchant.settings
    cause = None
    if settings.addresses and address not in settings.addresses:
        cause = Cause.ADDRESS
    elif not settings.product_open:
        cause = Cause.PRODUCT_CLOSED
    elif call.endpoint.kind is not None and not settings.api_open:
        cause = Cause.API_CLOSED
    elif call.endpoint.kind == "GROUP" and call.state.rules.group_withdrawn and not settings.group_open:
        cause = Cause.WITHDRAWN
    if cause is not None:
        raise refuse(
            call.state, call.endpoint, "permission", cause, f"from {address}" if cause is Cause.ADDRESS else ""
        )


def check_order_fields(call: Call) -> None:
    """Check who sends for whom, the accounts, the person, and the amount; find out who pays.

    Raises:
        Refused: ACCEPTMODE_ERROR, ILLEGAL_APPID, OPENID_ERROR, MONEY_LIMIT and the like.
    """
    cause = _relation_fault(call) or _appid_fault(call)
    if cause is not None:
        raise refuse(call.state, call.endpoint, "appid", cause)
    if call.payer.settings.frozen:
        raise refuse(call.state, call.endpoint, "appid", Cause.FROZEN)
    cause = _amount_fault(call)
    if cause is not None:
        raise refuse(call.state, call.endpoint, "amount", cause)


def check_query_appid(call: Call) -> None:
    """Check that the appid of a query belongs to the merchant.

    Raises:
        Refused: PARAM_ERROR.
    """
    if call.fields["appid"] not in call.merchant.accounts:
        raise refuse(call.state, call.endpoint, "appid", Cause.APPID_UNBOUND)


def same_order(call: Call, packet: Packet) -> Cause | None:
    """Return how a repeat differs from the order its number was first used for, or None."""
    if packet.kind != "PREORDER" and call.fields.get("re_openid") != packet.openid:
        return Cause.OTHER_OPENID
    if call.fen != packet.fen:
        return Cause.OTHER_AMOUNT
    hb_type = call.fields.get("hb_type")
    if (call.endpoint.kind, call.fields["wxappid"], call.people, hb_type) != (
        packet.kind,
        packet.appid,
        packet.people,
        packet.fields.get("hb_type"),
    ):
        return Cause.OTHER_FIELDS
    return None


def _relation_fault(call: Call) -> Cause | None:
    sub_mch_id = call.fields.get("sub_mch_id")
    if not sub_mch_id:
        # consume_mch_id has no effect without a sub-merchant.
        return None
    merchants = call.state.merchants
    sub_merchant = merchants.get(sub_mch_id)
    if sub_merchant is None or sub_mch_id not in call.merchant.settings.sub_merchants:
        return Cause.SUB_MERCHANT
    call.payer = sub_merchant
    # The forms of 2015 have no msgappid.
    if "msgappid" in call.endpoint.known:
        msgappid = call.fields.get("msgappid", "")
        if msgappid not in call.merchant.accounts and msgappid not in sub_merchant.accounts:
            return Cause.MESSAGE_APPID
    consume_mch_id = call.fields.get("consume_mch_id") if "consume_mch_id" in call.endpoint.known else None
    if consume_mch_id:
        payer = merchants.get(consume_mch_id)
        own = consume_mch_id in {call.merchant.mch_id, sub_mch_id}
        if payer is None or not (own or call.merchant.mch_id in payer.settings.pays_for):
            return Cause.CONSUME
        call.payer = payer
    return None


_KINDS = {"MINI": frozenset({"mini"}), "WORK": frozenset({"corp"})}
_ACCOUNTS = frozenset({"official", "corp"})


def _appid_fault(call: Call) -> Cause | None:
    appid = call.fields["wxappid"]
    kind = call.merchant.accounts.get(appid)
    if kind is None:
        return Cause.APPID_UNBOUND
    if kind not in _KINDS.get(call.endpoint.kind or "", _ACCOUNTS):
        return Cause.APPID_KIND
    openid = call.fields.get("re_openid")
    if openid is None:
        return None
    person = call.state.people.get(openid)
    if person is None:
        if not call.state.rules.welcome_strangers:
            return Cause.OPENID
        person = Person(openid, appid)
        call.state.people[openid] = person
        call.state.touch("person", openid, person)
    return None if person.appid == appid else Cause.OPENID


def _amount_fault(call: Call) -> Cause | None:
    settings, rules = call.merchant.settings, call.state.rules
    fen, people = call.fen, call.people
    scene = call.fields.get("scene_id") if "scene_id" in call.endpoint.known else None
    scene_cap = settings.scenes.get(scene) if scene else None
    if scene and scene_cap is None:
        return Cause.SCENE
    match call.endpoint.kind:
        case "GROUP":
            low = max(100, people * rules.group_share_fen_min)
            high = min(settings.group_fen_max, people * rules.group_share_fen_max)
        case "PREORDER":
            # Below 1 yuan it is taken here, and refused when the ticket is to be drawn.
            low, high = people, settings.group_fen_max
        case _ if scene_cap is not None:
            low, high = settings.scene_fen_min, scene_cap
        case _:
            low, high = settings.packet_fen_min, settings.packet_fen_max
    return None if low <= fen <= high else Cause.AMOUNT
