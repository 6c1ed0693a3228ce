"""What is written reads back, and no bytes do more than be refused."""

from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import FIELDS, TEXT

from hongbao.wechat.xml import XmlRefused, read, unwritable, write

PIECES = st.sampled_from(
    [
        b"<xml>",
        b"</xml>",
        b"<a>",
        b"</a>",
        b"<b/>",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"-->",
        b"<?x?>",
        b"&amp;",
        b"&x;",
        b"<!DOCTYPE x>",
        b"1",
        b" ",
        b"\xff",
        b"\x00",
        "红".encode(),
        b"\xef\xbb\xbf",
    ]
)


@given(FIELDS)
def test_what_is_written_reads_back(fields: dict[str, str | int]) -> None:
    assert read(write(fields.items())) == {name: str(value) for name, value in fields.items()}


@given(TEXT)
def test_any_text_that_is_writable_comes_back_unchanged(text: str) -> None:
    assert read(write([("a", text)])) == {"a": text}


@given(st.text(alphabet=st.characters(max_codepoint=0xFFFF)))
def test_text_is_either_named_unwritable_or_carried(text: str) -> None:
    character = unwritable(text)
    if character is None:
        assert read(write([("a", text)])) == {"a": text}
    else:
        assert character in text


@given(st.one_of(st.binary(), st.lists(PIECES).map(b"".join)))
def test_no_bytes_bring_the_reader_down(body: bytes) -> None:
    """Everything but a document or a refusal would be an error that no caller expects."""
    try:
        document = read(body)
    except XmlRefused:
        return
    assert isinstance(document, dict)
