"""What hypothesis draws for the properties of the SDK."""

from hypothesis import strategies as st

from hongbao.wechat.xml import unwritable

FEN = st.integers(min_value=0, max_value=10**15 - 1)
"""Every amount that yuan text can express."""

TEXT = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(["]]>", "]]", ">", "<![CDATA[", "&amp;", "&", "<", "</a>", "\n", "\t", " ", "红", "𠮷", "a"])
    ).map("".join),
).filter(lambda text: unwritable(text) is None)
"""Text that XML can carry, rich in what breaks writers."""

NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,15}", fullmatch=True)
"""A field's name."""

FIELDS = st.dictionaries(NAME, st.one_of(TEXT, st.integers(min_value=-(10**18), max_value=10**18)), max_size=12)
"""Fields of a document."""
