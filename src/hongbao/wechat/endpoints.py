"""The red packet endpoints as a table: path, what the reply must echo, how its success is read.

All are POST under /mmpaymkttransfers/, need the client certificate, are signed with MD5, and answer without a sign
(docs/reference/transport.md). Since no sign proves a reply, its echo does: it must name our number, person, amount and
merchant.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hongbao.wechat import replies
from hongbao.wechat.xml import Document

HOSTS = ("https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com")
"""WeChat's host and its second one for disasters, with the same paths."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint.

    Attributes:
        name: last part of the path.
        echoes: fields of the request that a reply repeats; a success repeats all of them.
        read: makes the typed reply of a success.
    """

    name: str
    echoes: tuple[str, ...]
    read: Callable[[Document], Any]

    @property
    def path(self) -> str:
        """The path on WeChat's host."""
        return f"/mmpaymkttransfers/{self.name}"


_SENT = ("mch_billno", "mch_id", "wxappid", "re_openid", "total_amount")

ENDPOINTS = MappingProxyType(
    {
        each.name: each
        for each in (
            Endpoint("sendredpack", _SENT, replies.read_sent),
            Endpoint("sendgroupredpack", _SENT, replies.read_sent),
            Endpoint("gethbinfo", ("mch_billno", "mch_id"), replies.read_record),
            Endpoint("hbpreorder", ("mch_billno", "mch_id", "wxappid", "total_amount"), replies.read_preordered),
            Endpoint("sendminiprogramhb", _SENT, replies.read_sent_mini_program),
            Endpoint("sendworkwxredpack", _SENT, replies.read_sent_work),
            Endpoint("queryworkwxredpack", ("mch_billno", "mch_id"), replies.read_work_record),
        )
    }
)
"""By name. `hongbao.wechat.redpack` has the request types."""
