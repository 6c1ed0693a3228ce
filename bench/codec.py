"""What one call costs without the wire: build, sign, encode, parse and check a sendredpack, ours against wechatpy's.

    python bench/codec.py [--rounds 9] [--calls 4000]

Both make the same call from the same values and read the same reply. Ours is the conversation that the clients drive,
driven by hand; wechatpy is its own `redpack.send` with the HTTP session replaced by one that answers at once. Ours also
checks every value before and the echo after, wechatpy neither. Prints CPU microseconds per call as the median of rounds
that take turns, and as its last line the same as JSON.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from wechatpy.pay import WeChatPay

from hongbao.clock import SystemDice
from hongbao.simulator.simulator import API_KEY, MCH_ID, OFFICIAL_APPID
from hongbao.wechat import HOSTS, ClientCertificate, Credentials, LimitSet, SentRedPack
from hongbao.wechat.flow import Answer, Post, converse
from hongbao.wechat.xml import read
from one_call import REPLY, our_request, their_arguments


def any_certificate() -> ClientCertificate:
    """A certificate that never meets a server: credentials are not without one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, MCH_ID)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    return ClientCertificate(builder.sign(key, hashes.SHA256()), key)


class Ours:
    """The SDK without a transport."""

    def __init__(self) -> None:
        self.credentials = Credentials(mch_id=MCH_ID, api_key=API_KEY, certificate=any_certificate())
        self.limits = LimitSet()
        self.dice = SystemDice()
        self.posted: Post | None = None

    def call(self) -> SentRedPack:
        conversation = converse(our_request(), self.credentials, self.limits, HOSTS, self.dice)
        self.posted = next(conversation)
        try:
            conversation.send(Answer(200, REPLY))
        except StopIteration as end:
            return end.value
        raise AssertionError("the conversation wants to post again")


class _Reply:
    """As much of a `requests.Response` as wechatpy looks at. Its text is decoded at each look, as there."""

    encoding = "utf-8"

    @property
    def text(self) -> str:
        return str(REPLY, self.encoding, errors="replace")

    def raise_for_status(self) -> None:
        """Do nothing: the status is 200."""


class _Session:
    """Takes the place of the `requests.Session`; keeps what was to be sent and answers."""

    def __init__(self) -> None:
        self.posted: bytes = b""

    def request(self, *, data: bytes, **_: object) -> _Reply:
        self.posted = data
        return _Reply()


class Theirs:
    """wechatpy without a wire."""

    def __init__(self) -> None:
        self.client: Any = WeChatPay(appid=OFFICIAL_APPID, api_key=API_KEY, mch_id=MCH_ID)
        self.session = self.client._http = _Session()  # noqa: SLF001

    def call(self) -> dict[str, str]:
        return self.client.redpack.send(**their_arguments())


def check_same(ours: Ours, theirs: Theirs) -> None:
    """Stop unless both make the same call out of the same values, and read the same out of the reply."""
    our_reply, their_reply = ours.call(), theirs.call()
    assert ours.posted is not None
    our_fields, their_fields = read(ours.posted.body), read(theirs.session.posted)
    for chance in ("nonce_str", "sign"):
        del our_fields[chance], their_fields[chance]
    assert our_fields == their_fields, (our_fields, their_fields)
    assert our_reply.fields == dict(their_reply), (our_reply.fields, their_reply)


def cpu_us(call: Callable[[], object], calls: int) -> float:
    start = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - start) / calls * 1e6


def measure(rounds: int, calls: int) -> dict[str, object]:
    ours, theirs = Ours(), Theirs()
    check_same(ours, theirs)
    our_us: list[float] = []
    their_us: list[float] = []
    for warming in (True, *[False] * rounds):
        pair = cpu_us(ours.call, calls), cpu_us(theirs.call, calls)
        if not warming:
            our_us.append(pair[0])
            their_us.append(pair[1])
    our_median, their_median = statistics.median(our_us), statistics.median(their_us)
    return {
        "hongbao_us": round(our_median, 1),
        "wechatpy_us": round(their_median, 1),
        "ratio": round(our_median / their_median, 3),
        "rounds": rounds,
        "calls": calls,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=4000)
    arguments = parser.parse_args()
    found = measure(arguments.rounds, arguments.calls)
    print("build + sign + encode + parse + check of one sendredpack, CPU us per call, no wire")
    print(f"{'hongbao':<12}{found['hongbao_us']:>8}\n{'wechatpy':<12}{found['wechatpy_us']:>8}")
    print(f"{'ratio':<12}{found['ratio']:>8}")
    versions = {"python": platform.python_version(), "wechatpy": version("wechatpy")}
    print(json.dumps({"codec": found, "versions": versions}))


if __name__ == "__main__":
    main()
