"""Signing as the simulator checks it, and what it says about a sign that does not fit."""

import hashlib
import hmac
from urllib.parse import quote

import pytest
from tests.unit.simulator_desk import KEY, MCH_ID, NUMBER, SENDS, Answer, Desk, body_of, md5_sign

from hongbao.simulator.fields import endpoints_under
from hongbao.simulator.rules import ERAS
from hongbao.simulator.signing import WORK_FIELDS, diagnose, sign_of

V2 = {
    "wxappid": "wx2421b1c4370ec43b",
    "mch_id": "10000100",
    "mch_billno": "0010010404201411170000046545",
    "send_name": "send_name",
    "re_openid": "onqOjjmM1tad-3ROpncN-yUfa6uI",
    "total_amount": "200",
    "total_num": "1",
    "wishing": "恭喜发财",
    "client_ip": "127.0.0.1",
    "act_name": "新年红包",
    "remark": "新年红包",
    "scene_id": "PRODUCT_2",
    "risk_info": "posttime%3d123123412%26clientversion%3d234134%26mobile%3d122344545%26deviceid%3dIOS",
    "nonce_str": "50780e0cca98c8c8e814883e5caa672e",
}
V3 = {
    "appid": "wx2421b1c4370ec43b",
    "mch_id": "10000100",
    "mch_billno": "9010080799701411170000046603",
    "bill_type": "MCHT",
    "nonce_str": "50780e0cca98c8c8e814883e5caa672e",
}
V7 = {
    "act_name": "XXX",
    "mch_billno": "11111234567890",
    "mch_id": "10000098",
    "nonce_str": "qFKEgfig76DF9912fewmkp",
    "re_openid": "oxTWIuGaIt6gTKsQRLau2M0yL16E",
    "total_amount": "100",
    "wxappid": "wx123456789",
}


@pytest.mark.parametrize(
    ("fields", "key", "sign"),
    [
        (
            {
                "appid": "wxd930ea5d5a258f4f",
                "body": "test",
                "device_info": "1000",
                "mch_id": "10000100",
                "nonce_str": "ibuaiVcKdpRxkhJA",
            },
            KEY,
            "9A0A8659F005D6984697E2CA0A9CF3B7",
        ),
        ({**V2, "sign_type": "MD5"}, KEY, "C9BB9D2CBE57D6E3A28BD220AFA2248D"),
        (V2, KEY, "CAE645705D54BA78424107C6048E45B8"),
        ({**V3, "sign_type": "MD5"}, KEY, "231F70D63D64EB36C1BE83E7E598B280"),
        (V3, KEY, "B52930D6136EA0B5A40F5692EA47DE08"),
        ({"test1": "test1", "test2": "test2", "test3": ""}, KEY, "1E3A8D73B5A4AEE787C0F68B5DAB8520"),
        (
            {"mch_id": "2323532", "d": "34", "c": "12", "appid": "f323"},
            "HelloPowerWeChat",
            "D18B5A9F4D01EB18CDEFFA39C78EB0F5",
        ),
        ({}, "exposed_your_key_here_have_risks", "B3D43C8390F26E2030D4D17BD580FBC8"),
        (
            {**V7, "workwx_sign": "8B8D04AFC9FD08094CC5A0C2FA8BB60C"},
            KEY,
            "69A510977F262B80D706F04990595EE8",
        ),
    ],
    ids=["V1", "V2 with sign_type", "V2", "V3 with sign_type", "V3", "V4", "V5", "V6", "V7"],
)
def test_published_vectors(fields: dict[str, str], key: str, sign: str) -> None:
    assert sign_of(fields, key) == sign


def test_the_published_vector_of_workwx_sign() -> None:
    assert frozenset(V7) == WORK_FIELDS
    assert sign_of(V7, KEY, secret_name="secret") == "8B8D04AFC9FD08094CC5A0C2FA8BB60C"


def test_the_vector_of_an_empty_message_with_another_word_for_the_key() -> None:
    sign = sign_of({}, "exposed_your_key_here_have_risks", secret_name="secret")
    assert sign == "7831C3FF1BDE78FD0AC1107E00AC92E6"


# What each call signs, written down a second time.
KNOWN = {
    "sendredpack": "nonce_str mch_billno mch_id sub_mch_id wxappid msgappid send_name re_openid total_amount total_num "
    "wishing client_ip act_name remark scene_id risk_info consume_mch_id",
    "sendgroupredpack": "nonce_str mch_billno mch_id sub_mch_id wxappid msgappid send_name re_openid total_amount "
    "total_num amt_type wishing act_name remark scene_id risk_info consume_mch_id",
    "gethbinfo": "nonce_str mch_billno mch_id appid bill_type",
    "hbpreorder": "nonce_str mch_billno mch_id wxappid send_name hb_type total_amount total_num amt_type wishing "
    "act_name remark auth_mchid auth_appid risk_cntl",
    "sendminiprogramhb": "nonce_str mch_billno mch_id sub_mch_id wxappid msgappid send_name re_openid total_amount "
    "total_num wishing client_ip act_name remark notify_way scene_id consume_mch_id",
    "sendworkwxredpack": "nonce_str mch_billno mch_id wxappid sender_name agentid sender_header_media_id re_openid "
    "total_amount wishing act_name remark scene_id workwx_sign",
    "queryworkwxredpack": "nonce_str mch_billno mch_id appid",
}


@pytest.mark.parametrize("era", ["2016", "2017", "2025"])
def test_what_each_call_signs(era: str) -> None:
    endpoints = endpoints_under(ERAS[era])
    assert {path.rpartition("/")[2]: endpoint.known for path, endpoint in endpoints.items()} == {
        api: frozenset(names.split()) for api, names in KNOWN.items()
    }


def test_2015_signs_its_own_fields_instead_of_later_ones() -> None:
    known = endpoints_under(ERAS["2015"])["/mmpaymkttransfers/sendredpack"].known
    assert known ^ frozenset(KNOWN["sendredpack"].split()) == frozenset(
        [
            "msgappid",
            "scene_id",
            "risk_info",
            "consume_mch_id",
            "nick_name",
            "min_value",
            "max_value",
            "act_id",
            "logo_imgurl",
            "share_content",
            "share_url",
            "share_imgurl",
        ]
    )


@pytest.mark.parametrize("api", [*SENDS, "gethbinfo", "queryworkwxredpack"])
def test_every_call_is_accepted_when_signed_over_its_fields(api: str) -> None:
    assert Desk("2017").call(api).code in {"SUCCESS", "NOT_FOUND"}


@pytest.mark.parametrize("api", [*SENDS, "gethbinfo", "queryworkwxredpack"])
def test_an_unknown_field_is_harmless_unless_it_is_signed(api: str) -> None:
    """sign_type is known to none of the calls."""
    desk = Desk("2017")
    plain = desk.fields(api)
    assert desk.post(api, body_of({**plain, "sign_type": "MD5"})).code in {"SUCCESS", "NOT_FOUND"}
    assert desk.call(api, sign_type="MD5").code == "SIGN_ERROR"
    assert desk.note() == (
        "sign",
        "refused",
        f"the sign fits when sign_type is included: not known to {api}, do not sign it",
    )


def test_client_ip_of_a_group_breaks_the_sign_until_a_rule_makes_it_known() -> None:
    desk = Desk("2017")
    assert desk.call("sendgroupredpack", client_ip="192.0.2.1").code == "SIGN_ERROR"
    desk.world.change_rules({"extra_known_fields": {"sendgroupredpack": ["client_ip"]}})
    assert desk.call("sendgroupredpack", client_ip="192.0.2.1").code == "SUCCESS"


def test_lenient_signing_takes_a_sign_over_everything_sent_too() -> None:
    desk = Desk(rules={"lenient_sign": True})
    assert desk.send("n1", sign_type="MD5").code == "SUCCESS"
    assert desk.send("n2").code == "SUCCESS"
    assert desk.send("n3", sign="0" * 32).code == "SIGN_ERROR"


def test_an_agents_secret_signs_when_the_agent_sends() -> None:
    desk = Desk(settings={"work_secrets": {"": "app-secret", "7": "agent-secret"}})
    assert work(desk, "agent-secret", agentid="7", sender_name=None).code == "SUCCESS"
    assert work(desk, "app-secret", agentid="7", sender_name=None, mch_billno="n2").code == "SIGN_ERROR"
    assert work(desk, "agent-secret", agentid="8", sender_name=None, mch_billno="n3").code == "SIGN_ERROR"
    assert desk.note()[2] == "no secret is known for agentid '8'"


@pytest.mark.parametrize(
    ("secret", "word", "note"),
    [
        ("app-secret", "key", "workwx_sign fits with &key=: append &secret= and the secret"),
        (KEY, "secret", "workwx_sign fits with the API key: use the secret of the enterprise-pay app or of the agent"),
    ],
)
def test_a_wrong_workwx_sign_is_explained(secret: str, word: str, note: str) -> None:
    desk = Desk()
    assert work(desk, secret, word).words == ("SIGN_ERROR", "签名错误；企业微信签名失败")
    assert desk.note() == ("sign", "refused", note)


def work(desk: Desk, secret: str, word: str = "secret", **changes: str | None) -> Answer:
    fields = desk.fields("sendworkwxredpack", workwx_sign=None, **changes)
    fields["workwx_sign"] = md5_sign({name: fields[name] for name in WORK_FIELDS}, secret, word)
    return desk.post("sendworkwxredpack", body_of({**fields, "sign": md5_sign(fields)}))


def raw_sign(fields: dict[str, str], tail: str = f"&key={KEY}", encoding: str = "utf-8") -> str:
    text = "&".join(f"{name}={value}" for name, value in fields.items())
    return hashlib.md5((text + tail).encode(encoding)).hexdigest().upper()


FIELDS = {name: V2[name] for name in sorted(V2)}
PADDED = {**FIELDS, "remark": " 新年红包 "}
ESCAPED = {**FIELDS, "remark": "红包 & 糖"}


@pytest.mark.parametrize(
    ("sent", "sign", "note"),
    [
        ({**FIELDS, "a": "1", "b": "2"}, md5_sign({**FIELDS, "b": "2"}), "the sign fits when b is included: not known"),
        (
            {**FIELDS, "a": "1", "b": "2"},
            md5_sign({**FIELDS, "a": "1", "b": "2"}),
            "the sign fits when a, b is included",
        ),
        (FIELDS, md5_sign({**FIELDS, "scene_id": ""}), "the sign fits without scene_id: known to sendredpack, sign it"),
        (FIELDS, md5_sign({**FIELDS, "scene_id": "", "risk_info": ""}), "the sign fits without risk_info, scene_id:"),
        (
            {**FIELDS, "sign_type": "MD5"},
            md5_sign({**FIELDS, "sign_type": "MD5", "scene_id": ""}),
            "the sign fits without scene_id and with sign_type: sign the first, do not sign the second",
        ),
        (FIELDS, md5_sign(FIELDS).lower(), "the sign fits in upper case"),
        (FIELDS, md5_sign(FIELDS, KEY.upper()), "the sign fits with the key in upper case"),
        (FIELDS, md5_sign(FIELDS, KEY + "\n"), "the sign fits with a line break after the key"),
        (FIELDS, md5_sign(FIELDS, KEY + " "), "the sign fits with a blank after the key"),
        (FIELDS, md5_sign(FIELDS, " " + KEY), "the sign fits with a blank before the key"),
        (PADDED, md5_sign(FIELDS), "the sign fits with values stripped of blanks"),
        (
            FIELDS,
            raw_sign({name: quote(value, safe="") for name, value in FIELDS.items()}),
            "the sign fits with percent-encoded values",
        ),
        (
            FIELDS,
            md5_sign({**FIELDS, "risk_info": "posttime=123123412&clientversion=234134&mobile=122344545&deviceid=IOS"}),
            "the sign fits with percent-decoded values",
        ),
        (ESCAPED, md5_sign({**ESCAPED, "remark": "红包 &amp; 糖"}), "the sign fits with XML-escaped values"),
        (FIELDS, md5_sign(FIELDS, KEY, "secret"), "the sign fits with &secret="),
        (FIELDS, raw_sign(FIELDS, f"&{KEY}"), "the sign fits without the name of the key"),
        (FIELDS, raw_sign(FIELDS, KEY), "the sign fits with the bare key appended"),
        (FIELDS, raw_sign(FIELDS, ""), "the sign fits without a key"),
        ({**FIELDS, "scene_id": ""}, raw_sign({**FIELDS, "scene_id": ""}), "the sign fits with empty fields"),
        (
            dict(reversed(FIELDS.items())),
            raw_sign(dict(reversed(FIELDS.items()))),
            "the sign fits in the order of sending",
        ),
        (FIELDS, raw_sign(FIELDS, encoding="gbk"), "the sign fits over GBK bytes"),
        (
            FIELDS,
            hmac.new(KEY.encode(), ("&".join(f"{n}={v}" for n, v in FIELDS.items()) + f"&key={KEY}").encode(), "sha256")
            .hexdigest()
            .upper()[:32],
            "the sign is the start of an HMAC-SHA256",
        ),
        (FIELDS, md5_sign(FIELDS, "another key"), "no variant fits"),
    ],
)
def test_a_broken_sign_is_explained(sent: dict[str, str], sign: str, note: str) -> None:
    known = frozenset(KNOWN["sendredpack"].split())
    said = diagnose(sent, known, sign, KEY, "sendredpack")
    assert said.startswith(note)
    assert KEY not in said


def test_many_unknown_fields_do_not_stall_the_diagnosis() -> None:
    extra = {f"x{number}": "1" for number in range(300)}
    known = frozenset(KNOWN["sendredpack"].split())
    said = diagnose({**FIELDS, **extra}, known, md5_sign({**FIELDS, **extra}), KEY, "sendredpack")
    assert said.startswith("the sign fits when x0, x1, ")


def test_key_and_sign_stay_out_of_what_is_shown() -> None:
    desk = Desk()
    sign = md5_sign(desk.fields("sendredpack", sign=None), "another key")
    desk.send(sign=sign)
    shown = repr(desk.world.request(1)) + repr(desk.world.merchants())
    assert KEY not in shown
    assert sign not in shown
    assert "app-secret" not in shown
    assert MCH_ID in shown
    assert NUMBER in shown
