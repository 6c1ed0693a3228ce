"""How outcomes are written down, and read again when their share is counted."""

from hongbao.engine.ports import Evidence, Recent
from hongbao.ids import ListId
from hongbao.payout.brakes import Ended
from hongbao.payout.outcome import About, Dead, No, NotTried, Outcome, Sent, Sighting, Unsure

_NO = "no:"
_LEAVES_NO_ORDER = frozenset(
    {"not_tried", *(f"{_NO}{about}" for about in (About.PACE, About.QUIET, About.SETUP, About.ROW, About.OPENID))}
)


def of_send(outcome: Outcome, raw: str, started_ms: int, ended_ms: int) -> Evidence:
    """Write down what a send brought."""
    code = text = ""
    list_id: ListId | None = None
    match outcome:
        case Sent():
            word, list_id = "sent", ListId(outcome.list_id)
        case No():
            word, code, text = f"{_NO}{outcome.about}", outcome.code, outcome.text
        case Dead():
            word, code, text = "dead", outcome.code, outcome.text
        case Unsure():
            word, code, text = "unsure", outcome.code, outcome.text
        case NotTried():
            word, text = "not_tried", outcome.text
    return Evidence(
        started_ms=started_ms, ended_ms=ended_ms, outcome=word, code=code, text=text, raw=raw, list_id=list_id
    )


def of_look(sighting: Sighting, raw: str, started_ms: int, ended_ms: int) -> Evidence:
    """Write down what a query brought."""
    return Evidence(
        started_ms=started_ms,
        ended_ms=ended_ms,
        outcome=str(sighting.seen),
        code=sighting.code,
        text=sighting.text,
        raw=raw,
        list_id=ListId(sighting.list_id) if sighting.list_id else None,
    )


def leaves_no_order(evidence: Evidence | None) -> bool:
    """Whether an attempt certainly left no order at WeChat; without an answer it may have."""
    return evidence is not None and evidence.outcome in _LEAVES_NO_ORDER


def ended(recent: Recent) -> Ended:
    """Read a result for counting."""
    about = About(recent.outcome.removeprefix(_NO)) if recent.outcome.startswith(_NO) else None
    return Ended(grant=recent.grant, about=about, text=recent.text)
