"""Typed ids: passing one where another belongs is a type error."""

from typing import NewType

MerchantId = NewType("MerchantId", str)
"""mch_id, 商户号."""

AppId = NewType("AppId", str)
"""appid of an official account or mini-program, or the corpid of an enterprise."""

OpenId = NewType("OpenId", str)
"""One person as one account sees them. Personal data: masked wherever it is shown."""

OrderNumber = NewType("OrderNumber", str)
"""mch_billno, 商户订单号: 1 to 28 characters 0-9A-Za-z, unique per merchant for ever."""

ListId = NewType("ListId", str)
"""send_listid or detail_id: the number WeChat gave the packet. Digits, but never a number."""

CampaignId = NewType("CampaignId", str)
"""One campaign (活动) of a merchant; a batch of the openid file is one."""

GrantId = NewType("GrantId", int)
"""One grant (发放单)."""


def masked(text: str) -> str:
    """Show enough of an id to recognise it and too little to use it: ``oxTW…16E``.

    Texts of fewer than ten characters disappear altogether.
    """
    return f"{text[:4]}…{text[-3:]}" if len(text) >= 10 else "…"
