"""The face WeChat Pay shows to merchants: one HTTP request in, one answer out, as bytes. No sockets here."""

from collections.abc import Mapping
from dataclasses import dataclass

from hongbao.simulator.world import World


@dataclass(frozen=True, slots=True)
class Certificate:
    """The client certificate as the TLS layer saw it.

    Attributes:
        serial: its serial number.
        common_name: the subject's CN; a merchant's certificate carries its mch_id.
        issuer_ok: the simulator's own CA signed it.
        expired: it is past its end (or before its start) by the shell's judgement.
        self_signed: issuer and subject are the same.
        fingerprint: SHA-256 of the DER form, lower-case hex.
    """

    serial: int
    common_name: str
    issuer_ok: bool
    expired: bool
    self_signed: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One HTTP request.

    Attributes:
        path: as on the request line, a query string included.
        headers: names in lower case.
        address: the caller's IP address.
        certificate: None when the client showed none.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    address: str
    certificate: Certificate | None


@dataclass(frozen=True, slots=True)
class Departure:
    """What goes back over the wire, and how.

    Attributes:
        wait_ms: real milliseconds to hold the answer.
        cut_after: None sends the whole answer; n sends its first n bytes (status line and headers counted) and
            cuts the connection; 0 cuts without a byte.
        silent: never answer; keep the connection open until the client gives up.
    """

    status: int
    content_type: str
    body: bytes
    wait_ms: int = 0
    cut_after: int | None = None
    silent: bool = False


class Face:
    """Answers what merchants send to the pay API."""

    def __init__(self, world: World) -> None:
        """Answer from `world`, which other doors may change between two answers."""
        self._world = world

    def answer(self, arrival: Arrival) -> Departure:
        """Judge one request, change the world accordingly and return what to send back. Never raises."""
        raise NotImplementedError
