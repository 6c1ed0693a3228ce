"""A request that was checked and written down earlier, and is now sent exactly so: nothing is checked or changed again.

What may be sent today may be forbidden tomorrow, and a name may have changed; a number that was tried once must still
be repeated with the bytes of the first time (docs/reference/idempotency.md).
"""

from collections.abc import Sequence
from typing import TypeVar

from hongbao.errors import BadInput
from hongbao.merchant import LimitSet
from hongbao.wechat.endpoints import ENDPOINTS
from hongbao.wechat.fields import Wire
from hongbao.wechat.redpack import Request

R = TypeVar("R")

_MADE_ANEW = frozenset({"mch_id", "nonce_str", "workwx_sign", "sign"})


class Frozen(Request[R]):
    """A request as it was frozen."""

    __slots__ = ("_fields", "endpoint")

    def __init__(self, endpoint: str, fields: Sequence[tuple[str, Wire]]) -> None:
        """Take the fields in the order of the wire, without mch_id, nonce_str, workwx_sign and sign.

        Raises:
            BadInput: there is no such endpoint, or one of those four is among the fields.
        """
        if endpoint not in ENDPOINTS:
            raise BadInput(field="endpoint", fault=f"no endpoint {endpoint!r}", remedy="one of " + ", ".join(ENDPOINTS))
        for name, _ in fields:
            if name in _MADE_ANEW:
                raise BadInput(field=name, fault="is made anew for each call", remedy="leave it out")
        self.endpoint = endpoint  # pyright: ignore[reportAttributeAccessIssue]  one class for all endpoints
        self._fields = list(fields)

    def wire(self, limits: LimitSet) -> list[tuple[str, Wire]]:
        """Return the fields as they were frozen; `limits` were judged then."""
        del limits
        return list(self._fields)

    def __repr__(self) -> str:
        """Show which call it is."""
        return f"Frozen({self.endpoint})"
