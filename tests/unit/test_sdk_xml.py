"""The XML reader takes what WeChat sends and refuses what only an attacker or a broken wire would."""

import pytest

from hongbao.errors import BadInput
from hongbao.wechat.xml import BODY_BYTES_MAX, DEPTH_MAX, XmlRefused, read, unwritable, write

GROUP_REPLY = """<xml>
<return_code><![CDATA[SUCCESS]]></return_code>
<return_msg><![CDATA[OK]]></return_msg>
<result_code><![CDATA[SUCCESS]]></result_code>
<err_code><![CDATA[SUCCESS]]></err_code>
<err_code_des><![CDATA[OK]]></err_code_des>
<mch_billno><![CDATA[1900000001202501010000000001]]></mch_billno>
<mch_id><![CDATA[1900000001]]></mch_id>
<detail_id><![CDATA[1000041701202501013000000000001]]></detail_id>
<status><![CDATA[RECEIVED]]></status>
<send_type><![CDATA[API]]></send_type>
<hb_type><![CDATA[GROUP]]></hb_type>
<total_num>3</total_num>
<total_amount>300</total_amount>
<send_time><![CDATA[2025-01-01 12:00:00]]></send_time>
<hblist>
<hbinfo>
<openid><![CDATA[o000000000000000000000000003]]></openid>
<amount>1</amount>
<rcv_time><![CDATA[2025-01-01 12:02:00]]></rcv_time>
</hbinfo>
<hbinfo>
<openid><![CDATA[o000000000000000000000000002]]></openid>
<amount>102</amount>
<rcv_time><![CDATA[2025-01-01 12:01:00]]></rcv_time>
</hbinfo>
<hbinfo>
<openid><![CDATA[o000000000000000000000000001]]></openid>
<amount>197</amount>
<rcv_time><![CDATA[2025-01-01 12:00:23]]></rcv_time>
</hbinfo>
</hblist>
</xml>"""


def test_a_group_reply_of_real_size_is_read_whole() -> None:
    def info(number: int, amount: str, minute: str) -> tuple[str, list[tuple[str, str]]]:
        return "hbinfo", [
            ("openid", f"o{number:027d}"),
            ("amount", amount),
            ("rcv_time", f"2025-01-01 12:{minute}"),
        ]

    assert read(GROUP_REPLY.encode()) == {
        "return_code": "SUCCESS",
        "return_msg": "OK",
        "result_code": "SUCCESS",
        "err_code": "SUCCESS",
        "err_code_des": "OK",
        "mch_billno": "1900000001202501010000000001",
        "mch_id": "1900000001",
        "detail_id": "1000041701202501013000000000001",
        "status": "RECEIVED",
        "send_type": "API",
        "hb_type": "GROUP",
        "total_num": "3",
        "total_amount": "300",
        "send_time": "2025-01-01 12:00:00",
        "hblist": [info(3, "1", "02:00"), info(2, "102", "01:00"), info(1, "197", "00:23")],
    }


@pytest.mark.parametrize(
    ("body", "document"),
    [
        pytest.param(b"<xml></xml>", {}, id="no field"),
        pytest.param(b"<xml/>", {}, id="no field, short"),
        pytest.param(b"<xml><a></a><b/></xml>", {"a": "", "b": ""}, id="empty fields"),
        pytest.param(b"<whatever><a>1</a></whatever>", {"a": "1"}, id="any root"),
        pytest.param(b"\xef\xbb\xbf<xml><a>1</a></xml>", {"a": "1"}, id="byte order mark"),
        pytest.param(b'<?xml version="1.0"?><xml><a>1</a></xml>', {"a": "1"}, id="declaration"),
        pytest.param(b'<?xml version="1.0" encoding="GBK"?><xml><a>\xe7\xba\xa2</a></xml>', {"a": "红"}, id="says GBK"),
        pytest.param(
            b'<?xml version="1.0" encoding="UTF-16"?><xml><a>\xe7\xba\xa2</a></xml>', {"a": "红"}, id="says UTF-16"
        ),
        pytest.param(b'<xml b="2"><a c="3">1</a></xml>', {"a": "1"}, id="attributes dropped"),
        pytest.param(b"<xml><!-- b --><a>1<!-- c -->2</a><?pi d?></xml>", {"a": "12"}, id="comments, instructions"),
        pytest.param(b"<xml><a>&lt;&amp;&gt;&#x7EA2;</a></xml>", {"a": "<&>红"}, id="built-in entities"),
        pytest.param(b"<xml><a>1<![CDATA[<2>]]>3</a></xml>", {"a": "1<2>3"}, id="text around CDATA"),
        pytest.param(b"<xml><a><![CDATA[x]]]]><![CDATA[>y]]></a></xml>", {"a": "x]]>y"}, id="CDATA cut in two"),
        pytest.param(b"<xml><a> 1 </a></xml>", {"a": " 1 "}, id="text unstripped"),
        pytest.param(b"<xml><a>\n</a></xml>", {"a": "\n"}, id="blank text"),
        pytest.param(b"<xml><a>1\r\n2\r3</a></xml>", {"a": "1\n2\n3"}, id="line ends"),
        pytest.param(
            b"<xml>\n <a><b>1</b>\n <b>2</b></a></xml>", {"a": [("b", "1"), ("b", "2")]}, id="children repeat"
        ),
        pytest.param(b"<xml><a><b/></a></xml>", {"a": [("b", "")]}, id="empty child"),
    ],
)
def test_what_is_read(body: bytes, document: object) -> None:
    assert read(body) == document


BILLION_LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>
<xml><return_code>&c;</return_code></xml>"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "not well-formed", id="empty"),
        pytest.param(b"  \n", "not well-formed", id="blank"),
        pytest.param(b"\xef\xbb\xbf", "not well-formed", id="byte order mark alone"),
        pytest.param(b"<!-- nothing -->", "not well-formed", id="no root"),
        pytest.param(b"OK", "not well-formed", id="text"),
        pytest.param(b'{"return_code": "SUCCESS"}', "not well-formed", id="JSON"),
        pytest.param(b"<html><head><title>400</title><body>Bad</html>", "not well-formed", id="HTML"),
        pytest.param(b"<xml><a>1</a>", "not well-formed", id="truncated between fields"),
        pytest.param(b"<xml><a><![CDATA[1", "not well-formed", id="truncated in CDATA"),
        pytest.param(b"<xml><a>1</a></xm", "not well-formed", id="truncated in the last tag"),
        pytest.param(b"<xml><a>1</b></xml>", "not well-formed", id="crossed tags"),
        pytest.param(b"<xml/><xml/>", "not well-formed", id="two roots"),
        pytest.param(b"<xml/>rest", "not well-formed", id="rest"),
        pytest.param(b"<xml><a>\x00</a></xml>", "NUL byte", id="NUL"),
        pytest.param(b"<xml><a>&#0;</a></xml>", "not well-formed", id="NUL by reference"),
        pytest.param(b"<xml><a>\x0b</a></xml>", "not well-formed", id="control character"),
        pytest.param(b"<xml><a>&#x1b;</a></xml>", "not well-formed", id="control character by reference"),
        pytest.param(b"<xml><a>&nbsp;</a></xml>", "not well-formed", id="undefined entity"),
        pytest.param(b"<xml><a>\xff</a></xml>", "not well-formed", id="not UTF-8"),
        pytest.param("<xml><a>红</a></xml>".encode("gbk"), "not well-formed", id="GBK"),
        pytest.param("<xml><a>1</a></xml>".encode("utf-16"), "NUL byte", id="UTF-16"),
        pytest.param("<xml><a>1</a></xml>".encode("utf-16-be"), "NUL byte", id="UTF-16 without mark"),
        pytest.param("<xml><a>1</a></xml>".encode("utf-32"), "NUL byte", id="UTF-32"),
        pytest.param(b"<!DOCTYPE xml><xml><a>1</a></xml>", "DOCTYPE", id="DOCTYPE alone"),
        pytest.param(
            b'<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><a>&e;</a></xml>',
            "DOCTYPE",
            id="external entity",
        ),
        pytest.param(b'<!DOCTYPE xml SYSTEM "http://127.0.0.1/x.dtd"><xml/>', "DOCTYPE", id="external subset"),
        pytest.param(b'<!DOCTYPE xml [<!ENTITY e "1">]><xml><a>&e;</a></xml>', "DOCTYPE", id="internal entity"),
        pytest.param(
            b'<!DOCTYPE xml [<!ENTITY % p SYSTEM "http://127.0.0.1/x">%p;]><xml/>', "DOCTYPE", id="parameter entity"
        ),
        pytest.param(BILLION_LAUGHS, "DOCTYPE", id="billion laughs"),
        pytest.param(b"<xml><a>1</a><b>2</b><a>1</a></xml>", "the field a stands twice", id="field twice"),
        pytest.param(b"<xml><a><b>1</b></a><a>1</a></xml>", "the field a stands twice", id="field twice, once nested"),
        pytest.param(b"<xml>1<a>2</a></xml>", "text stands beside", id="text before a field"),
        pytest.param(b"<xml><a>2</a>1</xml>", "text stands beside", id="text after a field"),
        pytest.param(b"<xml>1</xml>", "text stands beside", id="text alone"),
        pytest.param(b"<xml><a>1<b>2</b></a></xml>", "text stands beside", id="text before a child"),
        pytest.param(b"<xml><a><b>2</b>1</a></xml>", "text stands beside", id="text after a child"),
    ],
)
def test_what_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(XmlRefused, match=reason):
        read(body)


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


def test_the_deepest_document_is_read_and_one_deeper_is_refused() -> None:
    value: object = ""
    for _ in range(DEPTH_MAX - 2):
        value = [("a", value)]
    assert read(nested(DEPTH_MAX)) == {"a": value}
    with pytest.raises(XmlRefused, match="nested deeper than 8"):
        read(nested(DEPTH_MAX + 1))


def test_a_very_deep_document_is_refused_early() -> None:
    with pytest.raises(XmlRefused, match="nested deeper"):
        read(b"<a>" * 300_000)


def test_the_longest_document_is_read_and_one_byte_more_is_refused() -> None:
    start, end = b"<xml><a>", b"</a></xml>"
    text = b"x" * (BODY_BYTES_MAX - len(start) - len(end))
    assert read(start + text + end) == {"a": text.decode()}
    with pytest.raises(XmlRefused, match="1000001 bytes"):
        read(start + text + b"x" + end)


def test_a_refusal_does_not_quote_the_document() -> None:
    """The message reaches logs, and a document holds openids."""
    with pytest.raises(XmlRefused) as caught:
        read(b"<xml><openid>oxTWIuGaIt6gTKsQRLau2M0yL16E</openid>")
    assert "oxTW" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_texts_are_written_in_cdata_and_whole_numbers_bare() -> None:
    assert write([("a", "红 <&>"), ("b", 100), ("c", ""), ("d", "7")]) == (
        "<xml>\n<a><![CDATA[红 <&>]]></a>\n<b>100</b>\n<c><![CDATA[]]></c>\n<d><![CDATA[7]]></d>\n</xml>".encode()
    )


def test_the_end_of_a_cdata_section_is_cut_in_two() -> None:
    assert write([("a", "x]]>y")]) == b"<xml>\n<a><![CDATA[x]]]]><![CDATA[>y]]></a>\n</xml>"


@pytest.mark.parametrize("name", ["", "1a", "-a", "a b", "a>", "a/", "红", "a:b", "a\n"])
def test_a_name_that_is_no_element_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        write([(name, "1")])
    assert caught.value.field == name


@pytest.mark.parametrize("character", ["\x00", "\x08", "\x0b", "\x0c", "\r", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_a_character_that_xml_cannot_carry_is_named(character: str) -> None:
    assert unwritable(f"a{character}b") == character
    with pytest.raises(BadInput) as caught:
        write([("remark", f"a{character}b")])
    assert caught.value.field == "remark"
    assert f"U+{ord(character):04X}" in caught.value.fault


@pytest.mark.parametrize(
    "character", ["\t", "\n", " ", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffd", "𠮷", "\U0010ffff"]
)
def test_every_other_character_is_carried(character: str) -> None:
    assert unwritable(character) is None
    assert read(write([("a", f"x{character}y")])) == {"a": f"x{character}y"}


@pytest.mark.parametrize("value", [1.0, None, True, b"1", ["1"]], ids=repr)
def test_a_value_that_is_neither_text_nor_whole_number_is_refused(value: object) -> None:
    """A float would reach WeChat in Python's spelling, and True as an amount of 1."""
    with pytest.raises(BadInput) as caught:
        write([("amount", value)])  # type: ignore[list-item]
    assert caught.value.field == "amount"
