"""The control door: JSON over HTTP on a loopback port of its own, through which a rehearsal is steered and watched.

Every verb is a method of `World`; this module only reads JSON, calls it and writes JSON. The list with every field:
docs/reference/simulator.md, "The control door".

A web page in a browser of the same machine must not be able to steer it: a request with a foreign Origin or Host
(a name that DNS was made to point here) is refused, and no CORS header is ever sent.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import cast
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hongbao.errors import BadInput
from hongbao.simulator.certificates import Authority, Flaw, Pair
from hongbao.simulator.options import writable
from hongbao.simulator.views import Json, to_json
from hongbao.simulator.world import World

_LIMIT_MAX = 1000


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadInput(field=name, fault="is not a text", remedy="put it in quotes")
    return value


def _whole(name: str, value: object) -> int:
    # Paths and queries have only texts.
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadInput(field=name, fault="is not a whole number", remedy="write digits only")
    return value


def _natural(name: str, value: object) -> int:
    whole = _whole(name, value)
    if whole < 0:
        raise BadInput(field=name, fault="is below 0", remedy="give 0 or more")
    return whole


def _limit(name: str, value: object) -> int:
    whole = _whole(name, value)
    if not 1 <= whole <= _LIMIT_MAX:
        raise BadInput(field=name, fault=f"is not 1 to {_LIMIT_MAX}", remedy="fetch page by page")
    return whole


def _share(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BadInput(field=name, fault="is not a number", remedy="write a number from 0 to 1")
    return float(value)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadInput(field=name, fault="is not true or false", remedy="write true or false, no quotes")
    return value


def _members(name: str, value: object) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise BadInput(field=name, fault="is not an object", remedy="write it in braces")
    return cast("dict[str, Json]", value)


_Reader = Callable[[str, object], object]


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing the door can do.

    Attributes:
        method, path: how it is asked for; parts in braces are fields.
        call: what it calls with the world and the fields by name.
        needs: fields that must be given, and how each is read.
        takes: fields that may be left out (or null); the called method's own default then counts.
        answer_name: the name under which a list or a number is answered; "": the answer is an object already.
    """

    method: str
    path: str
    call: Callable[..., object]
    needs: dict[str, _Reader]
    takes: dict[str, _Reader]
    answer_name: str = ""


def _state(world: World) -> dict[str, object]:
    return {
        "clock": world.clock_view(),
        "merchants": world.merchants(),
        "faults": world.faults(),
        "rules": world.rules(),
    }


def _reset(world: World, *, seed: int | None = None, merchants: bool = True) -> dict[str, object]:
    world.reset(seed=seed, merchants=merchants)
    return _state(world)


_PAGE: dict[str, _Reader] = {"limit": _limit, "offset": _natural}
_MERCHANT: dict[str, _Reader] = {"mch_id": _text}
_ORDER: dict[str, _Reader] = {"mch_id": _text, "number": _text}

VERBS: tuple[Verb, ...] = (
    Verb("GET", "/state", _state, {}, {}),
    Verb("GET", "/merchants", World.merchants, {}, {}, "merchants"),
    Verb(
        "POST",
        "/merchants",
        World.add_merchant,
        {"mch_id": _text, "api_key": _text},
        {"balance_fen": _natural, "settings": _members},
    ),
    Verb("GET", "/merchants/{mch_id}", World.merchant, _MERCHANT, {}),
    Verb("PATCH", "/merchants/{mch_id}", World.change_merchant, _MERCHANT | {"settings": _members}, {}),
    Verb("POST", "/merchants/{mch_id}/top-up", World.top_up, _MERCHANT | {"fen": _whole}, {}),
    Verb("POST", "/merchants/{mch_id}/accounts", World.bind_account, _MERCHANT | {"appid": _text}, {"kind": _text}),
    Verb("GET", "/people", World.people, {}, _PAGE, "people"),
    Verb("POST", "/people", World.add_person, {"openid": _text, "appid": _text}, {"flagged": _flag}),
    Verb("PATCH", "/people/{openid}", World.change_person, {"openid": _text, "flagged": _flag}, {}),
    Verb("GET", "/packets", World.packets, {}, {"mch_id": _text, "status": _text} | _PAGE, "packets"),
    Verb("GET", "/packets/{mch_id}/{number}", World.packet, _ORDER, {}),
    Verb("POST", "/packets/{mch_id}/{number}/open", World.open_packet, _ORDER, {"openid": _text}),
    Verb("POST", "/packets/{mch_id}/{number}/shares", World.take_share, _ORDER | {"openid": _text}, {}),
    Verb("POST", "/tickets/bind", World.bind_ticket, {"ticket": _text, "openid": _text}, {}),
    Verb(
        "GET",
        "/requests",
        World.requests,
        {},
        {"mch_id": _text, "order": _text, "after": _natural, "limit": _limit},
        "requests",
    ),
    Verb("GET", "/requests/{number}", World.request, {"number": _whole}, {}),
    Verb(
        "GET",
        "/arrivals/{mch_id}/{order}",
        World.arrivals,
        {"mch_id": _text, "order": _text},
        {"path": _text},
        "arrivals",
    ),
    Verb("GET", "/clock", World.clock_view, {}, {}),
    Verb("POST", "/clock/run", World.clock_run, {}, {"speed": _whole}),
    Verb("POST", "/clock/stop", World.clock_stop, {}, {}),
    Verb("POST", "/clock/jump", World.clock_jump, {}, {"by_ms": _whole, "to_ms": _whole}),
    Verb("GET", "/faults", World.faults, {}, {}, "faults"),
    Verb(
        "POST",
        "/faults",
        World.add_fault,
        {"kind": _text},
        {
            "path": _text,
            "mch_id": _text,
            "openid": _text,
            "number": _text,
            "share": _share,
            "count": _natural,
            "after": _natural,
            "wait_ms": _natural,
            "status": _whole,
            "effect": _flag,
            "echo": _flag,
            "code": _text,
            "text": _text,
        },
    ),
    Verb("DELETE", "/faults", World.clear_faults, {}, {}, "faults"),
    Verb("DELETE", "/faults/{fault_id}", World.clear_faults, {"fault_id": _whole}, {}, "faults"),
    Verb("GET", "/rules", World.rules, {}, {}),
    Verb("PATCH", "/rules", World.change_rules, {"changes": _members}, {}),
    Verb("POST", "/reset", _reset, {}, {"seed": _whole, "merchants": _flag}),
    Verb("GET", "/audit", World.audit, {}, {}, "findings"),
)
"""Everything the door can do; `control_app` adds the certificates, for which it needs the authority."""


def certificate_verbs(authority: Authority) -> tuple[Verb, ...]:
    """Return the verbs that make and find the files of a merchant's certificate."""

    def good(_world: World, mch_id: str) -> object:
        return _paths(authority.merchant_pair(mch_id))

    def flawed(world: World, mch_id: str, flaw: Flaw) -> object:
        return _paths(authority.flawed_pair(mch_id, flaw, world.clock_view().now_ms))

    return (
        Verb("POST", "/merchants/{mch_id}/certificates", good, _MERCHANT, {}),
        Verb("POST", "/merchants/{mch_id}/certificates/{flaw}", flawed, _MERCHANT | {"flaw": _text}, {}),
    )


def control_app(world: Callable[[], World], authority: Authority, *, exposed: bool = False) -> ASGIApp:
    """Make the control door of whatever `world` returns at each request.

    Args:
        world: the world to steer.
        authority: makes and finds merchants' certificates.
        exposed: True when it listens on more than loopback on purpose: then any Host is accepted.
    """
    app = Starlette(
        routes=[
            Route(verb.path, _endpoint(verb, world), methods=[verb.method])
            for verb in (*VERBS, *certificate_verbs(authority))
        ],
        exception_handlers={BadInput: _bad_input, HTTPException: _no_such_door, Exception: _broken},
    )
    return _Doorman(app, exposed=exposed)


def _endpoint(verb: Verb, world: Callable[[], World]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        given = dict(request.query_params) | _body(await request.body()) | request.path_params
        answer = verb.call(world(), **_read(verb, given))
        return JSONResponse(to_json({verb.answer_name: answer} if verb.answer_name else answer))

    return endpoint


def _body(body: bytes) -> dict[str, object]:
    if not body:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise BadInput(field="body", fault="is not JSON", remedy="send one JSON object in UTF-8") from None
    if not isinstance(value, dict):
        raise BadInput(field="body", fault="is not a JSON object", remedy="write the fields in braces")
    return cast("dict[str, object]", value)


def _read(verb: Verb, given: dict[str, object]) -> dict[str, object]:
    """Read all fields before anything is done: a slip of the pen must not leave half a change behind."""
    known = verb.needs | verb.takes
    for name, value in given.items():
        writable("body", name)
        for text in _texts(value):
            writable(name, text)
    for name in given:
        if name not in known:
            raise BadInput(
                field=name,
                fault="is not known here",
                remedy=f"this verb knows {', '.join(known) or 'no fields'}",
            )
    for name in verb.needs:
        if given.get(name) is None:
            raise BadInput(field=name, fault="is missing", remedy="give it")
    return {name: known[name](name, value) for name, value in given.items() if value is not None}


def _texts(value: object) -> Iterator[str]:
    """Yield every text of a JSON value, names included; without recursion, however deep it is nested."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            waiting += cast("list[object]", one)
        elif isinstance(one, dict):
            members = cast("dict[str, object]", one)
            waiting += [*members, *members.values()]


def _paths(pair: Pair) -> dict[str, str]:
    return {"certificate": str(pair.certificate), "key": str(pair.key), "p12": str(pair.p12)}


def _refusal(status: int, field: str, fault: str, remedy: str) -> JSONResponse:
    return JSONResponse({"error": {"field": field, "fault": fault, "remedy": remedy}}, status_code=status)


async def _bad_input(_request: Request, error: Exception) -> Response:
    bad = cast(BadInput, error)
    return _refusal(400, bad.field, bad.fault, bad.remedy)


async def _no_such_door(request: Request, error: Exception) -> Response:
    status = cast(HTTPException, error).status_code
    return _refusal(
        status, "path", f"{request.method} {request.url.path} is not a verb", "see docs/reference/simulator.md"
    )


async def _broken(_request: Request, _error: Exception) -> Response:
    # Starlette raises the error again afterwards, so that the server logs it with its trace.
    return _refusal(500, "simulator", "broke over this", "report it, with the trace that was logged")


class _Doorman:
    """Lets in callers who named this machine, and no page of another site."""

    def __init__(self, app: ASGIApp, *, exposed: bool) -> None:
        self._app = app
        self._exposed = exposed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        origin = headers.get("origin")
        if not self._exposed and not _names_this_machine(host):
            refusal = _refusal(403, "Host", "is another machine's name", "use 127.0.0.1 or localhost")
        elif origin is not None and not _same_site(origin, host):
            refusal = _refusal(403, "Origin", "is another site", "steer the simulator from a program")
        else:
            await self._app(scope, receive, send)
            return
        await refusal(scope, receive, send)


def _same_site(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def _names_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        # A page can make its own name resolve to 127.0.0.1, but it cannot have an address for a name.
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
