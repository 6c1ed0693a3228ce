"""Keeps batches going: their rows become grants ahead of the lanes, and what is left goes back when all has ended.

A service of the worker. Several may run at once: a row becomes a grant once, by the key of its promise.
"""

from collections.abc import Sequence
from dataclasses import replace

from hongbao.batch.submit import CANCELLING, cancel_rest, hand_back
from hongbao.batch.template import Template, kept_template
from hongbao.engine.channel import Channel
from hongbao.engine.intake import Award, claim_of
from hongbao.engine.ports import (
    Batch,
    BatchRow,
    BatchState,
    BookBroken,
    Campaign,
    CampaignState,
    Refusal,
    Refused,
    Store,
)
from hongbao.engine.running import Progress, Run, in_thread
from hongbao.errors import BadInput
from hongbao.ids import OpenId
from hongbao.ledger.grant import ENDED, State

AHEAD = 20_000
"""So many grants of a batch wait to be sent at most; the other rows wait as rows."""
CHUNK = 500
"""Rows in one transaction: the lanes of all merchants wait for it."""

_OPEN = frozenset({CampaignState.LIVE, CampaignState.PAUSED})


class BatchKeeper:
    """Feeds and settles batches."""

    def __init__(self, store: Store, channel: Channel, *, run: Run = in_thread) -> None:
        """Freeze requests over `channel`, keep in `store`."""
        self._store = store
        self._channel = channel
        self._run = run

    async def step(self) -> Progress:
        """Feed one chunk of each batch that has room, and settle those that have ended."""
        done = 0
        alarms: list[str] = []
        for batch in await self._run(self._store.open_batches):
            try:
                done += await self._run(lambda batch=batch: self._keep(batch))
            except (BadInput, BookBroken) as error:
                # One batch that cannot go on must not keep the others.
                alarms.append(f"batch {batch.campaign} is paused: {error}")
                reason = str(error)
                await self._run(lambda batch=batch, reason=reason: self._pause(batch, reason))
        return Progress(done=done, alarms=tuple(alarms))

    def _pause(self, batch: Batch, reason: str) -> None:
        self._store.amend_campaign(
            batch.campaign,
            lambda now, _: (
                replace(now, state=CampaignState.PAUSED, reason=reason) if now.state is CampaignState.LIVE else now
            ),
        )

    def _keep(self, batch: Batch) -> int:
        campaign = self._store.campaign(batch.campaign)
        if campaign is None:
            return 0
        now_ms = self._store.now_ms()
        over = campaign.ends_ms is not None and campaign.ends_ms <= now_ms and campaign.state in _OPEN
        if over or campaign.reason == CANCELLING:
            # The window is over; or somebody who was cancelling the rest did not come to its end.
            cancel_rest(self._store, batch.campaign)
            return 1
        if batch.state is BatchState.FEEDING:
            begun = campaign.begins_ms is None or campaign.begins_ms <= now_ms
            return self._feed(batch, campaign) if begun and campaign.state is CampaignState.LIVE else 0
        return self._settle(batch)

    def _feed(self, batch: Batch, campaign: Campaign) -> int:
        tally = self._store.tally(batch.campaign)
        if State.DUE in tally and tally[State.DUE].grants >= AHEAD:
            return 0
        rows = self._store.batch_rows(batch.campaign, after=batch.fed_line, count=CHUNK)
        if rows:
            if not self._take_in(rows, campaign):
                return 0
            self._store.feed_batch(batch.campaign, line=rows[-1].line)
        else:
            self._store.keep_batch(batch.campaign, old=BatchState.FEEDING, new=BatchState.FED)
        return len(rows)

    def _take_in(self, rows: Sequence[BatchRow], campaign: Campaign) -> bool:
        """Make grants of rows; False if the batch was paused or ended meanwhile."""
        template = kept_template(campaign.template)
        # A row that another worker feeds at this moment may have lost its openid already: then it is a grant.
        claims = [
            claim_of(self._award(row, row.openid, template, campaign), campaign, self._channel)
            for row in rows
            if row.openid is not None
        ]
        refusals = [
            (claim.row, answer.reason)
            for claim, answer in zip(claims, self._store.intake(claims), strict=True)
            if isinstance(answer, Refused)
        ]
        for line, reason in refusals:
            if reason is not Refusal.CLOSED:
                raise BadInput(field=f"line {line}", fault=reason.value, remedy="look at this person's grants")
        return not refusals

    def _award(self, row: BatchRow, openid: OpenId, template: Template, campaign: Campaign) -> Award:
        return Award(
            campaign=campaign.campaign,
            openid=openid,
            occasion=row.occasion,
            fen=row.fen,
            words=template.fields(row.wording),
            row=row.line,
        )

    def _settle(self, batch: Batch) -> int:
        """Give back what is left once all grants have ended."""
        tally = self._store.tally(batch.campaign)
        if any(count.grants for state, count in tally.items() if state not in ENDED):
            return 0
        hand_back(self._store, batch.campaign)
        self._store.amend_campaign(batch.campaign, lambda now, _: replace(now, state=CampaignState.SETTLED))
        self._store.keep_batch(batch.campaign, old=BatchState.FED, new=BatchState.SETTLED)
        return 1
