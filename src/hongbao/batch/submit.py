"""A checked file becomes a batch: all of it or nothing, and the same rows only once.

The batch's key, and with it every order number, follows from what is paid to whom and how. So the same file submitted
to a database that was lost and set up anew gives the same numbers, and WeChat pays nobody twice.
"""

import json
from dataclasses import replace
from hashlib import blake2b

from hongbao.batch.check import Checked
from hongbao.batch.file import OpenidFile
from hongbao.batch.template import Template
from hongbao.clock import Dice
from hongbao.engine.ports import Batch, BatchState, CampaignState, Store, Submission
from hongbao.errors import BadInput
from hongbao.ids import AppId, CampaignId, MerchantId
from hongbao.money import Fen

FORGET_MS = 86_400_000
"""After so long a batch whose rows stopped arriving is forgotten."""
CANCELLING = "the rest is being cancelled"
"""Why a campaign is paused while its rest is taken back."""
_FORGET_ROWS = 5_000
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def batch_key(content: str, template: str) -> CampaignId:
    """Return a batch's key: 16 letters and digits that no eye mixes up."""
    number = int.from_bytes(blake2b(f"{content}\0{template}".encode(), digest_size=10).digest(), "big")
    return CampaignId("b" + "".join(_LETTERS[number >> 5 * place & 31] for place in range(15, -1, -1)))


def submit(
    store: Store,
    file: OpenidFile,
    template: Template,
    checked: Checked,
    *,
    merchant: MerchantId,
    appid: AppId,
    dice: Dice,
    again: bool = False,
    continues: CampaignId | None = None,
) -> tuple[Batch, bool]:
    """Make a batch of a file without faults. Returns it, and False if it was there before.

    Raises:
        BadInput: the file has faults; the same rows are there under another template and `again` is not said; the
            batch to be continued cannot be.
    """
    if checked.bad:
        raise BadInput(field="file", fault=f"has {checked.bad} faults", remedy="mend them; nothing was submitted")
    template_hash = template.hash()
    for same in store.same_rows(merchant, checked.content):
        if same.template_hash == template_hash:
            return same, False
    forget_abandoned(store)
    submission = Submission(
        campaign=batch_key(checked.content, template_hash),
        merchant=merchant,
        appid=appid,
        content_hash=checked.content,
        template_hash=template_hash,
        template=template.json(),
        file_name=file.path.name,
        columns=_columns(file),
        continues=continues,
        again=again,
        begins_ms=template.begins_ms,
        ends_ms=template.ends_ms,
    )
    staged = CampaignId(f"staging-{dice.token(20)}")
    try:
        for rows in checked.batch_rows():
            store.stage_batch(staged, rows)
        batch = store.submit_batch(staged, submission)
    finally:
        # Does nothing once it is submitted.
        while store.unstage_batch(staged, count=_FORGET_ROWS):
            pass
    return batch, True


def _columns(file: OpenidFile) -> str:

    return json.dumps(file.columns, ensure_ascii=False) if file.columns else ""


def forget_abandoned(store: Store) -> None:
    """Forget rows that a dead process left."""
    for staged in store.staged_batches(before_ms=store.now_ms() - FORGET_MS):
        while store.unstage_batch(staged, count=_FORGET_ROWS):
            pass


def start(store: Store, key: CampaignId) -> Batch:
    """Reserve the batch's budget and let it go. Again: nothing more happens.

    Raises:
        BadInput: there is no such batch, the merchant has not enough, or its rest was cancelled.
    """
    batch = found(store, key)
    if batch.state is BatchState.READY:
        store.allot(key, Fen(batch.fen), f"start {key}")
        _turn(store, key, CampaignState.DRAFT, CampaignState.LIVE)
        return store.keep_batch(key, old=BatchState.READY, new=BatchState.FEEDING)
    return batch


def pause(store: Store, key: CampaignId) -> CampaignState:
    """Let nothing more go out; queries go on. Returns what stands."""
    found(store, key)
    return _turn(store, key, CampaignState.LIVE, CampaignState.PAUSED)


def resume(store: Store, key: CampaignId) -> CampaignState:
    """Let a paused batch go on, whoever paused it. Returns what stands.

    Raises:
        BadInput: there is no such batch, or its rest is being cancelled.
    """
    found(store, key)
    campaign = store.campaign(key)
    if campaign is not None and campaign.reason == CANCELLING:
        raise BadInput(field="batch", fault=CANCELLING, remedy="let it end; submit a continuation for the rest")
    return _turn(store, key, CampaignState.PAUSED, CampaignState.LIVE)


def cancel_rest(store: Store, key: CampaignId) -> int:
    """Take back everything of which nothing ever left, and its money. Returns how many packets that are.

    What may have left is followed to its end.
    """
    batch = found(store, key)
    if batch.state is BatchState.READY:
        # Never started: there is nothing to take back, and nothing will ever start.
        _end(store, key)
        store.keep_batch(key, old=BatchState.READY, new=BatchState.SETTLED)
        return batch.rows
    # First nothing more comes in or goes out. The reason is kept: whoever finds it takes this to its end.
    store.amend_campaign(
        key,
        lambda now, _: (
            replace(now, state=CampaignState.PAUSED, reason=CANCELLING)
            if now.state in {CampaignState.LIVE, CampaignState.PAUSED}
            else now
        ),
    )
    waiting = batch.state is BatchState.FEEDING
    batch = store.keep_batch(key, old=BatchState.FEEDING, new=BatchState.FED)
    cancelled = batch.rows - batch.fed_rows if waiting else 0
    while count := store.cancel_rest(key, count=500):
        cancelled += count
    _end(store, key)
    hand_back(store, key)
    return cancelled


def _end(store: Store, key: CampaignId) -> None:
    for state in (CampaignState.DRAFT, CampaignState.LIVE, CampaignState.PAUSED):
        _turn(store, key, state, CampaignState.ENDED)


def hand_back(store: Store, key: CampaignId) -> int:
    """Return the free part of a campaign's budget to its merchant; how much that is."""
    campaign = store.campaign(key)
    if campaign is None or not campaign.balance.free:
        return 0
    fen = campaign.balance.free
    # The key names the balance it starts from: asked twice at the same moment, it is done once.
    balance = campaign.balance
    store.allot(key, Fen(-fen), f"back {key} {balance.funded} {balance.paid} {balance.reserved}")
    return fen


def found(store: Store, key: CampaignId) -> Batch:
    """Return a batch.

    Raises:
        BadInput: there is no such batch.
    """
    batch = store.batch(key)
    if batch is None:
        raise BadInput(field="batch", fault=f"there is no {key!r}", remedy="take the key that `submit` printed")
    return batch


def _turn(store: Store, key: CampaignId, old: CampaignState, new: CampaignState) -> CampaignState:
    return store.amend_campaign(
        key, lambda now, _: replace(now, state=new, reason="") if now.state is old else now
    ).state
