"""From rows to what the engine reads, and back."""

import json
from dataclasses import asdict
from datetime import date
from hashlib import blake2b
from typing import Any

from hongbao.engine.ports import (
    Attempt,
    Batch,
    BatchRow,
    BatchState,
    Brake,
    BrakeState,
    Campaign,
    CampaignState,
    Evidence,
    Grant,
    Merchant,
    Notice,
    Pace,
)
from hongbao.ids import AppId, CampaignId, GrantId, ListId, MerchantId, OpenId, OrderNumber
from hongbao.ledger.account import Balance
from hongbao.ledger.grant import Money, State
from hongbao.ledger.transfer import Kind, Transfer
from hongbao.merchant import Limit
from hongbao.money import Fen
from hongbao.store.session import Row


def openid_hash(key: bytes, appid: str, openid: str) -> str:
    """Return the keyed hash that stands for a person: without the key nobody can try openids against it."""
    return blake2b(f"{appid}:{openid}".encode(), key=key, digest_size=16).hexdigest()


def balance_of(row: Row) -> Balance:
    """Read the balance columns."""
    return Balance(
        funded=row["funded"], free=row["free"], reserved=row["reserved"], paid=row["paid"], returned=row["returned"]
    )


def merchant_of(row: Row) -> Merchant:
    """Read a merchant."""
    return Merchant(
        merchant=MerchantId(row["mch_id"]),
        balance=balance_of(row),
        brake=Brake(
            state=BrakeState(row["brake"]),
            code=row["brake_code"],
            text=row["brake_text"],
            since_ms=row["brake_since_ms"],
            probe_ms=row["probe_ms"],
        ),
        quiet_hours=bool(row["quiet_hours"]),
        limits={
            name: Limit(value, date.fromisoformat(as_of), source)
            for name, (value, as_of, source) in json.loads(row["limits"]).items()
        },
        pace=Pace(**json.loads(row["pace"])),
    )


def pace_text(pace: Pace) -> str:
    """Write a pace."""
    return json.dumps(asdict(pace))


def merchant_columns(merchant: Merchant) -> dict[str, Any]:
    """Write what may be amended of a merchant."""
    return {
        "brake": merchant.brake.state.value,
        "brake_code": merchant.brake.code,
        "brake_text": merchant.brake.text,
        "brake_since_ms": merchant.brake.since_ms,
        "probe_ms": merchant.brake.probe_ms,
        "quiet_hours": int(merchant.quiet_hours),
        "limits": json.dumps(
            {name: (limit.value, limit.as_of.isoformat(), limit.source) for name, limit in merchant.limits.items()}
        ),
        "pace": pace_text(merchant.pace),
    }


def campaign_of(row: Row) -> Campaign:
    """Read a campaign."""
    return Campaign(
        campaign=CampaignId(row["key"]),
        merchant=MerchantId(row["mch_id"]),
        appid=AppId(row["appid"]),
        kind=row["kind"],
        state=CampaignState(row["state"]),
        reason=row["reason"],
        template=row["template"],
        begins_ms=row["begins_ms"],
        ends_ms=row["ends_ms"],
        balance=balance_of(row),
    )


def grant_of(row: Row) -> Grant:
    """Read a grant, joined with its person, campaign and order."""
    return Grant(
        grant=GrantId(row["id"]),
        merchant=MerchantId(row["mch_id"]),
        campaign=CampaignId(row["campaign_key"]),
        appid=AppId(row["appid"]),
        openid=None if row["openid"] is None else OpenId(row["openid"]),
        occasion=row["occasion"],
        fen=Fen(row["fen"]),
        number=OrderNumber(row["number"]),
        renewal=row["renewal"],
        frozen=bytes(row["frozen"]),
        state=State(row["state"]),
        money=Money(row["money"]),
        due_ms=row["due_ms"],
        look_ms=row["look_ms"],
        attempts=row["attempts"],
        first_try_ms=row["first_try_ms"],
        last_try_ms=row["last_try_ms"],
        place=row["place"],
        seen_success=bool(row["seen_success"]),
        last_code=row["last_code"],
        last_text=row["last_text"],
        hold_reason=row["hold_reason"],
        list_id=None if row["list_id"] is None else ListId(row["list_id"]),
        row=row["file_row"],
        created_ms=row["created_ms"],
        ended_ms=row["ended_ms"],
    )


def attempt_of(row: Row) -> Attempt:
    """Read an attempt."""
    answered = row["outcome"] is not None
    return Attempt(
        kind=row["kind"],
        number=OrderNumber(row["number"]),
        serial=row["serial"],
        opened_ms=row["opened_ms"],
        slot_ms=row["slot_ms"],
        evidence=Evidence(
            started_ms=row["started_ms"],
            ended_ms=row["ended_ms"],
            outcome=row["outcome"],
            code=row["code"],
            text=row["text"],
            raw=row["raw"],
            list_id=None if row["list_id"] is None else ListId(row["list_id"]),
        )
        if answered
        else None,
        lost=bool(row["lost"]),
    )


def transfer_of(row: Row) -> Transfer:
    """Read a transfer, joined with its campaign's key. A grant's transfers have the key that follows from it."""
    return Transfer(
        key=row["key"] or f"{row['kind']}:{row['grant_id']}",
        kind=Kind(row["kind"]),
        fen=Fen(row["fen"]),
        merchant=MerchantId(row["mch_id"]),
        campaign=None if row["campaign_key"] is None else CampaignId(row["campaign_key"]),
        grant=None if row["grant_id"] is None else GrantId(row["grant_id"]),
        at_ms=row["at_ms"],
    )


def notice_of(row: Row) -> Notice:
    """Read a notice, joined with its campaign's key."""
    return Notice(
        notice=row["id"],
        kind=row["kind"],
        grant=GrantId(row["grant_id"]),
        merchant=MerchantId(row["mch_id"]),
        campaign=CampaignId(row["campaign_key"]),
        number=OrderNumber(row["number"]),
        fen=Fen(row["fen"]),
        state=State(row["state"]),
        at_ms=row["at_ms"],
    )


def batch_of(row: Row) -> Batch:
    """Read a batch."""
    return Batch(
        campaign=CampaignId(row["key"]),
        merchant=MerchantId(row["mch_id"]),
        appid=AppId(row["appid"]),
        state=BatchState(row["state"]),
        content_hash=row["content_hash"],
        template_hash=row["template_hash"],
        template=row["template"],
        file_name=row["file_name"],
        columns=row["columns"],
        continues=None if row["continues"] is None else CampaignId(row["continues"]),
        rows=row["row_count"],
        fen=row["fen"],
        left_out=row["left_out"],
        fed_rows=row["fed_rows"],
        fed_fen=row["fed_fen"],
        fed_line=row["fed_line"],
        submitted_ms=row["submitted_ms"],
    )


def batch_row_of(row: Row) -> BatchRow:
    """Read a row of a batch."""
    return BatchRow(
        line=row["line"],
        openid=None if row["openid"] is None else OpenId(row["openid"]),
        occasion=row["occasion"],
        fen=Fen(row["fen"]),
        wording=row["wording"],
        own=row["own"],
    )
