"""Write replies byte for byte as WeChat does: element order, CDATA or bare, one element per line, no declaration."""

from collections.abc import Iterable
from typing import TypeAlias, Union


class Bare(str):
    """A text written without CDATA: digits only."""

    __slots__ = ()


Node: TypeAlias = Union[str, int, "list[tuple[str, Node]]"]
Reply: TypeAlias = list[tuple[str, Node]]
"""The elements of a reply in their order: texts in CDATA, whole numbers bare, lists nested."""


def write(reply: Reply, *, all_cdata: bool = False) -> bytes:
    """Write a reply. `all_cdata` puts numbers into CDATA too, as the enterprise calls do."""
    lines = ["<xml>"]
    _write(lines, reply, all_cdata)
    lines.append("</xml>")
    return "\n".join(lines).encode()


def _write(lines: list[str], reply: Iterable[tuple[str, Node]], all_cdata: bool) -> None:
    for name, value in reply:
        if isinstance(value, list):
            lines.append(f"<{name}>")
            _write(lines, value, all_cdata)
            lines.append(f"</{name}>")
        elif isinstance(value, (int, Bare)) and not all_cdata:
            lines.append(f"<{name}>{value}</{name}>")
        else:
            text = str(value).replace("]]>", "]]]]><![CDATA[>")
            lines.append(f"<{name}><![CDATA[{text}]]></{name}>")


def page(status: int, title: str, detail: str = "") -> bytes:
    """Write the small HTML page of the web server in front of the API."""
    heading = {400: "400 Bad Request", 404: "404 Not Found", 405: "405 Not Allowed", 502: "502 Bad Gateway"}
    head = heading.get(status, f"{status} {title}")
    extra = f"<center>{detail}</center>\r\n" if detail else ""
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{head}</h1></center>\r\n"
        f"{extra}<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    ).encode()
