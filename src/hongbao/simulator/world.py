"""The whole state of WeChat Pay on a desk, and the verbs that other doors may use on it."""

from collections.abc import Mapping
from typing import Literal

from hongbao.simulator.clock import SimulatorClock
from hongbao.simulator.keep import Keep
from hongbao.simulator.views import (
    ClockView,
    FaultView,
    Finding,
    Json,
    MerchantView,
    PacketView,
    PersonView,
    RequestView,
)

Era = Literal["2015", "2016", "2017", "2025"]


class World:
    """Merchants, accounts, people, packets, journal, faults, clock, seed and rules.

    Single-threaded: every method runs to its end before the next. A verb that raises BadInput has changed nothing.
    """

    def __init__(
        self,
        *,
        era: Era = "2025",
        clock: SimulatorClock | None = None,
        seed: int = 0,
        keep: Keep | None = None,
        rules: Mapping[str, Json] | None = None,
    ) -> None:
        """Make a world, or find it again in `keep`. `rules` overrides single rules of the era by name."""
        raise NotImplementedError

    def settle(self) -> None:
        """Fire, in order and each at its own time, everything due up to the clock's now."""
        raise NotImplementedError

    def commit(self) -> None:
        """Write what changed to the keep, if there is one."""
        raise NotImplementedError

    def close(self) -> None:
        """Commit and let go of the keep."""
        raise NotImplementedError

    # Merchants and people

    def add_merchant(
        self,
        mch_id: str,
        *,
        api_key: str,
        balance_fen: int = 0,
        settings: Mapping[str, Json] | None = None,
    ) -> MerchantView:
        """Open a merchant. Its certificate is any of the simulator's CA whose CN is the mch_id."""
        raise NotImplementedError

    def change_merchant(self, mch_id: str, settings: Mapping[str, Json]) -> MerchantView:
        """Change settings by name (see `Merchant`)."""
        raise NotImplementedError

    def bind_account(self, mch_id: str, appid: str, *, kind: str = "official") -> MerchantView:
        """Bind an appid to a merchant. `kind`: official, mini, app or corp."""
        raise NotImplementedError

    def top_up(self, mch_id: str, fen: int) -> MerchantView:
        """Add money to a balance."""
        raise NotImplementedError

    def merchant(self, mch_id: str) -> MerchantView:
        """Show one merchant."""
        raise NotImplementedError

    def merchants(self) -> list[MerchantView]:
        """Show all merchants."""
        raise NotImplementedError

    def add_person(self, openid: str, *, appid: str, flagged: bool = False) -> PersonView:
        """Make a person known under one appid."""
        raise NotImplementedError

    def change_person(self, openid: str, *, flagged: bool) -> PersonView:
        """Flag a person for risk control, or clear the flag."""
        raise NotImplementedError

    def people(self, *, limit: int = 100, offset: int = 0) -> list[PersonView]:
        """Show people in the order they became known."""
        raise NotImplementedError

    # Packets

    def open_packet(self, mch_id: str, number: str, openid: str | None = None) -> PacketView:
        """Let the recipient open a packet (of a group: the seed user takes the first share)."""
        raise NotImplementedError

    def take_share(self, mch_id: str, number: str, openid: str) -> PacketView:
        """Let one more person take a share of a group packet."""
        raise NotImplementedError

    def bind_ticket(self, ticket: str, openid: str) -> PacketView:
        """Let a person draw a pre-order's ticket: from then on that person is the recipient."""
        raise NotImplementedError

    def packet(self, mch_id: str, number: str) -> PacketView:
        """Show one packet."""
        raise NotImplementedError

    def packets(
        self, *, mch_id: str | None = None, status: str | None = None, limit: int = 100, offset: int = 0
    ) -> list[PacketView]:
        """Show packets, oldest first."""
        raise NotImplementedError

    # Journal

    def requests(
        self,
        *,
        mch_id: str | None = None,
        order: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[RequestView]:
        """Show arrivals with journal numbers above `after`, oldest first, without bodies."""
        raise NotImplementedError

    def request(self, number: int) -> RequestView:
        """Show one arrival with its masked bodies."""
        raise NotImplementedError

    def arrivals(self, mch_id: str, order: str, *, path: str | None = None) -> int:
        """Count the arrivals that named an order number, on one path or on all."""
        raise NotImplementedError

    # Clock

    def clock_view(self) -> ClockView:
        """Show the clock."""
        raise NotImplementedError

    def clock_run(self, speed: int = 1) -> ClockView:
        """Let time pass."""
        raise NotImplementedError

    def clock_stop(self) -> ClockView:
        """Stand still."""
        raise NotImplementedError

    def clock_jump(self, *, by_ms: int | None = None, to_ms: int | None = None) -> ClockView:
        """Jump forward; everything due on the way happens, in order."""
        raise NotImplementedError

    # Faults

    def add_fault(
        self,
        kind: str,
        *,
        path: str | None = None,
        mch_id: str | None = None,
        openid: str | None = None,
        number: str | None = None,
        share: float = 1.0,
        count: int | None = None,
        after: int = 0,
        wait_ms: int = 0,
        status: int = 502,
        effect: bool = False,
        echo: bool | None = None,
        code: str = "",
        text: str = "",
    ) -> FaultView:
        """Make matching calls go wrong (see `faults`)."""
        raise NotImplementedError

    def faults(self) -> list[FaultView]:
        """Show all fault rules."""
        raise NotImplementedError

    def clear_faults(self, fault_id: int | None = None) -> list[FaultView]:
        """Remove one fault rule, or all."""
        raise NotImplementedError

    # The world

    def rules(self) -> dict[str, Json]:
        """Show every rule in force, by name."""
        raise NotImplementedError

    def change_rules(self, changes: Mapping[str, Json]) -> dict[str, Json]:
        """Override rules by name."""
        raise NotImplementedError

    def reset(self, *, seed: int | None = None, merchants: bool = True) -> None:
        """Forget packets, people, requests and faults; balances return to their opening state.

        `merchants=False` forgets the merchants too. The clock stays where it is: it never goes back.
        """
        raise NotImplementedError

    def audit(self) -> list[Finding]:
        """Add the books up again from the packets and top-ups alone; an empty list is good news."""
        raise NotImplementedError
