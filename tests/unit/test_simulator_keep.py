"""A world that survives its process."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.simulator_desk import DAY, FRIENDS, MCH_ID, NOON_MS, OPENID, Desk

from hongbao.errors import BadInput
from hongbao.simulator.keep import Keep
from hongbao.simulator.views import to_json
from hongbao.simulator.world import World

_OPEN: list[Keep] = []


@pytest.fixture(autouse=True)
def bury() -> Iterator[None]:
    """Let go of the files of the "killed" processes once the test is over."""
    yield
    for keep in _OPEN:
        keep.close()
    _OPEN.clear()


def keep_in(folder: Path) -> Keep:
    _OPEN.append(Keep(folder))
    return _OPEN[-1]


def reopened(folder: Path, start_ms: int = NOON_MS) -> Desk:
    """What a new process finds, the old one killed: the first keep is never closed."""
    return Desk(None, keep=keep_in(folder), start_ms=start_ms)


def busy(folder: Path) -> Desk:
    desk = Desk("2017", keep=keep_in(folder), seed=7, rules={"refund_ms": 5}, settings={"addresses": ["192.0.2.10"]})
    desk.world.add_fault("slow", wait_ms=5, share=0.5)
    desk.send("sent")
    desk.send("opened")
    desk.world.open_packet(MCH_ID, "opened")
    desk.call("sendgroupredpack", mch_billno="group")
    desk.world.open_packet(MCH_ID, "group")
    desk.call("hbpreorder", mch_billno="ticket")
    desk.call("sendminiprogramhb", mch_billno="mini")
    desk.call("sendworkwxredpack", mch_billno="work")
    desk.world.change_merchant(MCH_ID, {"fen_day_max": 0})
    desk.send("stuck", re_openid=FRIENDS[0])
    desk.world.add_person("flagged", appid="wx", flagged=True)
    return desk


def everything(world: World) -> object:
    return to_json(
        [
            world.merchants(),
            world.people(limit=1000),
            world.packets(limit=1000),
            world.faults(),
            world.rules(),
            world.clock_view(),
            world.state.seed,
            {packet.number: packet.shares for packet in world.state.packets.values()},
        ]
    )


def test_everything_is_found_again_after_a_kill(tmp_path: Path) -> None:
    desk = busy(tmp_path)
    assert everything(reopened(tmp_path).world) == everything(desk.world)


STEPS: dict[str, Callable[[Desk], object]] = {
    "send": lambda desk: desk.send("next", re_openid=FRIENDS[2]),
    "repeat": lambda desk: desk.send("sent"),
    "repeat of a stuck order": lambda desk: desk.send("stuck", re_openid=FRIENDS[0]),
    "open": lambda desk: desk.world.open_packet(MCH_ID, "sent"),
    "take": lambda desk: desk.world.take_share(MCH_ID, "group", FRIENDS[3]),
    "draw": lambda desk: desk.world.bind_ticket(desk.packet("ticket").ticket, FRIENDS[3]),
    "expire": lambda desk: desk.pass_ms(DAY),
    "refund": lambda desk: desk.pass_ms(DAY + 5),
    "fail": lambda desk: desk.pass_ms(3 * DAY),
    "top up": lambda desk: desk.world.top_up(MCH_ID, 1),
    "bind": lambda desk: desk.world.bind_account(MCH_ID, "wx_new"),
    "merchant": lambda desk: desk.world.add_merchant("1", api_key="k", balance_fen=7),
    "person": lambda desk: desk.world.change_person(OPENID, flagged=True),
    "rules": lambda desk: desk.world.change_rules({"expiry_ms": 9, "extra_known_fields": {"gethbinfo": ["x"]}}),
    "fault": lambda desk: desk.world.add_fault("processing_then_failed", wait_ms=9),
    "run": lambda desk: desk.world.clock_run(1) and desk.world.clock_stop(),
}


@pytest.mark.parametrize("step", STEPS)
def test_each_step_alone_is_found_again_after_a_kill(tmp_path: Path, step: str) -> None:
    first = busy(tmp_path)
    first.world.change_merchant(MCH_ID, {"fen_day_max": None if step == "send" else 0})
    first.world.clear_faults()
    desk = reopened(tmp_path)
    STEPS[step](desk)
    again = reopened(tmp_path)
    assert everything(again.world) == everything(desk.world)
    assert again.world.audit() == []


def test_a_clock_that_is_behind_is_put_forward(tmp_path: Path) -> None:
    desk = busy(tmp_path)
    desk.pass_ms(DAY)
    assert reopened(tmp_path, start_ms=NOON_MS - DAY).world.clock.now_ms() == NOON_MS + DAY


def test_secrets_are_found_again_too(tmp_path: Path) -> None:
    busy(tmp_path)
    desk = reopened(tmp_path)
    desk.world.change_merchant(MCH_ID, {"fen_day_max": None})
    assert desk.send("next").code == "SUCCESS"
    assert desk.call("sendworkwxredpack", mch_billno="next2").code == "SUCCESS"


def test_what_was_due_falls_due_in_the_next_life(tmp_path: Path) -> None:
    desk = busy(tmp_path)
    again = reopened(tmp_path)
    for one in (desk, again):
        one.pass_ms(4 * DAY)
    assert everything(again.world) == everything(desk.world)
    assert again.packet("sent").status == "REFUND"
    assert again.world.audit() == []


def test_what_fell_due_while_nobody_ran_happens_at_its_own_time(tmp_path: Path) -> None:
    busy(tmp_path)
    again = reopened(tmp_path, start_ms=NOON_MS + 10 * DAY)
    assert again.packet("sent").refund_ms == NOON_MS + DAY + 5


def test_a_repeat_in_the_next_life_gets_the_first_answer(tmp_path: Path) -> None:
    desk = busy(tmp_path)
    desk.world.clear_faults()
    first = desk.send("sent")
    assert reopened(tmp_path).send("sent").departure == first.departure


def test_numbers_given_by_the_world_go_on(tmp_path: Path) -> None:
    desk = busy(tmp_path)
    again = reopened(tmp_path)
    listids = {packet.listid for packet in desk.world.packets()}
    again.send("next", re_openid=FRIENDS[1])
    assert again.packet("next").listid not in listids
    assert again.world.add_fault("no_answer_before").id == 2


def test_the_limits_of_the_day_are_remembered(tmp_path: Path) -> None:
    desk = Desk("2017", keep=keep_in(tmp_path), settings={"person_packets_day_max": 2, "fen_day_max": 300})
    desk.send("n1")
    desk.world.bind_ticket(str(desk.call("hbpreorder", mch_billno="n2")["sp_ticket"]), OPENID)
    again = reopened(tmp_path)
    assert again.send("n3").code == "SENDNUM_LIMIT"
    assert again.send("n4", re_openid=FRIENDS[0]).code == "SUCCESS"
    assert again.send("n5", re_openid=FRIENDS[1]).code == "SENDAMOUNT_LIMIT"


def test_a_ticket_can_be_drawn_in_the_next_life(tmp_path: Path) -> None:
    desk = busy(tmp_path)
    ticket = desk.packet("ticket").ticket
    assert reopened(tmp_path).world.bind_ticket(ticket, "o_other").openid == "o_other"


def test_a_stopped_clock_is_found_where_it_stood(tmp_path: Path) -> None:
    desk = Desk(keep=keep_in(tmp_path))
    desk.pass_ms(77)
    world = World(keep=keep_in(tmp_path))
    assert (world.clock.now_ms(), world.clock.speed) == (NOON_MS + 77, 0)


def test_a_reset_is_remembered(tmp_path: Path) -> None:
    desk = busy(tmp_path)
    desk.world.reset(seed=8)
    again = reopened(tmp_path)
    assert everything(again.world) == everything(desk.world)
    assert again.world.packets() == []


def test_a_cleared_fault_does_not_come_back(tmp_path: Path) -> None:
    desk = busy(tmp_path)
    desk.world.add_fault("no_answer_before", count=0)
    desk.world.clear_faults(1)
    assert [rule.id for rule in reopened(tmp_path).world.faults()] == [2]


def test_a_folder_of_another_era_is_refused(tmp_path: Path) -> None:
    busy(tmp_path)
    with pytest.raises(BadInput, match="holds a world of 2017"):
        World(era="2025", keep=keep_in(tmp_path))


def test_a_folder_of_another_form_is_refused(tmp_path: Path) -> None:
    Keep(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "world.sqlite3")) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(BadInput, match="form 99"):
        Keep(tmp_path)


def test_others_on_the_machine_cannot_read_the_keys(tmp_path: Path) -> None:
    Desk(keep=keep_in(tmp_path)).world.close()
    assert (tmp_path / "world.sqlite3").stat().st_mode & 0o777 == 0o600


def test_an_answer_is_kept_before_it_leaves(tmp_path: Path) -> None:
    desk = Desk(keep=keep_in(tmp_path))
    desk.send("n1")
    with closing(sqlite3.connect(tmp_path / "world.sqlite3")) as database:
        rows = database.execute("SELECT key FROM thing WHERE kind = 'packet'").fetchall()
    assert rows == [(f"{MCH_ID}/n1",)]
