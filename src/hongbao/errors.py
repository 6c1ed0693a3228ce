"""The root of the exception tree. Each error says what is wrong and who must act.

::

    HongbaoError
    ├── BadInput                a value given to us cannot be used: field, fault, remedy
    └── wechat.errors.CallError one call to WeChat did not end well; drawn in wechat/errors.py
"""


class HongbaoError(Exception):
    """Everything this package raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        """Let errors cross to another process: their arguments are named, which pickle alone cannot restore."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[HongbaoError], args: tuple[object, ...], parts: dict[str, object]) -> HongbaoError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(parts)
    return error


class BadInput(HongbaoError, ValueError):
    """A value cannot be used. Nothing was sent or changed.

    Attributes:
        field: the name of the value, in the caller's words.
        fault: what is wrong with it.
        remedy: what to do instead.
    """

    def __init__(self, *, field: str, fault: str, remedy: str) -> None:
        """Keep the three parts; the message joins them."""
        super().__init__(f"{field}: {fault}; {remedy}")
        self.field = field
        self.fault = fault
        self.remedy = remedy
