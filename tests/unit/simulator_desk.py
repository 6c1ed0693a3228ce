"""A merchant in front of a simulated WeChat Pay, without a wire: builds and signs requests by its own few lines."""

import hashlib
from collections.abc import Mapping

from hongbao.simulator.clock import SimulatorClock
from hongbao.simulator.face import Arrival, Certificate, Departure, Face
from hongbao.simulator.keep import Keep
from hongbao.simulator.rules import Era
from hongbao.simulator.views import Json, PacketView
from hongbao.simulator.world import World
from hongbao.wechat import xml

KEY = "192006250b4c09247ec02edce69f6a2d"
MCH_ID = "1900000001"
APPID = "wx0000000000000001"
MINI_APPID = "wx0000000000000002"
APP_APPID = "wx0000000000000003"
CORP_ID = "ww0000000000000001"
OPENID = "o000000000000000000000000001"
FRIENDS = tuple(f"o0000000000000000000000001{number:02d}" for number in range(30))
NUMBER = "1900000001202501010000000001"
NOON_MS = 1_735_704_000_000
"""2025-01-01 12:00:00 Beijing time."""
SECOND = 1000
HOUR = 3_600_000
DAY = 24 * HOUR
OWN = Certificate(7, MCH_ID, issuer_ok=True, expired=False, self_signed=False, fingerprint="ab")

_WORDING = {"wishing": "节日快乐", "act_name": "节日活动", "remark": "备注"}
FORMS: dict[str, dict[str, str]] = {
    "sendredpack": {
        "wxappid": APPID, "send_name": "示例商户", "re_openid": OPENID, "total_amount": "100", "total_num": "1",
        "client_ip": "192.0.2.10", **_WORDING,
    },
    "sendgroupredpack": {
        "wxappid": APPID, "send_name": "示例商户", "re_openid": OPENID, "total_amount": "600", "total_num": "3",
        "amt_type": "ALL_RAND", **_WORDING,
    },
    "hbpreorder": {
        "wxappid": APPID, "send_name": "示例商户", "hb_type": "NORMAL", "total_amount": "100", "total_num": "1",
        "amt_type": "ALL_RAND", **_WORDING, "auth_mchid": "1000052601", "auth_appid": "wxbf42bd79c4391863",
        "risk_cntl": "NORMAL",
    },
    "sendminiprogramhb": {
        "wxappid": MINI_APPID, "send_name": "示例商户", "re_openid": "o_mini", "total_amount": "100", "total_num": "1",
        "notify_way": "MINI_PROGRAM_JSAPI", **_WORDING,
    },
    "sendworkwxredpack": {
        "wxappid": CORP_ID, "sender_name": "示例商户", "re_openid": "o_work", "total_amount": "100", **_WORDING,
    },
    "gethbinfo": {"appid": APPID, "bill_type": "MCHT"},
    "queryworkwxredpack": {"appid": CORP_ID},
}  # fmt: skip
SENDS = ("sendredpack", "sendgroupredpack", "hbpreorder", "sendminiprogramhb", "sendworkwxredpack")
OLD = {"nick_name": "商户", "min_value": "100", "max_value": "100"}
"""What sendredpack demanded in 2015."""


def md5_sign(fields: Mapping[str, str], key: str = KEY, word: str = "key") -> str:
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value and name != "sign")
    return hashlib.md5(f"{text}&{word}={key}".encode()).hexdigest().upper()


def body_of(fields: Mapping[str, str]) -> bytes:
    return ("<xml>" + "".join(f"<{name}><![CDATA[{fields[name]}]]></{name}>" for name in fields) + "</xml>").encode()


class Answer:
    """A reply taken apart."""

    def __init__(self, departure: Departure) -> None:
        self.departure = departure
        is_xml = departure.content_type.startswith("text/xml")
        self.fields = xml.read(departure.body) if is_xml else {}

    def __getitem__(self, name: str) -> xml.Value:
        return self.fields[name]

    @property
    def code(self) -> str:
        """err_code; SUCCESS of eras without one on success."""
        return str(self.fields.get("err_code") or self.fields["result_code"])

    @property
    def words(self) -> tuple[str, str]:
        return self.code, str(self.fields.get("err_code_des"))


class Desk:
    """A world at noon of 2025-01-01 in Beijing, its clock stopped, with one merchant and 100,000 yuan."""

    def __init__(
        self,
        era: Era | None = "2025",
        *,
        balance_fen: int = 10_000_000,
        rules: Mapping[str, Json] | None = None,
        settings: Mapping[str, Json] | None = None,
        keep: Keep | None = None,
        seed: int | None = None,
        start_ms: int = NOON_MS,
    ) -> None:
        self.world = World(
            era=era, clock=SimulatorClock(start_ms=start_ms, running=False), keep=keep, rules=rules, seed=seed
        )
        self.face = Face(self.world)
        if any(merchant.mch_id == MCH_ID for merchant in self.world.merchants()):
            return
        self.world.add_merchant(
            MCH_ID,
            api_key=KEY,
            balance_fen=balance_fen,
            settings={"work_secrets": {"": "app-secret"}, **(settings or {})},
        )
        for appid, kind in ((APPID, "official"), (MINI_APPID, "mini"), (APP_APPID, "app"), (CORP_ID, "corp")):
            self.world.bind_account(MCH_ID, appid, kind=kind)

    def fields(self, api: str, **changes: str | None) -> dict[str, str]:
        """Build the fields of a request; None leaves one out. Signed as the call demands unless `sign` is given."""
        fields = {"nonce_str": "n0nce000000000000000000000000001", "mch_billno": NUMBER, "mch_id": MCH_ID, **FORMS[api]}
        if api == "sendredpack" and self.world.state.rules.era == "2015":
            fields |= OLD
        for name, value in changes.items():
            if value is None:
                fields.pop(name, None)
            else:
                fields[name] = value
        if api == "sendworkwxredpack" and "workwx_sign" not in changes:
            names = ["act_name", "mch_billno", "mch_id", "nonce_str", "re_openid", "total_amount", "wxappid"]
            covered = {name: fields[name] for name in names if name in fields}
            fields["workwx_sign"] = md5_sign(covered, "app-secret", "secret")
        if "sign" not in changes:
            fields["sign"] = md5_sign(fields)
        return fields

    def call(self, api: str, **changes: str | None) -> Answer:
        """Send one request and take the reply apart."""
        return self.post(api, body_of(self.fields(api, **changes)))

    def post(
        self,
        api: str,
        body: bytes,
        *,
        certificate: Certificate | None = OWN,
        address: str = "192.0.2.10",
        method: str = "POST",
    ) -> Answer:
        path = api if api.startswith("/") else f"/mmpaymkttransfers/{api}"
        return Answer(self.face.answer(Arrival(method, path, {}, body, address, certificate)))

    def send(self, number: str = NUMBER, **changes: str | None) -> Answer:
        """Send an ordinary packet."""
        return self.call("sendredpack", mch_billno=number, **changes)

    def query(self, number: str = NUMBER, **changes: str | None) -> Answer:
        """Ask for a packet."""
        return self.call("gethbinfo", mch_billno=number, **changes)

    def pass_ms(self, span_ms: int) -> None:
        self.world.clock_jump(by_ms=span_ms)

    def packet(self, number: str = NUMBER) -> PacketView:
        return self.world.packet(MCH_ID, number)

    @property
    def balance_fen(self) -> int:
        return self.world.merchant(MCH_ID).balance_fen

    def note(self) -> tuple[str, str, str]:
        """Return check, verdict and note that decided the last request."""
        last = self.world.requests(limit=100_000)[-1]
        stopped = [verdict for verdict in last.verdicts if verdict.verdict in {"passed", "refused"}][-1]
        return stopped.check, stopped.verdict, stopped.note
