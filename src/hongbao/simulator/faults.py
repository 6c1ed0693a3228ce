"""Make calls go wrong on purpose: which calls, how often, in what way. See docs/reference/simulator.md, "Faults"."""

from dataclasses import dataclass
from typing import Literal

from hongbao.errors import BadInput
from hongbao.simulator.dice import chance
from hongbao.simulator.fields import Endpoint
from hongbao.simulator.options import writable
from hongbao.simulator.rules import DAY_MS

FaultKind = Literal[
    "no_answer_before", "no_answer_after", "cut_before_reply", "cut_mid_reply", "slow", "http_status",
    "system_error", "unknown_code", "processing", "processing_then_sent", "processing_then_failed",
    "not_found_for", "received_without_hblist", "reordered_elements", "extra_elements",
]  # fmt: skip

Stage = Literal["before", "creating", "created", "query", "after"]
"""Where a fault strikes: before anything is judged, when a packet would be delivered, when it has been, when a query is
answered, when the reply leaves."""

_STAGE: dict[FaultKind, Stage] = {
    "no_answer_before": "before",
    "no_answer_after": "after",
    "cut_before_reply": "after",
    "cut_mid_reply": "after",
    "slow": "after",
    "http_status": "after",
    "system_error": "after",
    "unknown_code": "after",
    "processing": "creating",
    "processing_then_sent": "creating",
    "processing_then_failed": "creating",
    "not_found_for": "created",
    "received_without_hblist": "query",
    "reordered_elements": "after",
    "extra_elements": "after",
}
KINDS: tuple[FaultKind, ...] = tuple(_STAGE)
"""Every kind of fault."""

ONE_DECIDES: frozenset[Stage] = frozenset({"before", "creating"})
"""Stages where a fault takes the place of all that would follow, other faults included."""

_OWN: dict[str, frozenset[str]] = {
    "cut_before_reply": frozenset({"effect"}),
    "slow": frozenset({"wait_ms"}),
    "http_status": frozenset({"status", "effect"}),
    "system_error": frozenset({"effect", "echo"}),
    "unknown_code": frozenset({"code", "text", "effect"}),
    "processing_then_sent": frozenset({"wait_ms"}),
    "processing_then_failed": frozenset({"wait_ms"}),
    "not_found_for": frozenset({"wait_ms"}),
}
"""Parameters that not every kind has."""

_LEFT_OUT = {"wait_ms": 0, "status": 502, "effect": None, "echo": None, "code": "", "text": ""}
_WAIT_MS_MAX = 366 * DAY_MS


@dataclass(slots=True)
class FaultRule:
    """One rule. None matches anything.

    Attributes:
        share: the part of matching calls that is hit, decided by the world's seed.
        count: how many calls are hit at most.
        after: how many matching calls are spared first.
        wait_ms: slow: real milliseconds; processing_then_*, not_found_for: simulated ones.
        status: of http_status.
        effect: for cut_before_reply, http_status, system_error, unknown_code: the call is carried out first; None
            where the kind alone decides.
        echo: for system_error: repeat the request's fields; None is the call's habit (enterprise calls: no).
        code, text: of unknown_code.
        matched, applied: counts so far.
    """

    id: int
    kind: FaultKind
    path: str | None = None
    mch_id: str | None = None
    openid: str | None = None
    number: str | None = None
    share: float = 1.0
    count: int | None = None
    after: int = 0
    wait_ms: int = 0
    status: int = 502
    effect: bool | None = None
    echo: bool | None = None
    code: str = ""
    text: str = ""
    matched: int = 0
    applied: int = 0

    @property
    def stage(self) -> Stage:
        """Where it strikes."""
        return "before" if self.effect is False else _STAGE[self.kind]

    def hits(self, seed: int, path: str, mch_id: str, openid: str, number: str) -> bool:
        """Say whether this call is hit, and count it."""
        if (
            (self.path is not None and self.path != path)
            or (self.mch_id is not None and self.mch_id != mch_id)
            or (self.openid is not None and self.openid != openid)
            or (self.number is not None and self.number != number)
        ):
            return False
        self.matched += 1
        if self.matched <= self.after or (self.count is not None and self.applied >= self.count):
            return False
        if self.share < 1 and not chance(seed, self.share, "fault", self.id, self.matched):
            return False
        self.applied += 1
        return True


def check_rule(rule: FaultRule, endpoint: Endpoint | None) -> None:
    """Refuse a rule that could not do what it says.

    Args:
        rule: as it was asked for: an effect that was left out is None.
        endpoint: the call of its path, None for all calls.

    Raises:
        BadInput: an unknown kind, a path where it cannot strike, a parameter out of range or not of this kind.
    """
    if rule.kind not in _STAGE:
        raise BadInput(field="kind", fault=f"{rule.kind!r} is no fault", remedy="one of " + ", ".join(KINDS))
    for name in ("mch_id", "openid", "number", "code", "text"):
        writable(name, getattr(rule, name) or "")
    own = _OWN.get(rule.kind, frozenset[str]())
    for name, left_out in _LEFT_OUT.items():
        if name not in own and getattr(rule, name) != left_out:
            raise BadInput(field=name, fault=f"{rule.kind} has no such choice", remedy="leave it out")
    stage = _STAGE[rule.kind]
    if endpoint is not None and stage in {"creating", "created", "query"}:
        asks = endpoint.kind is None
        if asks is not (stage == "query"):
            raise BadInput(
                field="path",
                fault=f"{endpoint.api} {'asks' if asks else 'sends'}: {rule.kind} cannot strike there",
                remedy=f"name a call that {'sends' if asks else 'asks'}, or none",
            )
    if not 0 <= rule.share <= 1:
        raise BadInput(field="share", fault=f"{rule.share} is not 0 to 1", remedy="give 0.1 for a tenth of all calls")
    for name in ("count", "after", "wait_ms"):
        if (getattr(rule, name) or 0) < 0:
            raise BadInput(field=name, fault="is negative", remedy="give a whole number from 0")
    if "wait_ms" in own and not rule.wait_ms:
        raise BadInput(field="wait_ms", fault=f"{rule.kind} needs a time", remedy="give milliseconds above 0")
    if rule.wait_ms > _WAIT_MS_MAX:
        raise BadInput(field="wait_ms", fault="is above 366 days", remedy="give milliseconds")
    if rule.kind == "http_status" and not 400 <= rule.status <= 599:
        raise BadInput(field="status", fault=f"{rule.status} is no failure", remedy="give 400 to 599")
    if rule.kind == "unknown_code" and not rule.code:
        raise BadInput(field="code", fault="unknown_code needs one", remedy="give the err_code to send")


def default_effect(kind: FaultKind) -> bool | None:
    """Return whether a kind strikes after the effect when the rule does not say; None where it has no choice."""
    return kind == "cut_before_reply" if "effect" in _OWN.get(kind, ()) else None
