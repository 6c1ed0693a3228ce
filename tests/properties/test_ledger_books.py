"""Both hands agree after any history, and refused transfers change nothing."""

from hypothesis import given
from hypothesis import strategies as st

from hongbao.ids import CampaignId, GrantId, MerchantId
from hongbao.ledger.account import Balance
from hongbao.ledger.audit import audit
from hongbao.ledger.book import Book, Rejection, post
from hongbao.ledger.transfer import OF_GRANT, OF_MERCHANT, Kind, Transfer
from hongbao.money import Fen

moves = st.lists(
    st.tuples(
        st.sampled_from(Kind),
        st.sampled_from([-50, 0, 30, 100, 500]),
        st.sampled_from(["1", "2"]),
        st.sampled_from(["a", "b"]),
        st.integers(min_value=1, max_value=4),
    ),
    max_size=60,
)


@given(moves)
def test_what_is_posted_always_balances(history: list[tuple[Kind, int, str, str, int]]) -> None:
    """After every transfer all balances are whole, and the second hand, which adds anew, finds the same."""
    book = Book()
    for serial, (kind, fen, merchant, campaign, grant) in enumerate(history):
        transfer = Transfer(
            key=str(serial),
            kind=kind,
            fen=Fen(fen),
            merchant=MerchantId(merchant),
            campaign=None if kind in OF_MERCHANT else CampaignId(campaign),
            grant=GrantId(grant) if kind in OF_GRANT else None,
            at_ms=serial,
        )
        after = post(book, transfer)
        if isinstance(after, Rejection):
            continue
        book = after
        assert all(balance.whole for balance in (*book.merchants.values(), *book.campaigns.values()))
        assert post(book, transfer) is book
    findings = audit(book.transfers.values(), book.merchants, book.campaigns, [])
    # No grants are given, so each that moved is an orphan; nothing else may be found.
    assert {finding.check for finding in findings} <= {"orphans"}
    for merchant, balance in book.merchants.items():
        own = [book.campaigns.get(name, Balance()) for name, owner in book.owners.items() if owner == merchant]
        assert balance.reserved == sum(each.free + each.reserved for each in own)
