"""The short way through the XML reader and the long one never disagree."""

from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import FIELDS

from hongbao.wechat import xml

FRAGMENTS = st.sampled_from(
    [
        "<xml>", "</xml>", "<a>", "</a>", "<b>", "</b>", "<a/>", '<a b="1">', "<![CDATA[", "]]>", "]]", "<!--", "-->",
        "<?x?>", "<!DOCTYPE a>", "&amp;", "&", ">", *"1红 \n\t\r\x0b\x1c\x85\ufeff\ufffe",
    ]
)  # fmt: skip
TEXTS = st.lists(FRAGMENTS, max_size=5).map("".join)
NEARLY_PLAIN = st.lists(
    st.one_of(
        st.builds("<{0}>{1}</{0}>".format, st.sampled_from("abcd"), TEXTS),
        st.builds("<{0}><![CDATA[{1}]]></{0}>".format, st.sampled_from("abcd"), TEXTS),
        st.sampled_from([" ", "\n", "\r", "\u3000"]),
    ),
    max_size=6,
).map(lambda fields: "<xml>" + "".join(fields) + "</xml>")


def by_expat(body: bytes) -> xml.Document | None:
    try:
        return xml._read_any(body)
    except xml.XmlRefused:
        return None


@given(st.one_of(NEARLY_PLAIN, st.lists(FRAGMENTS).map("".join)))
def test_what_is_read_the_short_way_is_what_expat_reads(text: str) -> None:
    body = text.encode()
    short = xml._read_plain(body)
    assert short is None or short == by_expat(body)


@given(FIELDS)
def test_what_is_written_and_holds_no_markup_goes_the_short_way(fields: dict[str, str | int]) -> None:
    """Else the short way could be dead and no test would tell."""
    goes = bool(fields) and not any(character in str(value) for value in fields.values() for character in "<&]")
    assert (xml._read_plain(xml.write(fields.items())) is not None) == goes


def test_a_document_that_opens_a_megabyte_of_sections_does_not_take_a_second_look_at_each() -> None:
    """Looking from each opening to the end of the document would take minutes."""
    for opening in (b"<a><![CDATA[", b"<a>", b"<a>1"):
        assert xml._read_plain(b"<xml>" + opening * (xml.BODY_BYTES_MAX // len(opening))) is None
