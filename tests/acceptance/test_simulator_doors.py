"""A simulator as its users meet it: faults on the wire, control door, proxy, restarts, the command."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.simulator_requests import (
    OPENID,
    PREORDER,
    QUERY,
    SEND,
    connection,
    element,
    post,
    preorder_body,
    query_body,
    send_body,
)

from hongbao.errors import BadInput
from hongbao.simulator.control_client import ControlClient, ControlError
from hongbao.simulator.simulator import MerchantAccess, Simulator, SimulatorDidNotStart
from hongbao.simulator.views import VerdictView


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Simulator:
    running.renew()
    return running


def kept_alive(simulator: Simulator) -> http.client.HTTPSConnection:
    return connection(simulator, (simulator.merchant.certificate, simulator.merchant.key))


class TestFaults:
    """What a client sees when the simulator is told to misbehave."""

    def test_no_answer_after(self, simulator: Simulator) -> None:
        """The packet exists, the client waits in vain; the same number then gets the first answer."""
        simulator.control.add_fault("no_answer_after", count=1)
        caller = kept_alive(simulator)
        caller.connect()
        caller.sock.settimeout(0.2)
        caller.request("POST", SEND, send_body(simulator.merchant, "A1"))
        with pytest.raises(TimeoutError):
            caller.getresponse()
        caller.close()
        [packet] = simulator.control.packets()
        assert (packet.number, packet.status) == ("A1", "SENT")
        simulator.control.jump(seconds=1)
        status, text = post(simulator, SEND, send_body(simulator.merchant, "A1"))
        assert (status, element(text, "send_listid")) == (200, packet.listid)
        assert simulator.control.arrivals(simulator.merchant.mch_id, "A1") == 2
        assert simulator.control.audit() == []

    def test_no_answer_before(self, simulator: Simulator) -> None:
        """The client waits in vain and nothing has happened."""
        simulator.control.add_fault("no_answer_before", count=1)
        caller = kept_alive(simulator)
        caller.connect()
        caller.sock.settimeout(0.2)
        caller.request("POST", SEND, send_body(simulator.merchant, "A1"))
        with pytest.raises(TimeoutError):
            caller.getresponse()
        caller.close()
        assert simulator.control.packets() == []

    @pytest.mark.parametrize("number", ["A1", "A2"])
    def test_cut_before_reply(self, simulator: Simulator, number: str) -> None:
        """The connection ends without a byte of a reply, after the effect."""
        simulator.control.add_fault("cut_before_reply", count=1)
        caller = kept_alive(simulator)
        caller.request("POST", SEND, send_body(simulator.merchant, number))
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, ssl.SSLError)):
            caller.getresponse()
        caller.close()
        assert [packet.number for packet in simulator.control.packets()] == [number]

    def test_cut_mid_reply(self, simulator: Simulator) -> None:
        """The connection ends inside the reply, after the effect."""
        simulator.control.add_fault("cut_mid_reply", count=1)
        caller = kept_alive(simulator)
        caller.request("POST", SEND, send_body(simulator.merchant, "A1"))
        with pytest.raises((http.client.HTTPException, ConnectionResetError, ssl.SSLError)):
            caller.getresponse().read()
        caller.close()
        assert [packet.number for packet in simulator.control.packets()] == ["A1"]

    def test_slow(self, simulator: Simulator) -> None:
        """A slow reply comes late and whole: a client that waits shorter sees nothing of it."""
        simulator.control.add_fault("slow", wait_ms=700, count=1)
        caller = kept_alive(simulator)
        caller.connect()
        caller.sock.settimeout(0.1)
        caller.request("POST", SEND, send_body(simulator.merchant, "A1"))
        with pytest.raises(TimeoutError):
            caller.sock.recv(1)
        caller.sock.settimeout(20)
        assert element(caller.getresponse().read().decode(), "err_code") == "SUCCESS"
        caller.close()

    @pytest.mark.parametrize("status", [400, 502])
    def test_http_status(self, simulator: Simulator, status: int) -> None:
        """An HTML page instead of XML."""
        simulator.control.add_fault("http_status", status=status, count=1)
        answered, text = post(simulator, SEND, send_body(simulator.merchant, "A1"))
        assert answered == status
        assert text.startswith("<html>")

    def test_a_share_of_calls_by_seed(self, simulator: Simulator) -> None:
        """The same seed hits the same calls; about the given share of them."""
        hit: list[list[int]] = []
        for _ in range(2):
            simulator.renew()
            simulator.control.change_merchant(simulator.merchant.mch_id, rate_second_max=None)
            simulator.control.add_fault("http_status", share=0.5)
            caller = kept_alive(simulator)
            statuses: list[int] = []
            for number in range(30):
                caller.request("POST", QUERY, query_body(simulator.merchant, f"Q{number}"))
                reply = caller.getresponse()
                reply.read()
                statuses.append(reply.status)
            caller.close()
            hit.append(statuses)
        assert hit[0] == hit[1]
        assert set(hit[0]) == {200, 502}


class TestControl:
    """The control door through its client."""

    def test_life_of_a_packet(self, simulator: Simulator) -> None:
        """Send, see, open; send another, let a day pass, see it refunded; the books close."""
        merchant = simulator.merchant
        post(simulator, SEND, send_body(merchant, "A1"))
        opened = simulator.control.open_packet(merchant.mch_id, "A1")
        assert (opened.status, [(share.openid, share.fen) for share in opened.shares]) == ("RECEIVED", [(OPENID, 100)])
        post(simulator, SEND, send_body(merchant, "A2", total_amount="250"))
        simulator.control.jump(hours=24)
        assert simulator.control.packet(merchant.mch_id, "A2").status == "RFUND_ING"
        simulator.control.jump(hours=2)
        assert simulator.control.packet(merchant.mch_id, "A2").refund_fen == 250
        assert [packet.number for packet in simulator.control.packets(status="REFUND")] == ["A2"]
        shown = simulator.control.merchant(merchant.mch_id)
        assert (shown.funded_fen - shown.balance_fen, shown.paid_fen, shown.refunded_fen) == (100, 350, 250)
        assert simulator.control.audit() == []

    def test_group_share_by_share(self, simulator: Simulator) -> None:
        """A group is taken share by share until everything is gone."""
        merchant = simulator.merchant
        simulator.control.change_merchant(merchant.mch_id, group_open=True)
        body = send_body(merchant, "G1", total_amount="300", total_num="3", amt_type="ALL_RAND")
        simulator.control.change_rules(extra_known_fields={"/mmpaymkttransfers/sendgroupredpack": ["client_ip"]})
        post(simulator, "/mmpaymkttransfers/sendgroupredpack", body)
        simulator.control.open_packet(merchant.mch_id, "G1")
        simulator.control.take_share(merchant.mch_id, "G1", "oFriend1")
        last = simulator.control.take_share(merchant.mch_id, "G1", "oFriend2")
        assert (last.status, sum(share.fen for share in last.shares)) == ("RECEIVED", 300)
        with pytest.raises(BadInput):
            simulator.control.take_share(merchant.mch_id, "G1", "oFriend3")

    def test_request_with_a_verdict_per_check(self, simulator: Simulator) -> None:
        """The journal shows where a request failed, and paging finds what came after."""
        merchant = simulator.merchant
        post(simulator, SEND, send_body(merchant, "A1"))
        post(simulator, SEND, send_body(merchant, "A2", sign_type="MD5"))
        [later] = simulator.control.requests(after=1)
        assert (later.order, later.err_code) == ("A2", "SIGN_ERROR")
        [verdict] = [verdict for verdict in later.verdicts if verdict.verdict == "refused"]
        assert verdict.check == "sign"
        assert "sign_type" in verdict.note
        whole = simulator.control.request(later.number)
        assert whole.request is not None
        assert "A2" in whole.request
        assert OPENID not in whole.request
        assert merchant.api_key not in str(whole)
        assert [request.number for request in simulator.control.every_request()] == [1, 2]
        assert VerdictView(check="xml", verdict="passed", note="") in later.verdicts

    def test_clock(self, simulator: Simulator) -> None:
        """The clock stops, jumps by a span and to a time, runs fast, and never goes back."""
        control = simulator.control
        stopped = control.stop()
        assert control.clock() == stopped
        assert control.jump(days=1, hours=1, minutes=1, seconds=1, ms=1).now_ms == stopped.now_ms + 90_061_001
        target = stopped.now_ms + 200_000_000
        assert control.jump_to(target).now_ms == target
        with pytest.raises(BadInput):
            control.jump_to(target - 1)
        assert control.run(60).speed == 60

    def test_date_header_follows_the_clock(self, simulator: Simulator) -> None:
        """The Date of a reply is the simulated one, so that a client can measure its skew."""
        simulator.control.stop()
        simulator.control.jump_to(1_893_456_000_000)
        caller = kept_alive(simulator)
        caller.request("POST", QUERY, b"")
        assert caller.getresponse().getheader("Date") == "Tue, 01 Jan 2030 00:00:00 GMT"
        caller.close()

    def test_people(self, simulator: Simulator) -> None:
        """A flagged person is refused for risk, and sent to once the flag is gone."""
        merchant = simulator.merchant
        person = simulator.control.add_person(OPENID, appid=merchant.official_appid, flagged=True)
        assert simulator.control.people() == [person]
        assert element(post(simulator, SEND, send_body(merchant, "A1"))[1], "err_code") == "NO_AUTH"
        assert not simulator.control.change_person(OPENID, flagged=False).flagged
        simulator.control.jump(seconds=1)
        assert element(post(simulator, SEND, send_body(merchant, "A1"))[1], "err_code") == "SUCCESS"

    def test_merchant_without_money(self, simulator: Simulator) -> None:
        """A merchant of one's own, without money at first, then topped up."""
        access = simulator.add_merchant("1900000009", api_key="k" * 32, official_appid="wxother", balance_fen=0)
        pair = (access.certificate, access.key)
        assert element(post(simulator, SEND, send_body(access, "A1"), pair)[1], "err_code") == "NOTENOUGH"
        assert simulator.control.packet("1900000009", "A1").status == "SENDING"
        assert simulator.control.top_up("1900000009", 100).balance_fen == 100
        simulator.control.jump(seconds=1)
        assert element(post(simulator, SEND, send_body(access, "A1"), pair)[1], "err_code") == "SUCCESS"
        assert [merchant.mch_id for merchant in simulator.control.merchants()] == ["1900000001", "1900000009"]

    def test_faults_come_and_go(self, simulator: Simulator) -> None:
        """Rules are listed, counted, removed one by one and all at once."""
        first = simulator.control.add_fault("slow", wait_ms=1, path="gethbinfo")
        second = simulator.control.add_fault("unknown_code", code="NEVER_SEEN", number="A1")
        assert simulator.control.faults() == [first, second]
        text = post(simulator, SEND, send_body(simulator.merchant, "A1"))[1]
        assert element(text, "err_code") == "NEVER_SEEN"
        assert simulator.control.clear_faults(first.id)[0].applied == 1
        assert simulator.control.clear_faults() == []

    def test_ticket(self, simulator: Simulator) -> None:
        """A pre-order is drawn by its ticket, once, and then opened by who drew it."""
        merchant = simulator.merchant
        text = post(simulator, PREORDER, preorder_body(merchant, "P1"))[1]
        ticket = element(text, "sp_ticket")
        assert simulator.control.bind_ticket(ticket, "oDrawer").openid == "oDrawer"
        with pytest.raises(BadInput) as refused:
            simulator.control.bind_ticket(ticket, "oLater")
        assert refused.value.field == "ticket"
        opened = simulator.control.open_packet(merchant.mch_id, "P1")
        assert (opened.status, opened.shares[0].openid) == ("RECEIVED", "oDrawer")

    def test_reset(self, simulator: Simulator) -> None:
        """Packets, requests and faults are forgotten; the merchant and its opening balance stay."""
        post(simulator, SEND, send_body(simulator.merchant, "A1"))
        simulator.control.add_fault("slow", wait_ms=1)
        simulator.control.reset(seed=7)
        state = simulator.control.state()
        assert (state["faults"], simulator.control.packets(), simulator.control.requests()) == ([], [], [])
        shown = simulator.control.merchant(simulator.merchant.mch_id)
        assert shown.balance_fen == shown.funded_fen

    def test_rules(self, simulator: Simulator) -> None:
        """A rule is overridden by name; an unknown one is refused."""
        assert simulator.control.change_rules(lenient_sign=True)["lenient_sign"] is True
        assert simulator.control.rules()["lenient_sign"] is True
        with pytest.raises(BadInput) as refused:
            simulator.control.change_rules(lenient_signs=True)
        assert refused.value.field == "lenient_signs"

    def test_nobody_there(self) -> None:
        """Without a simulator the client says where it looked."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        with pytest.raises(ControlError, match=f"127.0.0.1:{port}"):
            ControlClient(f"http://127.0.0.1:{port}").clock()


class TestLifeOfASimulator:
    """Starting, stopping, living side by side, coming back."""

    def test_side_by_side(self, simulator: Simulator) -> None:
        """Two simulators know nothing of each other."""
        with Simulator() as other:
            post(other, SEND, send_body(other.merchant, "A1"))
            assert len(other.control.packets()) == 1
            assert simulator.control.packets() == []

    def test_a_data_folder_keeps_everything(self, tmp_path: Path) -> None:
        """After a restart: same certificates, same packet, same listid for the same number, clock gone on."""
        with Simulator(data_folder=tmp_path, era="2016") as first:
            sent = post(first, SEND, send_body(first.merchant, "A1"))[1]
            first.control.jump(days=1)
            stopped = first.control.stop()
            ca, pair = first.ca_file.read_bytes(), first.merchant
        with Simulator(data_folder=tmp_path) as second:
            assert second.control.clock() == stopped
            assert second.ca_file.read_bytes() == ca
            assert second.merchant == pair
            again = post(second, SEND, send_body(second.merchant, "A1"))[1]
            assert element(again, "send_listid") == element(sent, "send_listid")
            assert second.control.audit() == []

    def test_memory_leaves_nothing_behind(self) -> None:
        """The folder of certificates goes with the simulator."""
        with Simulator() as simulator:
            folder = simulator.ca_file.parent
            assert folder.exists()
        assert not folder.exists()

    def test_taken_port(self, simulator: Simulator) -> None:
        """A taken port is a clear error that names it, and leaves nothing running."""
        port = int(simulator.base_url.rpartition(":")[2])
        with pytest.raises(SimulatorDidNotStart, match=str(port)):
            Simulator(port=port).start()

    def test_another_era_than_the_folders(self, tmp_path: Path) -> None:
        """A folder of one era is not opened as another."""
        with Simulator(data_folder=tmp_path, era="2016"):
            pass
        with pytest.raises(BadInput) as refused:
            Simulator(data_folder=tmp_path, era="2025").start()
        assert refused.value.field == "era"

    @pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])
    def test_control_door_stays_on_loopback(self, host: str) -> None:
        """The door that has no lock is not opened to other machines by a slip."""
        with pytest.raises(BadInput) as refused:
            Simulator(control_host=host)
        assert refused.value.field == "control_host"

    def test_renew_is_for_memory(self, tmp_path: Path) -> None:
        """A kept world is not thrown away by the fixture's verb."""
        with Simulator(data_folder=tmp_path) as kept, pytest.raises(BadInput):
            kept.renew()

    def test_keys_stay_out_of_the_repr(self, simulator: Simulator) -> None:
        """Printing the access shows no key."""
        shown = repr(simulator.merchant)
        assert simulator.merchant.api_key not in shown
        assert simulator.merchant.work_secret not in shown


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_through_the_proxy(simulator: Simulator) -> None:
    """A client with WeChat's host hard-coded reaches the simulator through the proxy."""
    merchant = simulator.merchant
    done = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--max-time", "20", "--proxy", simulator.proxy_url),
            *("--cacert", str(simulator.ca_file), "--cert", str(merchant.certificate), "--key", str(merchant.key)),
            *("--data-binary", "@-", f"https://api.mch.weixin.qq.com{SEND}"),
        ],
        input=send_body(merchant, "A1"),
        capture_output=True,
        check=True,
    )
    assert element(done.stdout.decode(), "err_code") == "SUCCESS"


class TestHostileCallersOfTheControlDoor:
    """What a web page of another site could try."""

    def ask(self, simulator: Simulator, method: str, path: str, body: bytes, **headers: str) -> tuple[int, str]:
        host, _, port = simulator.control_url.removeprefix("http://").rpartition(":")
        caller = http.client.HTTPConnection(host, int(port), timeout=20)
        try:
            caller.request(method, path, body, headers)
            reply = caller.getresponse()
            return reply.status, json.loads(reply.read())["error"]["field"]
        finally:
            caller.close()

    def test_foreign_host(self, simulator: Simulator) -> None:
        """A name that was made to point here is refused (DNS rebinding)."""
        assert self.ask(simulator, "POST", "/reset", b"", Host="evil.example") == (403, "Host")

    def test_foreign_origin(self, simulator: Simulator) -> None:
        """A page of another site is refused."""
        assert self.ask(simulator, "POST", "/reset", b"", Origin="https://evil.example") == (403, "Origin")

    @pytest.mark.parametrize(
        ("method", "path", "body", "answer"),
        [
            ("POST", "/merchants", b"{", (400, "body")),
            ("POST", "/merchants", b"[]", (400, "body")),
            ("POST", "/merchants", b'{"mch_id": "1"}', (400, "api_key")),
            ("POST", "/merchants", b'{"mch_id": 1, "api_key": "k"}', (400, "mch_id")),
            ("POST", "/merchants", b'{"mch_id": "1", "api_key": "k", "balanc_fen": 1}', (400, "balanc_fen")),
            ("POST", "/merchants/1900000001/top-up", b'{"fen": 1.5}', (400, "fen")),
            ("POST", "/merchants/1900000001/top-up", b'{"fen": true}', (400, "fen")),
            ("POST", "/merchants/1900000001/top-up", b'{"fen": -5}', (400, "fen")),
            ("POST", "/faults", b'{"kind": "slow", "wait_ms": 5, "effect": "yes"}', (400, "effect")),
            ("POST", "/faults", b'{"kind": "slow", "wait_ms": 5, "share": "half"}', (400, "share")),
            ("POST", "/faults", b'{"kind": "nonsense"}', (400, "kind")),
            ("POST", "/clock/jump", b"{}", (400, "by_ms")),
            ("GET", "/packets?limit=0", b"", (400, "limit")),
            ("GET", "/packets?limit=ten", b"", (400, "limit")),
            ("GET", "/packets?colour=red", b"", (400, "colour")),
            ("POST", "/merchants/..%2F..%2Fx/certificates", b"", (404, "path")),
            ("POST", "/merchants/a.b/certificates", b"", (400, "mch_id")),
            ("POST", "/merchants/1900000001/certificates/broken", b"", (400, "flaw")),
            ("GET", "/nowhere", b"", (404, "path")),
            ("DELETE", "/clock", b"", (405, "path")),
            ("POST", "/reset", b"[" * 100_000, (400, "body")),
        ],
    )
    def test_bad_input(
        self, simulator: Simulator, method: str, path: str, body: bytes, answer: tuple[int, str]
    ) -> None:
        """Every slip is refused by the name of its field and changes nothing."""
        before = simulator.control.state()["merchants"]
        assert self.ask(simulator, method, path, body) == answer
        assert simulator.control.state()["merchants"] == before


class TestCommand:
    """`hongbao simulator`."""

    COMMAND = (sys.executable, "-c", "from hongbao.cli.main import main; raise SystemExit(main())", "simulator")

    @pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
    def test_runs_until_told_to_end(self, tmp_path: Path, ending: signal.Signals) -> None:
        """It prints one JSON line when ready, serves, and ends with 0 on Ctrl-C and SIGTERM."""
        command = [*self.COMMAND, "--json", "--port=0", "--proxy-port=0", "--control-port=0", f"--data={tmp_path}"]
        process = subprocess.Popen(
            [*command, "--era=2016", "--rule=lenient_sign=true"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        control = ControlClient(ready["control_url"])
        assert [merchant.mch_id for merchant in control.merchants()] == [ready["merchant"]["mch_id"]]
        rules = control.rules()
        assert (rules["era"], rules["lenient_sign"]) == ("2016", True)
        assert Path(ready["ca_file"]).exists()
        process.send_signal(ending)
        _, complaints = process.communicate(timeout=30)
        assert (process.returncode, complaints) == (0, "")

    def test_kill_9_loses_nothing_that_was_answered(self, tmp_path: Path) -> None:
        """What has been answered survives the sudden end of the process."""
        command = [*self.COMMAND, "--json", "--port=0", "--proxy-port=0", "--control-port=0", f"--data={tmp_path}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        merchant = MerchantAccess(
            **{
                name: Path(value) if name in {"certificate", "key", "p12"} else value
                for name, value in ready["merchant"].items()
            }
        )
        context = ssl.create_default_context(cafile=ready["ca_file"])
        context.load_cert_chain(merchant.certificate, merchant.key)
        caller = http.client.HTTPSConnection(ready["base_url"].removeprefix("https://"), context=context, timeout=20)
        numbers = [f"A{number}" for number in range(5)]
        for number in numbers:
            caller.request("POST", SEND, send_body(merchant, number))
            assert element(caller.getresponse().read().decode(), "err_code") == "SUCCESS"
        process.kill()
        process.communicate(timeout=30)
        caller.close()
        with Simulator(data_folder=tmp_path) as again:
            assert [packet.number for packet in again.control.packets(status="SENT")] == numbers
            assert again.control.audit() == []

    def test_shows_a_table(self, tmp_path: Path) -> None:
        """For people it prints addresses and files, unwrapped even in a narrow terminal."""
        process = subprocess.Popen(
            [*self.COMMAND, "--port=0", "--proxy-port=0", "--control-port=0", f"--data={tmp_path}"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "40", "PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        process.terminate()
        process.communicate(timeout=30)
        p12 = tmp_path / "certificates" / "merchants" / "1900000001" / "apiclient_cert.p12"
        assert any(line.rstrip().endswith(str(p12)) for line in lines)

    def test_certificates(self, tmp_path: Path) -> None:
        """One command makes a CA, a server certificate and pairs; a second run uses the same CA."""
        command = [*self.COMMAND, "certificates", f"--out={tmp_path}", "--json"]
        first = json.loads(subprocess.run([*command, "--mch-id=1900000001"], capture_output=True, check=True).stdout)
        ca = Path(first["ca"]).read_bytes()
        second = json.loads(
            subprocess.run([*command, "--mch-id=1900000002", "--flaw=expired"], capture_output=True, check=True).stdout
        )
        assert Path(second["ca"]).read_bytes() == ca
        assert all(Path(path).exists() for path in {**first, **second}.values())
        assert Path(first["1900000001 key"]).stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (["--control-host=0.0.0.0"], 2, "control_host"),
            (["--rule=nonsense"], 2, "rule"),
            (["--rule=no_such_rule=1"], 2, "no_such_rule"),
            (["certificates", "--out=x", "--mch-id=../etc"], 2, "mch_id"),
        ],
    )
    def test_bad_options(self, tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
        """A bad option is one line that names it, and exit code 2."""
        done = subprocess.run([*self.COMMAND, *arguments], capture_output=True, cwd=tmp_path, check=False, text=True)
        assert done.returncode == code
        assert words in done.stderr
        assert "Traceback" not in done.stderr

    def test_taken_port(self, simulator: Simulator) -> None:
        """A taken port is one line and exit code 1."""
        port = simulator.base_url.rpartition(":")[2]
        done = subprocess.run([*self.COMMAND, f"--port={port}"], capture_output=True, check=False, text=True)
        assert done.returncode == 1
        assert port in done.stderr
        assert "Traceback" not in done.stderr
