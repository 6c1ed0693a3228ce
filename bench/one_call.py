"""One sendredpack call with the same values for every client that is measured, and the reply that fits it."""

from __future__ import annotations

from typing import Any

from hongbao.simulator.simulator import MCH_ID, OFFICIAL_APPID
from hongbao.wechat import SendRedPack

OPENID = "oBENCH0000000000000000000001"
NUMBER = "1900000001202611210000000001"
FEN = 100
SEND_NAME = "小店"
WISHING = "新年快乐，万事如意"
ACT_NAME = "新年活动"
REMARK = "谢谢光临，欢迎再来"
CLIENT_IP = "127.0.0.1"

REPLY = f"""<xml>
<return_code><![CDATA[SUCCESS]]></return_code>
<return_msg><![CDATA[发放成功]]></return_msg>
<result_code><![CDATA[SUCCESS]]></result_code>
<err_code><![CDATA[SUCCESS]]></err_code>
<err_code_des><![CDATA[发放成功]]></err_code_des>
<mch_billno><![CDATA[{NUMBER}]]></mch_billno>
<mch_id><![CDATA[{MCH_ID}]]></mch_id>
<wxappid><![CDATA[{OFFICIAL_APPID}]]></wxappid>
<re_openid><![CDATA[{OPENID}]]></re_openid>
<total_amount>{FEN}</total_amount>
<send_listid><![CDATA[1000041701202611213000000000001]]></send_listid>
</xml>""".encode()
"""What WeChat answers to it (docs/reference/endpoints.md, "sendredpack"), for servers that always answer the same."""


def our_request(number: str = NUMBER) -> SendRedPack:
    """The call as the SDK's request."""
    return SendRedPack(
        mch_billno=number,
        wxappid=OFFICIAL_APPID,
        re_openid=OPENID,
        total_amount=FEN,
        send_name=SEND_NAME,
        wishing=WISHING,
        act_name=ACT_NAME,
        remark=REMARK,
        client_ip=CLIENT_IP,
    )


def their_arguments(number: str = NUMBER) -> dict[str, Any]:
    """The call as arguments of wechatpy's `redpack.send`. A client_ip that is given saves it a name look-up."""
    return {
        "user_id": OPENID,
        "total_amount": FEN,
        "send_name": SEND_NAME,
        "act_name": ACT_NAME,
        "wishing": WISHING,
        "remark": REMARK,
        "total_num": 1,
        "client_ip": CLIENT_IP,
        "out_trade_no": number,
    }
