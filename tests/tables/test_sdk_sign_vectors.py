"""The published and computed vectors of docs/reference/signing.md, as literals: they pin every sign this SDK makes."""

import pytest

from hongbao.wechat.signing import SignType, pay_sign, sign, workwx_sign

K1 = "192006250b4c09247ec02edce69f6a2d"

V1 = {
    "appid": "wxd930ea5d5a258f4f",
    "body": "test",
    "device_info": "1000",
    "mch_id": "10000100",
    "nonce_str": "ibuaiVcKdpRxkhJA",
}
V2A: dict[str, str | int] = {
    "wxappid": "wx2421b1c4370ec43b",
    "mch_id": "10000100",
    "mch_billno": "0010010404201411170000046545",
    "send_name": "send_name",
    "re_openid": "onqOjjmM1tad-3ROpncN-yUfa6uI",
    "total_amount": 200,
    "total_num": 1,
    "wishing": "恭喜发财",
    "client_ip": "127.0.0.1",
    "act_name": "新年红包",
    "remark": "新年红包",
    "scene_id": "PRODUCT_2",
    "risk_info": "posttime%3d123123412%26clientversion%3d234134%26mobile%3d122344545%26deviceid%3dIOS",
    "nonce_str": "50780e0cca98c8c8e814883e5caa672e",
}
V3A = {
    "appid": "wx2421b1c4370ec43b",
    "mch_id": "10000100",
    "mch_billno": "9010080799701411170000046603",
    "bill_type": "MCHT",
    "nonce_str": "50780e0cca98c8c8e814883e5caa672e",
}
V4 = {"test1": "test1", "test2": "test2"}
V5 = {"appid": "f323", "c": "12", "d": "34", "mch_id": "2323532"}
V7: dict[str, str | int] = {
    "act_name": "XXX",
    "mch_billno": "11111234567890",
    "mch_id": "10000098",
    "nonce_str": "qFKEgfig76DF9912fewmkp",
    "re_openid": "oxTWIuGaIt6gTKsQRLau2M0yL16E",
    "total_amount": 100,
    "wxappid": "wx123456789",
}
PACKAGE = (
    "sendid=242e8abd163d300019b2cae74ba8e8c06e3f0e51ab84d16b3c80decd22a5b672&ver=8"
    "&sign=4110d649a5aef52dd6b95654ddf91ca7d5411ac159ace4e1a766b7d3967a1c3d"
    "fe1d256811445a4abda2d9cfa4a9b377a829258bd00d90313c6c346f2349fe5d"
    "&mchid=11475856&appid=wxd27ebc41b85ce36d"
)
V8A = {
    "appId": "wxd27ebc41b85ce36d",
    "timeStamp": "1503300000",
    "nonceStr": "e61463f8efa94090b1f366cccfbbb444",
    "package": PACKAGE,
}
V9 = {"lottery_id": "i07kM2aYmN7sYdkBmkHMxg", "noncestr": "nonce123", "openid": "oxTWIuGaIt6gTKsQRLau2M0yL16E"}


@pytest.mark.parametrize(
    ("fields", "key", "sign_type", "expected"),
    [
        pytest.param(V1, K1, "MD5", "9A0A8659F005D6984697E2CA0A9CF3B7", id="V1"),
        pytest.param(
            V1,
            K1,
            "HMAC-SHA256",
            "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6",
            id="V1 HMAC",
        ),
        pytest.param({**V2A, "sign_type": "MD5"}, K1, "MD5", "C9BB9D2CBE57D6E3A28BD220AFA2248D", id="V2"),
        pytest.param(V2A, K1, "MD5", "CAE645705D54BA78424107C6048E45B8", id="V2a"),
        pytest.param({**V3A, "sign_type": "MD5"}, K1, "MD5", "231F70D63D64EB36C1BE83E7E598B280", id="V3"),
        pytest.param(V3A, K1, "MD5", "B52930D6136EA0B5A40F5692EA47DE08", id="V3a"),
        pytest.param(V4, K1, "MD5", "1E3A8D73B5A4AEE787C0F68B5DAB8520", id="V4"),
        pytest.param(
            V4,
            K1,
            "HMAC-SHA256",
            "EDAC6D70D2FDF5A2382F8204FC96A1918017E46ACC5297F565ED1A7610ACF659",
            id="V4 HMAC",
        ),
        pytest.param(V5, "HelloPowerWeChat", "MD5", "D18B5A9F4D01EB18CDEFFA39C78EB0F5", id="V5"),
        pytest.param(
            V5,
            "HelloPowerWeChat",
            "HMAC-SHA256",
            "CF3C3C7B038A12682967DC5ABADDAD56CE612FEE9B0E0A885B3B41E9E72B9A10",
            id="V5 HMAC",
        ),
        pytest.param(
            {}, "exposed_your_key_here_have_risks", "MD5", "B3D43C8390F26E2030D4D17BD580FBC8", id="V6 no field"
        ),
        pytest.param(
            {**V7, "workwx_sign": "8B8D04AFC9FD08094CC5A0C2FA8BB60C"},
            K1,
            "MD5",
            "69A510977F262B80D706F04990595EE8",
            id="V7a sign over workwx_sign",
        ),
        pytest.param(V8A, K1, "MD5", "8893A56B8FE54AF6B2F0FF824D99CCDF", id="V8a raw package"),
        pytest.param(V9, "keytestkeytestkeytestkeytestkey0", "MD5", "792F19AB5051554B87C1A43B7C127804", id="V9"),
    ],
)
def test_sign(fields: dict[str, str | int], key: str, sign_type: SignType, expected: str) -> None:
    assert sign(fields.items(), key, sign_type) == expected


def test_v6a_workwx_sign_of_no_field_ends_in_secret() -> None:
    assert workwx_sign([], "exposed_your_key_here_have_risks") == "7831C3FF1BDE78FD0AC1107E00AC92E6"


def test_v7_workwx_sign() -> None:
    assert workwx_sign(V7.items(), K1) == "8B8D04AFC9FD08094CC5A0C2FA8BB60C"


def test_v7_workwx_sign_covers_seven_fields_and_no_other() -> None:
    more = {**V7, "wishing": "恭喜发财", "sender_name": "甲", "agentid": 1, "remark": "备注", "sign": "X"}
    assert workwx_sign(more.items(), K1) == "8B8D04AFC9FD08094CC5A0C2FA8BB60C"


def test_v8_pay_sign_is_lower_case_over_the_encoded_package() -> None:
    package, signature = pay_sign(
        appid="wxd27ebc41b85ce36d",
        timestamp="1503300000",
        nonce="e61463f8efa94090b1f366cccfbbb444",
        package=PACKAGE,
        key=K1,
    )
    assert signature == "5455b259dd4c2fbac94d65661c2903b5"
    assert package == PACKAGE.replace("=", "%3D").replace("&", "%26")
    assert len(package) == 269
