"""What holds whatever comes in: splits are exact, nothing makes the face raise, the books always close."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.unit.simulator_desk import FORMS, FRIENDS, HOUR, MCH_ID, Desk, body_of, md5_sign

from hongbao.clock import SeededDice
from hongbao.errors import BadInput
from hongbao.simulator.dice import chance, split
from hongbao.wechat import xml


@given(people=st.integers(1, 20), extra=st.integers(0, 500_000), seed=st.integers(0, 2**64))
def test_a_split_gives_everybody_at_least_a_fen_and_loses_none(people: int, extra: int, seed: int) -> None:
    fen = people + extra
    shares = split(fen, people, SeededDice(seed))
    assert len(shares) == people
    assert min(shares) >= 1
    assert sum(shares) == fen


@given(seed=st.integers(), number=st.integers(0, 1000))
def test_chance_is_certain_at_its_ends(seed: int, number: int) -> None:
    assert chance(seed, 1.0, "fault", number)
    assert not chance(seed, 0.0, "fault", number)


@given(body=st.binary(max_size=200))
def test_any_bytes_get_an_answer(body: bytes) -> None:
    assert Desk().post("sendredpack", body).code


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40)


@given(api=st.sampled_from(sorted(FORMS)), data=st.data())
@settings(max_examples=200)
def test_any_values_in_any_fields_get_an_answer(api: str, data: st.DataObject) -> None:
    """Signed rightly, whatever the values: a reply that can be read comes back, and the books close."""
    desk = Desk("2017")
    fields = desk.fields(api)
    names = sorted({*fields, "sub_mch_id", "scene_id", "total_amount", "total_num", "extra"} - {"sign"})
    values = TEXTS | st.sampled_from(["0", "1", "3", "100", "00", "-1", "999999999", "٣", "1e3"])
    changes = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=4))
    sent = {**fields, **changes}
    sent["sign"] = md5_sign(sent)
    body = body_of(sent) if not any("]]>" in value for value in sent.values()) else xml.write(sent.items())
    assert desk.post(api, body).code
    assert desk.world.audit() == []


class ManyDays(RuleBasedStateMachine):
    """Merchants send, people open, time passes, calls go wrong: the books close after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk("2017", balance_fen=3000, settings={"person_packets_day_max": 3})
        self.made = 0
        self.groups: list[str] = []

    @rule(people=st.integers(0, 4), fen=st.integers(100, 1500))
    def send(self, people: int, fen: int) -> None:
        self.made += 1
        self.desk.send(f"n{self.made}", re_openid=FRIENDS[people], total_amount=str(fen))

    @rule(people=st.integers(3, 6))
    def send_group(self, people: int) -> None:
        self.made += 1
        self.groups.append(f"n{self.made}")
        self.desk.call(
            "sendgroupredpack",
            mch_billno=self.groups[-1],
            re_openid=FRIENDS[0],
            total_num=str(people),
            total_amount=str(people * 100),
        )

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        number = f"n{data.draw(st.integers(1, self.made))}"
        if number in self.groups:
            return
        known = [packet for packet in self.desk.world.packets(limit=1000) if packet.number == number]
        if known:
            self.desk.send(number, re_openid=known[0].openid, total_amount=str(known[0].fen))

    @precondition(lambda self: self.made)
    @rule(data=st.data(), friend=st.integers(0, 6))
    def open(self, data: st.DataObject, friend: int) -> None:
        number = f"n{data.draw(st.integers(1, self.made))}"
        try:
            if number in self.groups:
                self.desk.world.take_share(MCH_ID, number, FRIENDS[friend])
            else:
                self.desk.world.open_packet(MCH_ID, number)
        except BadInput:
            pass

    @rule(hours=st.integers(1, 80))
    def wait(self, hours: int) -> None:
        self.desk.pass_ms(hours * HOUR)

    @rule(fen=st.integers(1, 1000))
    def top_up(self, fen: int) -> None:
        self.desk.world.top_up(MCH_ID, fen)

    @rule(
        kind=st.sampled_from(["no_answer_after", "processing", "processing_then_sent", "processing_then_failed"]),
        hours=st.integers(1, 50),
    )
    def fault(self, kind: str, hours: int) -> None:
        self.desk.world.add_fault(kind, count=1, wait_ms=hours * HOUR)

    @invariant()
    def the_books_close(self) -> None:
        assert self.desk.world.audit() == []
        assert self.desk.balance_fen >= 0


TestManyDays = ManyDays.TestCase
TestManyDays.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
