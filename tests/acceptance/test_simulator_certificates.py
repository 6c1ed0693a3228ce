"""No certificate, a good one, every bad one, in three runtimes: each gets its HTTP answer, no broken handshake."""

import http.client
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.simulator_requests import SEND, connection, element, send_body

from hongbao.simulator.simulator import Simulator

OTHER_MCH_ID = "1900000002"

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

CASES = ("good", "none", "self-signed", "other-ca", "expired", "another merchant's")

CA_ERROR_TEXTS = {
    "good": ("SUCCESS", "发放成功"),
    "none": ("CA_ERROR", "CA证书出错，请登录微信支付商户平台下载证书"),
    "self-signed": ("CA_ERROR", "CA证书出错，请登录微信支付商户平台下载证书"),
    "other-ca": ("CA_ERROR", "CA证书出错，请登录微信支付商户平台下载证书"),
    "expired": ("CA_ERROR", "证书已过期"),
    "another merchant's": ("CA_ERROR", "CA证书出错，请登录微信支付商户平台下载证书"),
}

NGINX_TITLES = {
    "none": "400 No required SSL certificate was sent",
    "self-signed": "400 The SSL certificate error",
    "other-ca": "400 The SSL certificate error",
    "expired": "400 The SSL certificate error",
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(rules={"rate_second_max": None, "person_packets_day_max": None}) as running:
        running.add_merchant(OTHER_MCH_ID, api_key="k" * 32)
        yield running


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def files(simulator: Simulator, case: str) -> dict[str, Path] | None:
    match case:
        case "none":
            return None
        case "good":
            return simulator.control.certificates(simulator.merchant.mch_id)
        case "another merchant's":
            return simulator.control.certificates(OTHER_MCH_ID)
        case flaw:
            return simulator.control.certificates(simulator.merchant.mch_id, flaw)


@pytest.fixture
def number(request: pytest.FixtureRequest) -> str:
    """An order number of the test's own."""
    return "".join(character for character in request.node.name if character.isalnum())[-28:]


def judge(case: str, setting: str, status: int, text: str) -> None:
    if setting == "nginx_400" and case in NGINX_TITLES:
        assert status == 400
        assert f"<title>{NGINX_TITLES[case]}</title>" in text
        return
    assert status == 200
    assert (element(text, "err_code"), element(text, "err_code_des")) == CA_ERROR_TEXTS[case]


@pytest.fixture(params=["ca_error", "nginx_400"])
def setting(request: pytest.FixtureRequest, simulator: Simulator) -> str:
    simulator.control.change_rules(bad_certificate=request.param)
    return request.param


def test_python(simulator: Simulator, case: str, files: dict[str, Path] | None, number: str, setting: str) -> None:
    """Python's ssl with the PEM pair."""
    caller = connection(simulator, None if files is None else (files["certificate"], files["key"]))
    caller.request("POST", SEND, send_body(simulator.merchant, number))
    reply = caller.getresponse()
    judge(case, setting, reply.status, reply.read().decode())
    caller.close()


@needs_curl
@pytest.mark.parametrize("form", ["pem", "p12"])
def test_curl(
    simulator: Simulator, case: str, files: dict[str, Path] | None, number: str, setting: str, form: str
) -> None:
    """curl with the PEM pair and with the .p12, whose passphrase is the merchant number."""
    if files is None:
        options: list[str] = []
    elif form == "pem":
        options = ["--cert", str(files["certificate"]), "--key", str(files["key"])]
    else:
        mch_id = OTHER_MCH_ID if case == "another merchant's" else simulator.merchant.mch_id
        options = ["--cert-type", "P12", "--cert", f"{files['p12']}:{mch_id}"]
    done = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--max-time", "20", "--cacert", str(simulator.ca_file), *options),
            *("--data-binary", "@-", "--write-out", "\n%{http_code}", simulator.base_url + SEND),
        ],
        input=send_body(simulator.merchant, number),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    text, _, status = done.stdout.decode().rpartition("\n")
    judge(case, setting, int(status), text)


NODE = """
const fs = require("fs"), https = require("https");
const [url, ca, p12, passphrase] = process.argv.slice(1);
const options = {method: "POST", ca: fs.readFileSync(ca)};
if (p12) Object.assign(options, {pfx: fs.readFileSync(p12), passphrase});
const request = https.request(url, options, reply => {
  let text = "";
  reply.setEncoding("utf8");
  reply.on("data", piece => text += piece);
  reply.on("end", () => console.log(JSON.stringify([reply.statusCode, text])));
});
request.on("error", error => { console.error(error); process.exit(1); });
process.stdin.pipe(request);
"""


@needs_node
def test_node(simulator: Simulator, case: str, files: dict[str, Path] | None, number: str, setting: str) -> None:
    """Another runtime with the .p12; it streams the body, so the request is chunked."""
    mch_id = OTHER_MCH_ID if case == "another merchant's" else simulator.merchant.mch_id
    p12 = [] if files is None else [str(files["p12"]), mch_id]
    done = subprocess.run(
        ["node", "-e", NODE, simulator.base_url + SEND, str(simulator.ca_file), *p12],
        input=send_body(simulator.merchant, number),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    status, text = json.loads(done.stdout)
    judge(case, setting, status, text)


def test_expired_by_a_jump(simulator: Simulator) -> None:
    """A good certificate runs out when the simulated clock passes its end: the rehearsal of a forgotten renewal."""
    with Simulator() as aging:
        aging.control.jump(days=5 * 365 + 2)
        caller = connection(aging, (aging.merchant.certificate, aging.merchant.key))
        caller.request("POST", SEND, send_body(aging.merchant, "late1"))
        assert element(caller.getresponse().read().decode(), "err_code_des") == "证书已过期"
        caller.close()


def test_server_is_verified(simulator: Simulator) -> None:
    """A client that does not know the CA refuses the simulator, as it would refuse an impostor."""
    host, _, port = simulator.base_url.removeprefix("https://").rpartition(":")
    caller = http.client.HTTPSConnection(host, int(port), context=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        caller.connect()
