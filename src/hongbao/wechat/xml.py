"""Read and write the XML of WeChat Pay v2: one document whose root's children are fields.

The reader refuses what an honest peer never sends and an attacker might: a DOCTYPE (so no entities of its own, no
XXE, no billion laughs), more than 1 MB, deep nesting, a field named twice. Expat decides what is XML; only documents of
the plainest form, which nearly all are, are read without it, at a third of the cost. It is the one piece that the
simulator shares with the SDK. Protocol facts: docs/reference/transport.md, "XML".
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias, Union
from xml.parsers import expat

from hongbao.errors import BadInput, HongbaoError

BODY_BYTES_MAX = 1_000_000
"""The longest document that is read, in bytes. Real ones have fewer than 4,000."""

DEPTH_MAX = 8
"""The deepest nesting that is read. The deepest real one is xml > hblist > hbinfo > openid: 4."""

Value: TypeAlias = Union[str, "list[tuple[str, Value]]"]
"""A field's value: its text, unstripped, or its children in their order (children may repeat a name)."""

Document: TypeAlias = dict[str, Value]
"""The root's children in their order. The root's own name and all attributes are dropped."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*", re.ASCII)
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_BOM = b"\xef\xbb\xbf"
_BLANKS = " \t\n"

# One field in the plainest form: all of its text in one CDATA section or none, and no character that expat would refuse
# or change, or that could end the text. Nothing is tried twice: the time is linear in the length, hostile or not.
_PLAIN_FIELD = re.compile(
    r"<([A-Za-z_][A-Za-z0-9_.\-]*+)>"
    r"(<!\[CDATA\[)?+"
    r"([^<&\]\x00-\x08\x0b-\x1f\ufffe\uffff]*+)"
    r"(?(2)\]\]>)</\1>[ \t\n]*+"
)


class XmlRefused(HongbaoError):
    """A document cannot be read, or is one that must not be read. The message names the reason, never the content."""


def read(body: bytes) -> Document:
    """Read a UTF-8 document (a byte order mark is tolerated) into its fields.

    Raises:
        XmlRefused: not well-formed, not UTF-8, empty, over 1 MB, a DOCTYPE, nested deeper than `DEPTH_MAX`, text
            beside child elements, or a field of the root named twice.
    """
    if len(body) > BODY_BYTES_MAX:
        raise XmlRefused(f"the document has {len(body)} bytes; at most {BODY_BYTES_MAX} are read")
    # Expat goes by its own guess for UTF-16, whatever encoding it is told; every document in UTF-16 has one of these.
    if b"\x00" in body:
        raise XmlRefused("the document holds a NUL byte, so it is not XML in UTF-8")
    return _read_plain(body) or _read_any(body)


def _read_plain(body: bytes) -> Document | None:
    """Read a document below `<xml>` whose fields are all plain; None for any other, which may be XML or not."""
    try:
        # What lies before the first field, then of each: name, CDATA or not, text, what lies behind it.
        pieces = _PLAIN_FIELD.split(body.decode())
    except UnicodeDecodeError:
        return None
    if pieces[0].strip(_BLANKS) != "<xml>" or pieces[-1].strip(_BLANKS) != "</xml>" or any(pieces[4:-1:4]):
        return None
    document: Document = dict(zip(pieces[1::4], pieces[3::4], strict=True))
    # Where a name stands twice it is expat's reader that says so.
    return document if len(document) == len(pieces) // 4 else None


def _read_any(body: bytes) -> Document:
    document: Document = {}
    # How many elements are open, whether the innermost has had no child yet, and the children of each open element
    # below the root that has.
    depth = 0
    childless = False
    levels: list[list[tuple[str, Value]]] = []
    # What was read since the last tag. The list's own append is the handler: most events are text.
    texts: list[str] = []

    def start(_name: str, _attributes: dict[str, str]) -> None:
        nonlocal depth, childless
        if texts:
            blank()
        if depth == DEPTH_MAX:
            raise XmlRefused(f"elements are nested deeper than {DEPTH_MAX}")
        if childless and depth > 1:
            levels.append([])
        depth += 1
        childless = True

    def end(name: str) -> None:
        nonlocal depth, childless
        depth -= 1
        if childless and depth:
            value: Value = "".join(texts)
            texts.clear()
        else:
            if texts:
                blank()
            if not depth:
                return
            value = levels.pop()
        childless = False
        if depth > 1:
            levels[-1].append((name, value))
        elif name in document:
            raise XmlRefused(f"the field {name} stands twice")
        else:
            document[name] = value

    def blank() -> None:
        if not "".join(texts).isspace():
            raise XmlRefused("text stands beside child elements or directly below the root")
        texts.clear()

    def doctype(*_: object) -> None:
        raise XmlRefused("the document has a DOCTYPE")

    # The encoding given here overrules the declaration's: everything on this wire is UTF-8.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = texts.append
    try:
        parser.Parse(body.removeprefix(_BOM), True)
    except expat.ExpatError as error:
        raise XmlRefused(f"the document is not well-formed: {expat.ErrorString(error.code)}") from None
    return document


def write(fields: Iterable[tuple[str, str | int]]) -> bytes:
    """Write fields below a root `xml`: whole numbers bare, texts in CDATA, one per line, UTF-8, no declaration.

    Raises:
        BadInput: a name that is not an element name, a value that is neither text nor a whole number (a bool is not
            one), or a text that XML cannot carry unchanged (see `unwritable`).
    """
    lines = ["<xml>"]
    for name, value in fields:
        if not _is_name(name):
            raise BadInput(field=name, fault="is not an XML element name", remedy="use letters, digits, _, - and .")
        if type(value) is int:
            lines.append(f"<{name}>{value}</{name}>")
            continue
        if not isinstance(value, str):
            raise BadInput(
                field=name,
                fault=f"is a {type(value).__name__}, neither text nor a whole number",
                remedy="give a str or an int; money is counted in fen",
            )
        # Nothing that Python calls printable is unwritable, and that is known sooner.
        if not value.isprintable() and (character := unwritable(value)) is not None:
            raise BadInput(
                field=name,
                fault=f"holds the character U+{ord(character):04X}, which XML cannot carry unchanged",
                remedy="leave it out; a line break is U+000A alone",
            )
        # "]]>" would end the CDATA section; cut it in two so that both halves lie in sections of their own.
        text = value.replace("]]>", "]]]]><![CDATA[>") if "]]>" in value else value
        lines.append(f"<{name}><![CDATA[{text}]]></{name}>")
    lines.append("</xml>")
    return "\n".join(lines).encode()


@lru_cache(maxsize=256)
def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def unwritable(text: str) -> str | None:
    """Return the first character of `text` that XML 1.0 cannot carry unchanged, or None.

    A carriage return is one: every reader turns it into a line feed, and a sign made over the original breaks.
    """
    match = _UNWRITABLE.search(text)
    return match.group() if match else None
