"""What the commands around the ledger share: whose store it is, and how amounts, times and states are said."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from hongbao import wiring
from hongbao.cli.voice import Words, both
from hongbao.clock import beijing_time
from hongbao.engine.ports import Merchant, Store
from hongbao.errors import BadInput
from hongbao.ids import MerchantId
from hongbao.ledger.grant import State
from hongbao.money import yuan_text
from hongbao.settings import MerchantSettings, Settings, read_settings, settings_file

NameArgument = Annotated[
    str | None,
    typer.Argument(metavar="[MERCHANT]", help=both("Merchant, by its name in the settings.", "配置中的商户名称。")),
]

STATES: Mapping[State, Words] = MappingProxyType(
    {
        State.DUE: Words("waits to be sent", "待发放"),
        State.SENDING: Words("being sent", "发放中"),
        State.UNSURE: Words("outcome not known yet", "结果未知"),
        State.RESENDING: Words("being sent again with the same number", "原单号重发中"),
        State.DOOMED: Words("the number is said to be dead; a query must confirm it", "单号疑似失效，待查询确认"),
        State.DEAD: Words("the number is dead, nothing was paid under it", "单号已失效，未付款"),
        State.SENT: Words("sent, waiting to be opened", "已发放，待领取"),
        State.RECEIVED: Words("received", "已领取"),
        State.RETURNING: Words("not opened, on its way back", "未领取，退款中"),
        State.RETURNED: Words("not opened, the money is back", "未领取，已退款"),
        State.FAILED: Words("failed, nothing was paid", "发放失败，未付款"),
        State.CANCELLED: Words("taken back before it was sent", "发放前撤回"),
        State.NEEDS_PERSON: Words("needs a person", "需人工处理"),
    }
)
"""What each state means to people."""


@dataclass(frozen=True, slots=True)
class Desk:
    """An open store, and one merchant of the settings."""

    settings: Settings
    name: str
    merchant: MerchantSettings
    store: Store

    @property
    def mch_id(self) -> MerchantId:
        """The merchant's number."""
        return MerchantId(self.merchant.mch_id)

    def kept(self) -> Merchant:
        """Return the merchant as the store holds it.

        Raises:
            BadInput: it was never added.
        """
        kept = self.store.merchant(self.mch_id)
        if kept is None:
            raise BadInput(
                field="merchant",
                fault=f"{self.name} ({self.mch_id}) is not in the books",
                remedy=f"add it: hongbao merchant add {self.name}",
            )
        return kept


@contextmanager
def at_desk(config: Path | None, merchant: str | None) -> Generator[Desk]:
    """Open the store for one merchant.

    Raises:
        BadInput: the settings do not know the merchant, or as `wiring.open_store`.
    """
    settings = read_settings(settings_file(config))
    name, chosen = settings.merchant(merchant)
    store = wiring.open_store(settings.database)
    try:
        yield Desk(settings, name, chosen, store)
    finally:
        store.close()


def money(fen: int) -> str:
    """Say an amount."""
    return f"¥{yuan_text(fen)}"


def moment(time_ms: int | None) -> str | None:
    """Say a time, in Beijing."""
    return None if time_ms is None else f"{beijing_time(time_ms):%Y-%m-%d %H:%M:%S}"
