"""Signed requests made by hand, so that these tests do not lean on the SDK they may one day judge."""

import hashlib
import http.client
import ssl
from pathlib import Path

from hongbao.simulator.simulator import MerchantAccess, Simulator

SEND = "/mmpaymkttransfers/sendredpack"
QUERY = "/mmpaymkttransfers/gethbinfo"
PREORDER = "/mmpaymkttransfers/hbpreorder"
OPENID = "oxTWIuGaIt6gTKsQRLau2M0yL16E"


def signed(merchant: MerchantAccess, fields: dict[str, str]) -> bytes:
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items())) + f"&key={merchant.api_key}"
    sign = hashlib.md5(text.encode()).hexdigest().upper()
    lines = [f"<{name}><![CDATA[{value}]]></{name}>" for name, value in {**fields, "sign": sign}.items()]
    return "\n".join(["<xml>", *lines, "</xml>"]).encode()


def send_body(merchant: MerchantAccess, number: str, **changes: str) -> bytes:
    fields = {
        "nonce_str": "n0nce000000000000000000000000001",
        "mch_billno": number,
        "mch_id": merchant.mch_id,
        "wxappid": merchant.official_appid,
        "send_name": "示例商户",
        "re_openid": OPENID,
        "total_amount": "100",
        "total_num": "1",
        "wishing": "节日快乐",
        "client_ip": "192.0.2.10",
        "act_name": "节日活动",
        "remark": "备注",
    }
    return signed(merchant, fields | changes)


def query_body(merchant: MerchantAccess, number: str) -> bytes:
    return signed(
        merchant,
        {
            "nonce_str": "n0nce000000000000000000000000002",
            "mch_billno": number,
            "mch_id": merchant.mch_id,
            "appid": merchant.official_appid,
            "bill_type": "MCHT",
        },
    )


def preorder_body(merchant: MerchantAccess, number: str) -> bytes:
    return signed(
        merchant,
        {
            "nonce_str": "n0nce000000000000000000000000003",
            "mch_billno": number,
            "mch_id": merchant.mch_id,
            "wxappid": merchant.official_appid,
            "send_name": "示例商户",
            "hb_type": "NORMAL",
            "total_amount": "100",
            "total_num": "1",
            "amt_type": "ALL_RAND",
            "wishing": "快乐",
            "act_name": "节日活动",
            "remark": "备注",
            "auth_mchid": "1000052601",
            "auth_appid": "wxbf42bd79c4391863",
            "risk_cntl": "NORMAL",
        },
    )


def connection(simulator: Simulator, pair: tuple[Path, Path] | None) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=simulator.ca_file)
    if pair is not None:
        context.load_cert_chain(*pair)
    host, _, port = simulator.base_url.removeprefix("https://").rpartition(":")
    return http.client.HTTPSConnection(host, int(port), context=context, timeout=20)


def post(simulator: Simulator, path: str, body: bytes, pair: tuple[Path, Path] | None = None) -> tuple[int, str]:
    """Post on a fresh connection with the ready merchant's pair, or another; return status and text."""
    merchant = simulator.merchant
    caller = connection(simulator, pair or (merchant.certificate, merchant.key))
    try:
        caller.request("POST", path, body)
        reply = caller.getresponse()
        return reply.status, reply.read().decode()
    finally:
        caller.close()


def element(text: str, name: str) -> str:
    """Read one element of a reply, with or without CDATA."""
    value = text.partition(f"<{name}>")[2].partition(f"</{name}>")[0]
    return value.removeprefix("<![CDATA[").removesuffix("]]>")
