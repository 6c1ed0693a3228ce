"""What WeChat does, per era, as one table; every entry can be overridden by name.

What is known and what is a proposal: docs/reference/eras.md, docs/reference/limits.md and docs/reference/unsure.md.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

Era = Literal["2015", "2016", "2017", "2025"]
"""2015: launch to the end of 2015. 2016: that year. 2017: 2017 to about 2022. 2025: the pages of mid-2025."""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

SCENES = tuple(f"PRODUCT_{number}" for number in range(1, 9))
"""Every scene_id there is (docs/reference/limits.md, "Scenes")."""

ALL_SENDING = frozenset({"NORMAL", "GROUP", "PREORDER", "MINI", "WORK"})
"""The kinds of packet, one per path that makes packets."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The behaviour in force. Times in milliseconds, amounts in fen, None for "no limit".

    The comment beside an entry gives the date of what is known about it, or "proposal".
    """

    era: Era

    # The wire (docs/reference/eras.md).
    failure_return_code: Literal["FAIL", "SUCCESS"] = "SUCCESS"  # FAIL in captures of 2015, SUCCESS since 2016
    success_err_code: bool = True  # err_code SUCCESS on success since 2017
    success_send_time: bool = False  # send_time in the success of a send until 2016
    query_err_code: bool = True  # since 2016
    mch_id_bare: bool = False  # <mch_id> without CDATA until 2016
    not_found_err_code: Literal["NOT_FOUND", "SYSTEMERROR"] = "NOT_FOUND"  # a 2015 sample has SYSTEMERROR
    signed_replies: frozenset[str] = frozenset()  # paths whose replies carry a sign: none in any capture
    bad_certificate: Literal["ca_error", "nginx_400"] = "ca_error"  # both seen, 2016 and later
    wrong_method_status: int = 405  # proposal

    # Fields and signing (docs/reference/signing.md, docs/reference/endpoints.md).
    old_fields: bool = False  # nick_name, min_value, max_value are demanded: 2015 alone
    old_fields_known: bool = False  # after 2015 unsure: ignored, so they must not be signed
    own_split: bool = False  # amt_type ALL_SPECIFIED and SEED_SPECIFIED with amt_list: 2015 alone
    nick_name_bytes_max: int = 15  # by its error text of 2015; the table says 32
    preorder_wishing_bytes_max: int = 16  # the table's S(16) of 2015; whether bytes or characters is unsure
    extra_known_fields: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    lenient_sign: bool = False  # accept a sign over every field sent, known or not

    # Defaults of merchants opened from now on (docs/reference/limits.md).
    rate_minute_max: int | None = 1800
    rate_second_max: int | None = None  # 30 on the page of 2025-08
    person_packets_day_max: int | None = 10
    person_fen_day_max: int | None = None
    fen_day_max: int | None = None
    packets_day_max: int | None = 10_000
    packet_fen_min: int = 100
    packet_fen_max: int = 20_000
    scene_fen_min: int = 30  # 2018 and later
    scene_fen_max: int = 499_900  # 2017; the caps of single scenes are not published
    group_fen_max: int = 100_000

    # Limits of the platform.
    fen_max: int = 499_900  # above it the amount is a bad parameter, not a limit: 2017
    group_share_fen_min: int = 100  # average per person, 2015 to 2017
    group_share_fen_max: int = 20_000
    packets_day_kinds: frozenset[str] = frozenset({"GROUP", "PREORDER"})  # who has DAY_OVER_LIMITED
    second_over_kinds: frozenset[str] = frozenset({"GROUP", "PREORDER"})  # SECOND_OVER_LIMITED, else FREQ_LIMIT
    query_minute_max: int | None = None  # the table names FREQ_LIMIT for queries, no page a figure
    quiet_kinds: frozenset[str] = frozenset()  # kinds refused with TIME_LIMITED in the quiet hours
    quiet_until_hour: int = 8  # 0:00 to 8:00 Beijing time
    person_interval_ms: int = 0  # one packet per person and minute: the page of 2016 alone
    retry_interval_ms: int = 0  # between tries of one number: 1 s on the page of 2025-08; FREQ_LIMIT is a proposal
    group_withdrawn: bool = False  # since 2024-06-05; the answer is a proposal
    group_withdrawn_code: str = "NO_AUTH"
    group_withdrawn_text: str = "产品权限验证失败,请查看您当前是否具有该产品的权限"
    risk_tries_max: int = 2  # a number refused for risk so often is dead at the next such try: 2022
    # Anti-brush: at level n a person who had brush_packets[n] packets in brush_ms is refused. Proposal.
    brush_packets: tuple[int | None, ...] = (None, 6, 4, 2)
    brush_ms: int = 10 * MINUTE_MS

    # The life of a packet (docs/reference/states.md).
    expiry_ms: int = DAY_MS  # 24 h since 2017, 72 h in 2016
    ticket_expiry_ms: int = 3 * DAY_MS  # 72 h
    refund_ms: int = 2 * HOUR_MS  # from RFUND_ING to REFUND: proposal
    stuck_ms: int = 3 * DAY_MS  # refused by a limit, risk or balance: FAILED after 3 days
    processing_ms: int = DAY_MS  # PROCESSING without an end: FAILED after a day, 2020
    processing_reentry_ms: int = 20 * MINUTE_MS  # PROCESSING is answered until then, later a fresh try is made
    reentry_ms: int = 3 * DAY_MS  # an order still SENDING afterwards: SEND_FAILED
    query_ms: int = 30 * DAY_MS  # gethbinfo knows a number for 30 days
    preorder_queryable: bool = True  # no source says
    welcome_strangers: bool = True  # an openid never seen belongs to the wxappid that names it first


_2025 = Rules(
    era="2025",
    rate_second_max=30,
    person_fen_day_max=100_000,
    fen_day_max=100_000_000,
    retry_interval_ms=1000,
    group_withdrawn=True,
)
_2017 = Rules(era="2017", quiet_kinds=frozenset({"GROUP", "PREORDER"}))
_2016 = replace(
    _2017,
    era="2016",
    success_err_code=False,
    success_send_time=True,
    mch_id_bare=True,
    scene_fen_min=100,
    scene_fen_max=20_000,
    person_interval_ms=MINUTE_MS,
    expiry_ms=3 * DAY_MS,
)
_2015 = replace(
    _2016,
    era="2015",
    failure_return_code="FAIL",
    query_err_code=False,
    old_fields=True,
    old_fields_known=True,
    own_split=True,
    person_packets_day_max=None,
    packets_day_kinds=ALL_SENDING,
    second_over_kinds=ALL_SENDING,
    quiet_kinds=frozenset({"NORMAL", "GROUP", "PREORDER"}),
    person_interval_ms=0,
    refund_ms=0,  # RFUND_ING was not on the list of 2015
)

ERAS: dict[Era, Rules] = {"2015": _2015, "2016": _2016, "2017": _2017, "2025": _2025}
"""What changed when. 2015 says nothing about expiry; it is given 2016's 72 hours."""
