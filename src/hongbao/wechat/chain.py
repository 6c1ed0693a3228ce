"""A door to every other v2 call, in the three spellings that PHP people know.

::

    client.v2.mmpaymkttransfers.sendredpack.post({...})
    client.chain("v2/mmpaymkttransfers/sendredpack").post({...})
    client["v2/mmpaymkttransfers/sendredpack"].post({...})

It knows no endpoint: which fields to give, and what the reply means, is the caller's to know.
"""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from hongbao.wechat.fields import Wire
from hongbao.wechat.signing import SignType

T = TypeVar("T")


class Chain(Generic[T]):
    """A path that grows with each attribute or item, and can be posted to. `T` is what posting gives."""

    __slots__ = ("_path", "_post")

    def __init__(self, path: str, post: Callable[[str, Mapping[str, Wire], SignType], T]) -> None:
        """Start at `path`."""
        self._path = path.strip("/")
        self._post = post

    def chain(self, path: str) -> "Chain[T]":
        """Return the chain longer by `path`, which may have several parts."""
        return Chain(f"{self._path}/{path.strip('/')}", self._post)

    def __getattr__(self, part: str) -> "Chain[T]":
        """Return the chain longer by one part."""
        if part.startswith("_"):
            raise AttributeError(part)
        return self.chain(part)

    def __getitem__(self, path: str) -> "Chain[T]":
        """Return the chain longer by `path`: for parts that are no Python names."""
        return self.chain(path)

    def post(self, fields: Mapping[str, Wire], *, sign_type: SignType = "MD5") -> T:
        """Add nonce_str if it is missing, sign, post with the client certificate, and return the reply's fields.

        A reply that says FAIL is returned like any other.

        Args:
            fields: the request's fields, mch_id and appid included; amounts in fen.
            sign_type: how to sign; some calls want HMAC-SHA256 (and then a sign_type field among `fields`).

        Raises:
            BadInput: a name or a text that XML cannot carry.
            NothingSent: no host could be reached.
            OutcomeUnknown: no readable reply came back, or its sign does not fit.
        """
        return self._post(self._path, fields, sign_type)

    def __repr__(self) -> str:
        """Show the path."""
        return f"Chain({self._path})"
