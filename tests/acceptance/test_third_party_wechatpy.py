"""wechatpy, another author's client, on the simulator: only its base URL, CA and PEM pair are changed."""

from collections.abc import Iterator
from typing import Any

import pytest
from wechatpy.exceptions import WeChatPayException
from wechatpy.pay import WeChatPay

from hongbao.simulator.simulator import Simulator

NUMBER = "1900000001202611210000000001"
OPENID = "o000000000000000000000000001"
GROUP_PATH = "/mmpaymkttransfers/sendgroupredpack"
VALUES: dict[str, Any] = {
    "user_id": OPENID,
    "send_name": "示例商户",
    "act_name": "新年活动",
    "wishing": "恭喜发财",
    "remark": "备注",
    "client_ip": "127.0.0.1",
    "out_trade_no": NUMBER,
}


@pytest.fixture
def wechatpy(hongbao_simulator: Simulator) -> Iterator[WeChatPay]:
    merchant = hongbao_simulator.merchant
    client = WeChatPay(
        appid=merchant.official_appid,
        api_key=merchant.api_key,
        mch_id=merchant.mch_id,
        mch_cert=str(merchant.certificate),
        mch_key=str(merchant.key),
        timeout=10,
    )
    client.API_BASE_URL = f"{hongbao_simulator.base_url}/"
    client._http.verify = str(hongbao_simulator.ca_file)
    # Else a REQUESTS_CA_BUNDLE of this machine would take the place of the CA.
    client._http.trust_env = False
    yield client
    client._http.close()


def test_its_packet_is_sent(wechatpy: WeChatPay, hongbao_simulator: Simulator) -> None:
    merchant = hongbao_simulator.merchant
    reply = wechatpy.redpack.send(total_amount=100, **VALUES)
    packet = hongbao_simulator.control.packet(merchant.mch_id, NUMBER)
    assert (packet.status, packet.kind, packet.openid, packet.fen) == ("SENT", "NORMAL", OPENID, 100)
    assert reply == {
        "return_code": "SUCCESS",
        "return_msg": "发放成功",
        "result_code": "SUCCESS",
        "err_code": "SUCCESS",
        "err_code_des": "发放成功",
        "mch_billno": NUMBER,
        "mch_id": merchant.mch_id,
        "wxappid": merchant.official_appid,
        "re_openid": OPENID,
        "total_amount": "100",
        "send_listid": packet.listid,
    }


def test_its_query_sees_the_packet_sent_and_then_opened(wechatpy: WeChatPay, hongbao_simulator: Simulator) -> None:
    wechatpy.redpack.send(total_amount=100, **VALUES)
    sent = wechatpy.redpack.query(NUMBER)
    hongbao_simulator.control.open_packet(hongbao_simulator.merchant.mch_id, NUMBER)
    opened = wechatpy.redpack.query(NUMBER)
    assert (sent["status"], sent["total_amount"], "hblist" in sent) == ("SENT", "100", False)
    assert (opened["status"], opened["hblist"]["hbinfo"]["openid"]) == ("RECEIVED", OPENID)


def test_its_group_packet_is_refused_for_the_client_ip_that_it_signs(
    wechatpy: WeChatPay, hongbao_simulator: Simulator
) -> None:
    """WeChat signs over the fields an endpoint knows, and sendgroupredpack is not known to know client_ip."""
    hongbao_simulator.control.change_merchant(hongbao_simulator.merchant.mch_id, group_open=True)
    with pytest.raises(WeChatPayException) as caught:
        wechatpy.redpack.send_group(total_amount=300, total_num=3, **VALUES)
    (request,) = hongbao_simulator.control.requests()
    (verdict,) = [each for each in request.verdicts if each.verdict == "refused"]
    assert caught.value.errcode == "SIGN_ERROR"
    assert (request.err_code, verdict.check) == ("SIGN_ERROR", "sign")
    assert "client_ip" in verdict.note


def test_its_group_packet_is_sent_where_client_ip_is_said_to_be_known(
    wechatpy: WeChatPay, hongbao_simulator: Simulator
) -> None:
    hongbao_simulator.control.change_merchant(hongbao_simulator.merchant.mch_id, group_open=True)
    hongbao_simulator.control.change_rules(extra_known_fields={GROUP_PATH: ["client_ip"]})
    wechatpy.redpack.send_group(total_amount=300, total_num=3, **VALUES)
    packet = hongbao_simulator.control.packet(hongbao_simulator.merchant.mch_id, NUMBER)
    assert (packet.status, packet.kind, packet.people, packet.fen) == ("SENT", "GROUP", 3, 300)
