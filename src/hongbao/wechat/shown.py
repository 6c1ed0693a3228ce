"""How requests and replies show themselves: so that a log line never gives a person away."""

from dataclasses import fields

from hongbao.ids import masked

_MASKED_FIELDS = frozenset({"re_openid", "openid", "package", "sp_ticket"})


class Shown:
    """A repr that leaves out what must not reach a log: openids are masked, raw replies and packages left out."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown: list[str] = []
        for each in fields(self):  # pyright: ignore[reportArgumentType]
            value = getattr(self, each.name)
            if not each.repr or value is None:
                continue
            shown.append(f"{each.name}={masked(str(value)) if each.name in _MASKED_FIELDS else repr(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"
