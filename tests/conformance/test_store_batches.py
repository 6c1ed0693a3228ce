"""Rows of an openid file are staged, become a batch once, and grants little by little."""

from dataclasses import replace
from typing import Any

import pytest
from tests.conformance.worlds import APPID, MERCHANT, NOON_MS, World, claim, openid

from hongbao.engine.ports import BatchRow, BatchState, CampaignState, Count, Submission
from hongbao.errors import BadInput
from hongbao.ids import AppId, CampaignId, MerchantId
from hongbao.ledger.grant import Event
from hongbao.money import Fen

STAGED = CampaignId("staging")
AUTUMN = CampaignId("autumn")
WINTER = CampaignId("winter")


def row(line: int, occasion: str = "1", fen: int = 100) -> BatchRow:
    return BatchRow(line, openid(line), occasion, Fen(fen), "", "")


def submission(**changes: Any) -> Submission:
    given: dict[str, Any] = {
        "campaign": AUTUMN,
        "merchant": MerchantId(MERCHANT),
        "appid": AppId(APPID),
        "content_hash": "rows",
        "template_hash": "template",
        "template": "{}",
        "file_name": "list.txt",
    }
    return Submission(**{**given, **changes})


def submitted(world: World, lines: int = 3, **changes: Any) -> CampaignId:
    world.store.stage_batch(STAGED, [row(line) for line in range(1, lines + 1)])
    return world.store.submit_batch(STAGED, submission(**changes)).campaign


def started(world: World, key: CampaignId, fen: int = 300) -> None:
    world.store.fund(MerchantId(MERCHANT), Fen(fen), f"fund {key}")
    world.store.allot(key, Fen(fen), f"start {key}")
    world.store.amend_campaign(key, lambda now, _: replace(now, state=CampaignState.LIVE))
    world.store.keep_batch(key, old=BatchState.READY, new=BatchState.FEEDING)


def test_staged_rows_are_nobodys_until_they_are_submitted(world: World) -> None:
    """Then they are all there, with their sum, and the campaign is a draft."""
    world.store.stage_batch(STAGED, [row(1), row(2)])
    world.store.stage_batch(STAGED, [row(3, fen=250)])
    assert world.store.batch(STAGED) is None
    assert world.store.batches(MerchantId(MERCHANT)) == []
    batch = world.store.submit_batch(STAGED, submission())
    assert (batch.rows, batch.fen, batch.state, batch.submitted_ms) == (3, 450, BatchState.READY, NOON_MS)
    assert world.store.batch_rows(AUTUMN, after=1, count=5) == [row(2), row(3, fen=250)]
    assert world.store.batch_lines(AUTUMN, [3, 9]) == [row(3, fen=250)]
    campaign = world.store.campaign(AUTUMN)
    assert campaign is not None
    assert (campaign.state, campaign.kind) == (CampaignState.DRAFT, "batch")


def test_staging_the_same_rows_again_adds_nothing(world: World) -> None:
    """As after a commit whose outcome was not known."""
    world.store.stage_batch(STAGED, [row(1), row(2)])
    world.store.stage_batch(STAGED, [row(1), row(2)])
    assert world.store.submit_batch(STAGED, submission()).rows == 2


def test_the_same_rows_under_the_same_template_are_the_same_batch(world: World) -> None:
    """What was staged the second time stays nobody's, and can be forgotten."""
    submitted(world)
    world.store.stage_batch(CampaignId("later"), [row(line) for line in (1, 2, 3)])
    again = world.store.submit_batch(CampaignId("later"), submission(campaign=WINTER))
    assert again == world.store.batch(AUTUMN)
    assert world.store.batch(WINTER) is None
    world.clock.at_ms += 1
    assert world.store.staged_batches(before_ms=world.clock.at_ms) == ["later"]
    assert world.store.unstage_batch(CampaignId("later"), count=2) == 2
    assert world.store.unstage_batch(CampaignId("later"), count=2) == 1
    assert world.store.staged_batches(before_ms=world.clock.at_ms) == []


def test_the_same_rows_under_another_template_are_refused_unless_that_is_meant(world: World) -> None:
    """Somebody who changed the wishing would else pay everybody twice."""
    submitted(world)
    world.store.stage_batch(STAGED, [row(1)])
    other = submission(campaign=WINTER, template_hash="other")
    with pytest.raises(BadInput, match="another template"):
        world.store.submit_batch(STAGED, other)
    assert world.store.submit_batch(STAGED, replace(other, again=True)).campaign == WINTER
    assert [batch.campaign for batch in world.store.same_rows(MerchantId(MERCHANT), "rows")] == [AUTUMN, WINTER]
    assert [batch.campaign for batch in world.store.batches(MerchantId(MERCHANT))] == [WINTER, AUTUMN]


def test_a_submitted_batch_takes_no_more_rows_and_cannot_be_forgotten(world: World) -> None:
    """It is what was submitted, for ever."""
    submitted(world)
    with pytest.raises(BadInput, match="submitted already"):
        world.store.stage_batch(AUTUMN, [row(4)])
    assert world.store.unstage_batch(AUTUMN, count=10) == 0


def test_fed_rows_are_counted_once_and_lose_their_openid(world: World) -> None:
    """Two workers may say so of the same rows."""
    submitted(world)
    world.store.feed_batch(AUTUMN, line=2)
    batch = world.store.feed_batch(AUTUMN, line=2)
    assert (batch.fed_rows, batch.fed_fen, batch.fed_line) == (2, 200, 2)
    assert [each.openid for each in world.store.batch_rows(AUTUMN, after=0, count=5)] == [None, None, openid(3)]


def test_open_batches_are_those_that_were_started_and_are_not_settled(world: World) -> None:
    """The rest costs nothing to those who look for work."""
    submitted(world)
    assert world.store.open_batches() == []
    world.store.keep_batch(AUTUMN, old=BatchState.READY, new=BatchState.FEEDING)
    assert world.store.keep_batch(AUTUMN, old=BatchState.READY, new=BatchState.FED).state is BatchState.FEEDING
    assert [batch.campaign for batch in world.store.open_batches()] == [AUTUMN]
    world.store.keep_batch(AUTUMN, old=BatchState.FEEDING, new=BatchState.FED)
    world.store.keep_batch(AUTUMN, old=BatchState.FED, new=BatchState.SETTLED)
    assert world.store.open_batches() == []


def test_a_continuation_leaves_out_who_is_paid_or_may_yet_be(world: World) -> None:
    """Of four rows one failed, one is sent, one is unsure, one is still a row: only the one that failed is paid."""
    submitted(world, 4)
    started(world, AUTUMN, 400)
    world.store.intake([claim(line, "1", 100, campaign=AUTUMN, row=line) for line in (1, 2, 3)])
    world.store.feed_batch(AUTUMN, line=3)
    sent, failed, unsure = world.leased(3)
    world.answer(sent, Event.SAID_SENT)
    world.answer(failed, Event.GIVEN_UP)
    world.answer(unsure, Event.NO_ANSWER)
    world.store.stage_batch(STAGED, [row(line) for line in (1, 2, 3, 4)])
    batch = world.store.submit_batch(STAGED, submission(campaign=WINTER, content_hash="more", continues=AUTUMN))
    assert (batch.rows, batch.fen, batch.left_out) == (1, 100, 3)
    assert world.store.batch_rows(WINTER, after=0, count=5) == [row(2)]


def test_a_batch_is_continued_once_and_only_after_it_was_started(world: World) -> None:
    """A second continuation would pay the failed rows twice; it must continue the first one."""
    submitted(world)
    more = submission(campaign=WINTER, content_hash="more", continues=AUTUMN)
    world.store.stage_batch(STAGED, [row(line) for line in (7, 8)])
    with pytest.raises(BadInput, match="never started"):
        world.store.submit_batch(STAGED, more)
    started(world, AUTUMN)
    world.store.submit_batch(STAGED, more)
    world.store.stage_batch(STAGED, [row(9)])
    with pytest.raises(BadInput, match="continued by winter"):
        world.store.submit_batch(STAGED, replace(more, campaign=CampaignId("third"), content_hash="third"))


def test_a_file_whose_rows_are_all_covered_is_no_batch(world: World) -> None:
    """Nothing is left to pay, and what was staged stays nobody's."""
    submitted(world)
    started(world, AUTUMN)
    world.store.stage_batch(STAGED, [row(1), row(2)])
    with pytest.raises(BadInput, match="no row"):
        world.store.submit_batch(STAGED, submission(campaign=WINTER, content_hash="more", continues=AUTUMN))
    assert world.store.unstage_batch(STAGED, count=5) == 2


def test_who_was_paid_lately_is_found_and_nobody_else(world: World) -> None:
    """Not who failed, not who only waits, not who was paid before."""
    for person in (1, 2, 3):
        world.grant(person)
    sent, failed = world.leased(2)
    world.answer(sent, Event.SAID_SENT)
    world.answer(failed, Event.GIVEN_UP)
    people = [openid(person) for person in (1, 2, 3, 4)]
    paid = sent.grant.openid
    store, merchant, appid = world.store, MerchantId(MERCHANT), AppId(APPID)
    assert store.paid_since(merchant, appid, people, NOON_MS) == [paid]
    assert store.paid_since(merchant, appid, people, NOON_MS + 60_000) == []
    assert store.paid_since(MerchantId("1900000002"), appid, people, NOON_MS) == []


def test_what_was_sent_on_a_day_is_counted(world: World) -> None:
    """And nothing on another."""
    world.grant(1, fen=150)
    (leased,) = world.leased()
    world.answer(leased, Event.SAID_SENT)
    assert world.store.sent_on(MerchantId(MERCHANT), 20250101) == Count(1, 150)
    assert world.store.sent_on(MerchantId(MERCHANT), 20250102) == Count(0, 0)
