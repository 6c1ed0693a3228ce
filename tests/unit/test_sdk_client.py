"""What a client takes, shows and makes without calling anybody."""

import asyncio
import pickle
from pathlib import Path
from typing import Any

import pytest
from tests.factories import (
    API_KEY,
    APPID,
    MCH_ID,
    NUMBER,
    OPENID,
    WORKWX_SECRET,
    FixedClock,
    certificate,
    credentials,
    query,
    reply,
    send_red_pack,
    send_work,
)

from hongbao.clock import SeededDice
from hongbao.errors import BadInput
from hongbao.wechat import HOSTS, AsyncClient, BizRedPacket, Client, SentMiniProgramRedPack, Timeouts
from hongbao.wechat.flow import Answer, Post
from hongbao.wechat.signing import sign

CLIENTS: list[type[Client] | type[AsyncClient]] = [Client, AsyncClient]
PACKAGE = "sendid=24&ver=8"


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(
    "url",
    [
        "http://api.mch.weixin.qq.com",
        "api.mch.weixin.qq.com",
        "https://",
        "https:///x",
        "",
        "https://h?x=1",
        "https://h#x",
        "https://user:secret@h",
        "https://h:0",
        "https://h:65536",
        "https://h:x",
        "https://h i",
        "https://h\r\nX: 1",
        "ftp://h",
        "https://[::1",
        "https://红",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(kind: type[Client], url: str) -> None:
    """What looks like an address may hold a password."""
    for given in (url, (HOSTS[0], url)):
        with pytest.raises(BadInput) as caught:
            kind(credentials(), base_url=given)
        assert caught.value.field == "base_url"
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://localhost:8443", "https://127.0.0.1:1/", "https://[::1]:65535", "https://gw.example/wechat/v2"]
)
def test_an_address_of_a_host_is_taken(url: str) -> None:
    assert repr(Client(credentials(), base_url=url)) == f"Client({MCH_ID} at {url})"


def test_no_address_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        Client(credentials(), base_url=())
    assert caught.value.field == "base_url"


def test_production_is_the_default() -> None:
    assert HOSTS == ("https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com")
    assert repr(AsyncClient(credentials())) == f"AsyncClient({MCH_ID} at https://api.mch.weixin.qq.com)"


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["missing", "empty", "not PEM"])
def test_a_ca_file_that_cannot_be_used_is_named(kind: type[Client], content: bytes | None, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        kind(credentials(), ca_file=ca_file)
    assert caught.value.field == "ca_file"


@pytest.mark.parametrize("kind", CLIENTS)
def test_verification_of_the_server_is_not_an_option(kind: type[Client]) -> None:
    with pytest.raises(TypeError):
        kind(credentials(), verify=False)  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_client_shows_no_secret(kind: type[Client]) -> None:
    shown = repr(kind(credentials()))
    assert API_KEY not in shown
    assert API_KEY[:8] not in shown


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_client_cannot_be_pickled(kind: type[Client]) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(kind(credentials()))


def test_explain_sign_shows_the_string_with_the_key_masked() -> None:
    client = Client(credentials(), dice=SeededDice(1))
    assert client.explain_sign(query()) == (
        f"appid={APPID}&bill_type=MCHT&mch_billno={NUMBER}&mch_id={MCH_ID}"
        "&nonce_str=4ur9hgns31ufr0gp8yw10jxd7f17fh88&key=19…(32 characters)"
    )


def test_explain_sign_of_an_enterprise_packet_shows_neither_key_nor_secret() -> None:
    explained = Client(credentials()).explain_sign(send_work())
    assert "workwx_sign=" in explained
    assert API_KEY not in explained
    assert WORKWX_SECRET not in explained


def test_explain_sign_refuses_what_calling_would() -> None:
    with pytest.raises(BadInput):
        Client(credentials()).explain_sign(send_red_pack(total_amount=1))


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_page_gets_what_opens_the_packet(kind: type[Client]) -> None:
    client = kind(credentials(), clock=FixedClock(), dice=SeededDice(1))
    sent = SentMiniProgramRedPack(
        mch_billno=NUMBER,
        mch_id=MCH_ID,
        wxappid=APPID,
        re_openid=OPENID,
        total_amount=100,
        send_listid="1",
        send_time=None,
        package=PACKAGE,
        fields={},
    )
    opening = client.biz_red_packet(sent)
    pairs = [
        ("appId", APPID),
        ("nonceStr", "4ur9hgns31ufr0gp8yw10jxd7f17fh88"),
        ("package", "sendid%3D24%26ver%3D8"),
        ("timeStamp", "1735704000"),
    ]
    assert opening.as_dict() == {
        "timeStamp": "1735704000",
        "nonceStr": "4ur9hgns31ufr0gp8yw10jxd7f17fh88",
        "package": "sendid%3D24%26ver%3D8",
        "signType": "MD5",
        "paySign": sign(pairs, API_KEY).lower(),
    }


def test_what_opens_a_packet_is_not_shown() -> None:
    opening = BizRedPacket(
        time_stamp="1735704000", nonce_str="nonce", package=PACKAGE, sign_type="MD5", pay_sign="sign"
    )
    assert repr(opening) == "BizRedPacket(time_stamp='1735704000')"
    assert repr(
        SentMiniProgramRedPack(
            mch_billno=NUMBER,
            mch_id=MCH_ID,
            wxappid=APPID,
            re_openid=OPENID,
            total_amount=100,
            send_listid="1",
            send_time=None,
            package="sendid=0123456789",
            fields={"package": "sendid=0123456789"},
        )
    ) == (
        f"SentMiniProgramRedPack(mch_billno='{NUMBER}', mch_id='{MCH_ID}', wxappid='{APPID}', re_openid=o000…001, "
        "total_amount=100, send_listid='1', package=send…789)"
    )


class Recorder:
    """A transport that keeps the posts and answers with a success."""

    def __init__(self, *_: Any) -> None:
        self.posts: list[Post] = []

    def post(self, post: Post) -> Answer:
        self.posts.append(post)
        return Answer(200, reply(("return_code", "SUCCESS")))


class AsyncRecorder(Recorder):
    async def post(self, post: Post) -> Answer:  # type: ignore[override]
        return super().post(post)


SPELLINGS = {
    "attributes": lambda client: client.v2.mmpaymkttransfers.sendredpack,
    "chain": lambda client: client.chain("v2/mmpaymkttransfers/sendredpack"),
    "item": lambda client: client["v2/mmpaymkttransfers/sendredpack"],
    "mixed": lambda client: client.v2["mmpaymkttransfers"].chain("sendredpack"),
    "slashes": lambda client: client["/v2/mmpaymkttransfers/"]["/sendredpack/"],
    "without v2": lambda client: client.chain("mmpaymkttransfers/sendredpack"),
}


def posted(posts: list[Post]) -> tuple[str, int]:
    assert len(posts) == 1
    return posts[0].url, posts[0].body.count(b"<sign>")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_the_generic_door_posts_to_the_same_path(spelling: str) -> None:
    client = Client(credentials())
    recorder = client._transport = Recorder()  # type: ignore[assignment]
    assert SPELLINGS[spelling](client).post({"a": 1}) == {"return_code": "SUCCESS"}
    assert posted(recorder.posts) == ("https://api.mch.weixin.qq.com/mmpaymkttransfers/sendredpack", 1)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_async_generic_door_has_the_same_spellings(spelling: str) -> None:
    async def post() -> tuple[Any, list[Post]]:
        client = AsyncClient(credentials())
        recorder = client._transport = AsyncRecorder()  # type: ignore[assignment]
        return await SPELLINGS[spelling](client).post({"a": 1}), recorder.posts

    document, posts = asyncio.run(post())
    assert document == {"return_code": "SUCCESS"}
    assert posted(posts) == ("https://api.mch.weixin.qq.com/mmpaymkttransfers/sendredpack", 1)


def test_a_chain_shows_its_path_and_does_not_pretend_to_have_magic_methods() -> None:
    chain = Client(credentials()).v2.pay
    assert repr(chain) == "Chain(v2/pay)"
    assert not hasattr(chain, "__html__")
    assert not hasattr(chain, "_private")


def test_timeouts_have_defaults_in_milliseconds() -> None:
    assert Timeouts() == Timeouts(connect_ms=5_000, read_ms=20_000)


def test_credentials_of_a_client_are_the_ones_given() -> None:
    client = Client(credentials())
    assert client.mch_id == MCH_ID
    assert client.credentials.certificate is certificate()
