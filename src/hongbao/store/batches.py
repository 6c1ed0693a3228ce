"""The openid file in the store: rows are staged in small commits, become a batch in one, and grants little by little.

A million rows in one transaction would keep every lane waiting; a million grants at once would be most of a gigabyte
before the first packet. Until a batch is submitted its rows are nobody's; afterwards they never change.
"""

from collections.abc import Sequence
from itertools import islice

from sqlalchemy import delete, func, insert, select, update

from hongbao.engine.ports import (
    Batch,
    BatchRow,
    BatchState,
    Campaign,
    Count,
    Submission,
)
from hongbao.errors import BadInput
from hongbao.ids import CampaignId, MerchantId, OpenId
from hongbao.store import books
from hongbao.store.rows import batch_of, batch_row_of, openid_hash
from hongbao.store.schema import batch_rows, batches
from hongbao.store.session import Row, Session

_CHUNK = 2_000


def stage(session: Session, staged: CampaignId, rows: Sequence[BatchRow]) -> None:
    """Add rows to a batch that is not submitted yet."""
    batch = _row(session, staged)
    if batch is None:
        begun = insert(batches).values(key=staged, state=BatchState.STAGING.value, begun_ms=session.now_ms())
        session.core.execute(begun)
        batch = _row(session, staged)
    if batch is None or batch["state"] != BatchState.STAGING:
        raise BadInput(field="batch", fault=f"{staged} is submitted already", remedy="stage under another name")
    number = batch["id"]
    # Rows come in the order of the file: what is there already came with an answer that was lost.
    last = session.core.execute(select(func.max(batch_rows.c.line)).where(batch_rows.c.batch_id == number)).scalar()
    columns = ("batch_id", "line", "openid", "occasion", "fen", "wording", "own")
    session.load("batch_rows", columns, ((number, *row) for row in rows if last is None or row.line > last))


def unstage(session: Session, staged: CampaignId, count: int) -> int:
    """Forget rows of a batch that is not submitted, at last itself."""
    batch = _row(session, staged)
    if batch is None or batch["state"] != BatchState.STAGING:
        return 0
    lines = (
        select(batch_rows.c.line)
        .where(batch_rows.c.batch_id == batch["id"])
        .order_by(batch_rows.c.line)
        .limit(count)
        .subquery()
    )
    gone = session.core.execute(
        delete(batch_rows).where(batch_rows.c.batch_id == batch["id"], batch_rows.c.line.in_(select(lines.c.line)))
    ).rowcount
    if gone < count:
        session.core.execute(delete(batches).where(batches.c.id == batch["id"]))
    return gone


def staged(session: Session, before_ms: int) -> list[CampaignId]:
    """Return batches that were never submitted."""
    query = (
        select(batches.c.key)
        .where(batches.c.state == BatchState.STAGING.value, batches.c.begun_ms < before_ms)
        .order_by(batches.c.id)
    )
    return [CampaignId(key) for key in session.core.execute(query).scalars()]


def submit(session: Session, staged: CampaignId, submission: Submission, person_key: bytes) -> Batch:
    """Make a batch out of what is staged."""
    for same in same_rows(session, submission.merchant, submission.content_hash):
        if same.template_hash == submission.template_hash:
            return same
        if not submission.again:
            raise BadInput(
                field="file",
                fault=f"the same rows are there as batch {same.campaign}, under another template",
                remedy="look at that batch; give --again if everybody on the list shall really get another packet",
            )
    chain = _chain(session, submission)
    row = _row(session, staged)
    if row is None:
        raise BadInput(field="file", fault="has no rows", remedy="give one openid a line")
    number = row["id"]
    session.hold((), chain)
    left_out = _leave_out(session, number, submission, chain, person_key) if chain else 0
    rows, fen = session.core.execute(
        select(func.count(), func.coalesce(func.sum(batch_rows.c.fen), 0)).where(batch_rows.c.batch_id == number)
    ).one()
    if not rows:
        raise BadInput(
            field="file",
            fault="has no row that the continued batch does not cover",
            remedy="there is nothing to do",
        )
    session.core.execute(
        update(batches)
        .where(batches.c.id == number)
        .values(
            key=submission.campaign,
            mch_id=submission.merchant,
            appid=submission.appid,
            state=BatchState.READY.value,
            content_hash=submission.content_hash,
            template_hash=submission.template_hash,
            template=submission.template,
            file_name=submission.file_name,
            columns=submission.columns,
            continues=submission.continues,
            row_count=rows,
            # PostgreSQL sums whole numbers to a decimal.
            fen=int(fen),
            left_out=left_out,
            submitted_ms=session.now_ms(),
        )
    )
    books.add_campaign(
        session,
        Campaign(
            campaign=submission.campaign,
            merchant=submission.merchant,
            appid=submission.appid,
            kind="batch",
            template=submission.template,
            begins_ms=submission.begins_ms,
            ends_ms=submission.ends_ms,
        ),
    )
    return _batch(session, submission.campaign)


def _chain(session: Session, submission: Submission) -> list[CampaignId]:
    """Return the batches before this one, the newest first."""
    chain: list[CampaignId] = []
    key = submission.continues
    while key is not None:
        before = batch(session, key)
        if before is None or before.merchant != submission.merchant or before.appid != submission.appid:
            raise BadInput(
                field="continues", fault=f"{key} is no batch of this merchant and account", remedy="name another batch"
            )
        if before.state is BatchState.READY:
            raise BadInput(field="continues", fault=f"{key} was never started", remedy="submit the file by itself")
        if not chain:
            query = select(batches.c.key).where(batches.c.continues == key)
            later = session.core.execute(query).scalar()
            if later is not None:
                raise BadInput(
                    field="continues", fault=f"{key} is continued by {later}", remedy=f"continue {later} instead"
                )
        chain.append(key)
        key = before.continues
    return chain


def _leave_out(
    session: Session, number: int, submission: Submission, chain: Sequence[CampaignId], person_key: bytes
) -> int:
    """Delete rows that the batches before cover, and return how many: those of people who have a grant that did not
    fail, and those that will become grants.
    """
    before = (
        select(batch_rows.c.openid, batch_rows.c.occasion)
        .join(batches, batches.c.id == batch_rows.c.batch_id)
        .where(
            batches.c.key.in_(chain),
            batches.c.state == BatchState.FEEDING.value,
            batch_rows.c.line > batches.c.fed_line,
        )
    )
    mine = batch_rows.c.batch_id == number
    # One look-up for each row of the old batch that is not a grant yet; they are many only while it is being fed.
    waiting = {(openid, occasion) for openid, occasion in session.core.execute(before)}
    gone: list[int] = []
    query = (
        select(batch_rows.c.line, batch_rows.c.openid, batch_rows.c.occasion).where(mine).order_by(batch_rows.c.line)
    )
    rows = iter(session.core.execute(query).all())
    while chunk := list(islice(rows, _CHUNK)):
        gone += [line for line, openid, occasion in chunk if (openid, occasion) in waiting]
        asked = [
            {
                "appid": submission.appid,
                "openid_hash": openid_hash(person_key, submission.appid, openid),
                "occasion": occasion,
                "line": line,
            }
            for line, openid, occasion in chunk
        ]
        covered = session.matching(
            "covered", ("appid", "openid_hash", "occasion", "line"), asked, campaigns=list(chain)
        )
        gone += [row["line"] for row in covered]
    lines = sorted(set(gone))
    for start in range(0, len(lines), _CHUNK):
        part = lines[start : start + _CHUNK]
        session.core.execute(delete(batch_rows).where(mine, batch_rows.c.line.in_(part)))
    return len(lines)


def _row(session: Session, key: CampaignId) -> Row | None:
    return session.core.execute(select(batches).where(batches.c.key == key)).mappings().first()


def batch(session: Session, key: CampaignId) -> Batch | None:
    """Return a submitted batch."""
    row = _row(session, key)
    return None if row is None or row["state"] == BatchState.STAGING else batch_of(row)


def _batch(session: Session, key: CampaignId) -> Batch:
    found = batch(session, key)
    if found is None:
        raise KeyError(key)
    return found


def same_rows(session: Session, mch_id: MerchantId, content_hash: str) -> list[Batch]:
    """Return the batches of these rows."""
    query = (
        select(batches).where(batches.c.mch_id == mch_id, batches.c.content_hash == content_hash).order_by(batches.c.id)
    )
    return [batch_of(row) for row in session.core.execute(query).mappings()]


def of_merchant(session: Session, mch_id: MerchantId, after: CampaignId | None, count: int) -> list[Batch]:
    """Return a merchant's batches, newest first."""
    query = select(batches).where(batches.c.mch_id == mch_id).order_by(batches.c.id.desc()).limit(count)
    if after is not None:
        query = query.where(batches.c.id < select(batches.c.id).where(batches.c.key == after).scalar_subquery())
    return [batch_of(row) for row in session.core.execute(query).mappings()]


def open_ones(session: Session) -> list[Batch]:
    """Return the batches that are started and not settled."""
    states = (BatchState.FEEDING.value, BatchState.FED.value)
    query = (
        select(batches)
        .where(batches.c.state.in_(states), batches.c.state != BatchState.SETTLED.value)
        .order_by(batches.c.id)
    )
    return [batch_of(row) for row in session.core.execute(query).mappings()]


def keep(session: Session, key: CampaignId, old: BatchState, new: BatchState) -> Batch:
    """Move a batch from one state to the next."""
    moved = update(batches).where(batches.c.key == key, batches.c.state == old.value).values(state=new.value)
    session.core.execute(moved)
    return _batch(session, key)


def rows_after(session: Session, key: CampaignId, after: int, count: int) -> list[BatchRow]:
    """Return rows beyond a line."""
    home = select(batches.c.id).where(batches.c.key == key).scalar_subquery()
    query = (
        select(batch_rows)
        .where(batch_rows.c.batch_id == home, batch_rows.c.line > after)
        .order_by(batch_rows.c.line)
        .limit(count)
    )
    return [batch_row_of(row) for row in session.core.execute(query).mappings()]


def lines(session: Session, key: CampaignId, wanted: Sequence[int]) -> list[BatchRow]:
    """Return single rows."""
    home = select(batches.c.id).where(batches.c.key == key).scalar_subquery()
    query = (
        select(batch_rows)
        .where(batch_rows.c.batch_id == home, batch_rows.c.line.in_(wanted))
        .order_by(batch_rows.c.line)
    )
    return [batch_row_of(row) for row in session.core.execute(query).mappings()]


def feed(session: Session, key: CampaignId, line: int) -> Batch:
    """Say that the rows up to a line are grants."""
    # Two workers may feed the same rows: each becomes one grant, and is counted once.
    session.hold((), [key])
    row = _row(session, key)
    if row is None:
        raise KeyError(key)
    fresh = (batch_rows.c.batch_id == row["id"]) & (batch_rows.c.line > row["fed_line"]) & (batch_rows.c.line <= line)
    rows, fen = session.core.execute(
        select(func.count(), func.coalesce(func.sum(batch_rows.c.fen), 0)).where(fresh)
    ).one()
    if rows:
        session.core.execute(update(batch_rows).where(fresh).values(openid=None))
        session.core.execute(
            update(batches)
            .where(batches.c.id == row["id"])
            .values(fed_line=line, fed_rows=row["fed_rows"] + rows, fed_fen=row["fed_fen"] + int(fen))
        )
    return _batch(session, key)


def paid_since(
    session: Session, person_key: bytes, mch_id: MerchantId, appid: str, openids: Sequence[OpenId], since_ms: int
) -> list[OpenId]:
    """Return which of these people were paid."""
    people = {openid_hash(person_key, appid, openid): openid for openid in openids}
    asked: list[Row] = [{"appid": appid, "openid_hash": who} for who in people]
    found = session.matching("paid_since", ("appid", "openid_hash"), asked, mch_id=mch_id, since_ms=since_ms)
    return [people[row["openid_hash"]] for row in found]


def sent_on(session: Session, mch_id: MerchantId, day: int) -> Count:
    """Return what a merchant sent on a day."""
    found = session.rows("merchant_day", mch_id=mch_id, day=day)
    return Count(found[0]["packets"], found[0]["fen"]) if found else Count(0, 0)
