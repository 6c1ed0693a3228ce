"""One call as a conversation, without I/O: it yields what to post and is sent what came back.

The sync and the async client drive the same text, and a test drives it with `next` and `send`. It never sleeps, never
makes up an order number, and posts again only when nothing of the request had left: the identical bytes to the second
host.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hongbao.clock import Dice
from hongbao.errors import BadInput
from hongbao.merchant import LimitSet
from hongbao.wechat import codes, xml
from hongbao.wechat.codes import CodeRow
from hongbao.wechat.credentials import Credentials
from hongbao.wechat.endpoints import ENDPOINTS, Endpoint
from hongbao.wechat.errors import BY_TURN, CallError, NothingSent, OutcomeUnknown, masked_body
from hongbao.wechat.fields import Wire
from hongbao.wechat.redpack import Request
from hongbao.wechat.replies import Unreadable
from hongbao.wechat.signing import SignType, sign, workwx_sign

R = TypeVar("R")

_PART = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.~-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Post:
    """What to send: an XML body to a URL, with the merchant's certificate. No redirect may be followed."""

    url: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status and the whole body."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """Nothing whole came back.

    Attributes:
        sent: False only if certainly no byte of the request left this machine.
        what: what happened, for people.
    """

    sent: bool
    what: str


Conversation = Generator[Post, Answer | Failure, R]


def signed_fields(
    request: Request[Any], credentials: Credentials, limits: LimitSet, nonce: str
) -> list[tuple[str, Wire]]:
    """Return all fields of a request as they are sent, sign excepted; workwx_sign included where it belongs.

    Raises:
        BadInput: a value must not be sent.
    """
    fields = request.wire(limits)
    fields.append(("mch_id", credentials.mch_id))
    fields.append(("nonce_str", nonce))
    if request.endpoint == "sendworkwxredpack":
        agent = next((value for name, value in fields if name == "agentid"), None)
        secret = credentials.workwx_secret(None if agent is None else int(agent))
        fields.append(("workwx_sign", workwx_sign(fields, secret.reveal())))
    return fields


def converse(
    request: Request[R], credentials: Credentials, limits: LimitSet, hosts: Sequence[str], dice: Dice
) -> Conversation[R]:
    """Make one red packet call.

    Returns:
        The typed reply of a success.

    Raises:
        BadInput: before anything is yielded, if a value must not be sent.
        CallError: the call did not end well; see :mod:`hongbao.wechat.errors`.
    """
    endpoint = ENDPOINTS[request.endpoint]
    fields = signed_fields(request, credentials, limits, dice.token(32))
    key = credentials.api_key.reveal()
    body = xml.write([*fields, ("sign", sign(fields, key))])
    asked = dict(fields)
    number = str(asked["mch_billno"])
    answer = yield from _post(endpoint.path, body, hosts, endpoint.name, number)
    return _judge(endpoint, asked, answer, key)


def converse_freely(
    path: str,
    fields: Mapping[str, Wire],
    credentials: Credentials,
    hosts: Sequence[str],
    dice: Dice,
    sign_type: SignType,
) -> Conversation[xml.Document]:
    """Make a call to any other v2 path: add nonce_str if it is missing, sign, post, read the reply.

    A reply that says FAIL is returned like any other: only the caller knows what it means.

    Raises:
        BadInput: before anything is yielded: the path or a field cannot be sent.
        NothingSent: no host could be reached.
        OutcomeUnknown: no readable reply came back, or its sign does not fit.
    """
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["v2"]:
        del parts[0]
    if not parts or not all(_PART.fullmatch(part) for part in parts):
        raise BadInput(field="path", fault=f"{path!r} names no endpoint", remedy="give one, such as v2/pay/orderquery")
    # An enum that is also a str is written as its value and formatted as its name: the sign would not fit the body.
    filled: dict[str, Wire] = {
        name: str.__str__(value) if isinstance(value, str) else value
        for name, value in fields.items()
        if name != "sign"
    }
    filled.setdefault("nonce_str", dice.token(32))
    key = credentials.api_key.reveal()
    body = xml.write([*filled.items(), ("sign", sign(filled.items(), key, sign_type))])
    number = filled.get("mch_billno")
    name = "/".join(parts)
    answer = yield from _post(f"/{name}", body, hosts, name, None if number is None else str(number))
    return _document(name, None if number is None else str(number), answer, key, sign_type)


def _post(
    path: str, body: bytes, hosts: Sequence[str], endpoint: str, number: str | None
) -> Generator[Post, Answer | Failure, Answer]:
    """Post to the hosts in turn until one may have been reached."""
    failures: list[str] = []
    for host in hosts:
        result = yield Post(host.rstrip("/") + path, body)
        if isinstance(result, Answer):
            return result
        failures.append(result.what)
        if result.sent:
            # The request may have arrived. Whoever posts it again, here or elsewhere, must know that: not we.
            raise OutcomeUnknown(result.what, endpoint=endpoint, order_number=number)
    raise NothingSent("; ".join(failures), endpoint=endpoint, order_number=number, sent=False)


def _document(endpoint: str, number: str | None, answer: Answer, key: str, sign_type: SignType) -> xml.Document:
    """Read an answer into its fields, or find that it says nothing."""

    def unknown(what: str) -> OutcomeUnknown:
        return OutcomeUnknown(what, endpoint=endpoint, order_number=number, raw=masked_body(answer.body))

    if answer.status != 200:
        raise unknown(f"the answer has HTTP status {answer.status}")
    try:
        document = xml.read(answer.body)
    except xml.XmlRefused as refused:
        raise unknown(f"the answer cannot be read: {refused}") from None
    signature = document.get("sign")
    # No call that answers with nested fields signs its answer, and how it would is not documented: then the echo
    # alone must do (docs/reference/signing.md, "Replies").
    if signature and all(isinstance(value, str) for value in document.values()):
        flat = [(name, value) for name, value in document.items() if isinstance(value, str)]
        if sign(flat, key, sign_type) != signature:
            raise unknown("the sign of the answer does not fit")
    return document


def _judge(endpoint: Endpoint, asked: Mapping[str, Wire], answer: Answer, key: str) -> Any:  # noqa: ANN401  Endpoint.read knows
    """Tell success from failure, in the order return_code, result_code, err_code; doubt is "unknown"."""
    number = str(asked["mch_billno"])
    document = _document(endpoint.name, number, answer, key, "MD5")
    returned, result = _told(document, "return_code"), _told(document, "result_code")
    code, return_msg = _told(document, "err_code"), _told(document, "return_msg")
    text = _told(document, "err_code_des") or return_msg

    def ended(what: str, error: type[CallError] = OutcomeUnknown, row: CodeRow | None = None) -> CallError:
        return error(
            what,
            endpoint=endpoint.name,
            order_number=number,
            code=row.code if row else code or None,
            text=text,
            return_msg=return_msg,
            raw=masked_body(answer.body),
            row=row,
        )

    for name in endpoint.echoes:
        if (echoed := document.get(name)) and echoed != str(asked[name]):
            raise ended(f"the answer belongs to another request: its {name} is not ours")
    if returned == "SUCCESS" and result == "SUCCESS":
        if code not in {"", "0", "SUCCESS"}:
            raise ended(f"the answer says SUCCESS and err_code {code[:32]}")
        if missing := [name for name in endpoint.echoes if not document.get(name)]:
            raise ended(f"the answer says SUCCESS and lacks {', '.join(missing)}")
        try:
            return endpoint.read(document)
        except Unreadable as unreadable:
            raise ended(f"the answer says SUCCESS and {unreadable}") from None
    # In 2015 failures said FAIL twice, since 2016 return_code is SUCCESS and only result_code FAIL.
    if "FAIL" not in {returned, result} or result == "SUCCESS" or not code:
        raise ended(f"the answer says return_code {returned!r}, result_code {result!r} {text[:128]}")
    row = codes.find(code, endpoint.name)
    if row is None:
        raise ended(f"err_code {code[:32]} ({text[:128]}) is not documented here")
    raise ended(f"{row.code} {text[:128]}", BY_TURN[row.turn], row)


def _told(document: xml.Document, name: str) -> str:
    value = document.get(name, "")
    return value if isinstance(value, str) else ""
