"""Reads Outlook's rich text: decompresses RTF, and extracts HTML or plain text. See [MS-OXRTFCP] and [MS-OXRTFEX]."""

import re
import struct
from typing import NamedTuple

MAX_BYTES = 3_000_000  # maximum bytes of a body after decompression; a longer one is truncated

_PRELOAD = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n"
    b"\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""The 207 bytes that the window of the decompressor contains at first ([MS-OXRTFCP] 2.1.2.1)."""


def decompress(data: bytes) -> bytes | None:
    """Return the RTF in a compressed (LZFu) or uncompressed body (MELA), or None."""
    if len(data) < 16:
        return None
    _, raw_size, magic, _ = struct.unpack_from("<IIII", data)
    if magic == 0x414C454D:
        return data[16 : 16 + min(raw_size, MAX_BYTES)]
    if magic != 0x75465A4C:
        return None
    first = len(_PRELOAD)
    end = first + min(raw_size, MAX_BYTES)
    out = bytearray(_PRELOAD)  # the window of 4,096 bytes is the end of the output
    at = 16
    while at < len(data) and len(out) < end:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= len(data) or len(out) >= end:
                break
            if not flags >> bit & 1:
                out.append(data[at])
                at += 1
                continue
            pair = int.from_bytes(data[at : at + 2], "big")
            back = (len(out) - (pair >> 4)) & 4095  # the text to repeat begins so many bytes before the end
            if at + 1 >= len(data) or back == 0:
                return bytes(out[first:])
            at += 2
            for _ in range((pair & 15) + 2):
                out.append(out[-back] if back <= len(out) else 0)
    return bytes(out[first:])


_TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)
_SKIP = frozenset(
    b"fonttbl colortbl stylesheet info pict object themedata datastore listtable listoverridetable rsidtbl generator"
    b" xmlnstbl latentstyles pntext filetbl revtbl header footer headerl headerr footerl footerr fldinst bkmkstart"
    b" bkmkend mhtmltag".split()
)
_SYMBOLS = {
    b"par": "\n", b"line": "\n", b"tab": "\t", b"row": "\n", b"cell": "\t", b"page": "\n", b"sect": "\n",
    b"lquote": "\u2018", b"rquote": "\u2019", b"ldblquote": "\u201c", b"rdblquote": "\u201d", b"bullet": "\u2022",
    b"endash": "\u2013", b"emdash": "\u2014", b"emspace": " ", b"enspace": " ",
}  # fmt: skip
_CHARSETS = {
    0: "cp1252", 128: "cp932", 129: "cp949", 134: "gb18030", 136: "cp950", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip


def read(data: bytes) -> tuple[str, str]:
    """Return (plain text, "") of an RTF document, or ("", HTML) if it contains ``\\fromhtml1``."""
    converter = _Converter(b"\\fromhtml" in data[:2_000])
    converter.run(data[:MAX_BYTES])
    units = "".join(converter.out).encode("utf-16-le", "surrogatepass")  # a character may be two code units (``\\u``)
    result = units.decode("utf-16-le", "replace").strip("\n")
    return ("", result) if converter.html else (result, "")


class _State(NamedTuple):
    """Properties of text that end with their group ``{…}``."""

    skipped: bool = False  # whether the group has no visible text
    htmlrtf: bool = False  # whether the text is only the RTF form of the HTML
    unicode_skip: int = 1  # number of bytes after a ``\\u`` character that repeat it for old readers
    font: int = 0

    @property
    def is_visible(self) -> bool:
        return not self.skipped and not self.htmlrtf


class _Converter:
    def __init__(self, html: bool) -> None:
        self.html = html
        self.out: list[str] = []
        self.page = "cp1252"
        self.font_pages: dict[int, str] = {}
        self.state = _State()
        self._groups: list[_State] = []
        self._pending = bytearray()  # text that is not decoded yet
        self._to_skip = 0

    def run(self, data: bytes) -> None:
        is_optional = False
        for match in _TOKEN.finditer(data):
            word, number, hex_byte, symbol, brace, text = match.groups()
            if hex_byte is not None and self._to_skip:
                self._to_skip -= 1
            elif hex_byte is not None or text is not None:
                self._text(bytes([int(hex_byte, 16)]) if hex_byte else text)
            elif brace == b"{":
                self._flush()
                if len(self._groups) < 10_000:
                    self._groups.append(self.state)
            elif brace == b"}":
                self._change(self._groups.pop() if self._groups else self.state)
            elif word is not None:
                self._word(word, int(number) if number else None, is_optional)
            elif symbol is not None:
                self._add({b"~": " ", b"_": "-", b"{": "{", b"}": "}", b"\\": "\\"}.get(symbol, ""))
            is_optional = symbol == b"*"
        self._flush()

    def _text(self, text: bytes) -> None:
        if self.state.is_visible:
            self._pending += text[self._to_skip :]
            self._to_skip = max(0, self._to_skip - len(text))

    def _add(self, text: str) -> None:
        self._flush()
        if self.state.is_visible:
            self.out.append(text)

    def _change(self, state: _State) -> None:
        self._flush()
        self.state = state

    def _flush(self) -> None:
        try:
            self.out.append(self._pending.decode(self.font_pages.get(self.state.font, self.page), "replace"))
        except LookupError:
            self.out.append(self._pending.decode("cp1252", "replace"))
        self._pending.clear()

    def _word(self, word: bytes, number: int | None, is_optional: bool) -> None:
        state = self.state
        if word == b"htmltag" and self.html:
            self._change(state._replace(skipped=False, htmlrtf=False))
        elif word == b"htmlrtf":
            self._change(state._replace(htmlrtf=self.html and number != 0))
        elif word in _SKIP or is_optional:
            self._change(state._replace(skipped=True))
        elif word in _SYMBOLS:
            self._add(_SYMBOLS[word])
        elif number is None:
            return
        elif word == b"ansicpg" and number:
            self.page = "utf-8" if number == 65001 else f"cp{number}"
        elif word == b"f":
            self._change(state._replace(font=number))
        elif word == b"fcharset":
            if number in _CHARSETS and len(self.font_pages) < 1_000:
                self.font_pages[state.font] = _CHARSETS[number]
        elif word == b"uc":
            self.state = state._replace(unicode_skip=max(0, min(number, 10)))  # may stand between bytes of a character
        elif word == b"u":
            self._add(chr(number & 0xFFFF))
            self._to_skip = state.unicode_skip if state.is_visible else 0
