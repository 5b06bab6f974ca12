"""Outlook's rich text: compressed RTF ([MS-OXRTFCP]), HTML inside RTF ([MS-OXRTFEX]), otherwise plain text."""

from __future__ import annotations

import re
import struct

MAX_BYTES = 3_000_000
"""Maximum bytes that a compressed body is unpacked to; the rest is cut off."""

_PRELOAD = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n"
    b"\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""Initial content of the decompressor's window: 207 bytes ([MS-OXRTFCP] 2.1.2.1)."""


def decompress(data: bytes) -> bytes | None:
    """Decompress LZFu data, or return it if it is stored uncompressed; None if the header is neither."""
    if len(data) < 16:
        return None
    _, raw_size, magic, _ = struct.unpack_from("<IIII", data)
    if magic == 0x414C454D:
        return data[16 : 16 + min(raw_size, MAX_BYTES)]
    if magic != 0x75465A4C:
        return None
    limit = min(raw_size, MAX_BYTES)
    window = bytearray(_PRELOAD.ljust(4096, b"\x00"))
    write = len(_PRELOAD)
    out = bytearray()
    at = 16
    size = len(data)
    while at < size and len(out) < limit:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= size or len(out) >= limit:
                break
            if not flags >> bit & 1:
                window[write] = data[at]
                out.append(data[at])
                write = (write + 1) & 4095
                at += 1
                continue
            if at + 1 >= size:
                return bytes(out)
            pair = data[at] << 8 | data[at + 1]
            at += 2
            offset, length = pair >> 4, (pair & 15) + 2
            if offset == write:
                return bytes(out)
            for _ in range(length):
                byte = window[offset]
                offset = (offset + 1) & 4095
                window[write] = byte
                write = (write + 1) & 4095
                out.append(byte)
    return bytes(out)


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
    """Return (text, html) of an RTF document: HTML if it contains HTML (``\\fromhtml1``); the other is empty."""
    reader = _Reader(b"\\fromhtml" in data[:2_000])
    reader.run(data[:MAX_BYTES])
    result = "".join(reader.out).strip("\n")
    return ("", result) if reader.html else (result, "")


class _Reader:
    def __init__(self, html: bool) -> None:
        self.html = html
        self.out: list[str] = []
        self.pending = bytearray()
        self.page = "cp1252"
        self.font_pages: dict[int, str] = {}
        self.font = 0
        self.skipping = False
        self.destination = b""
        self.htmlrtf = False
        self.unicode_skip = 1
        self.to_skip = 0
        self.high = 0
        self.saved: list[tuple[bool, bytes, bool, int, int]] = []

    def run(self, data: bytes) -> None:
        star = False
        for match in _TOKEN.finditer(data):
            word, number, hexed, symbol, brace, text = match.groups()
            if brace == b"{":
                self.flush()
                if len(self.saved) < 10_000:
                    self.saved.append((self.skipping, self.destination, self.htmlrtf, self.unicode_skip, self.font))
            elif brace == b"}":
                self.flush()
                if self.saved:
                    self.skipping, self.destination, self.htmlrtf, self.unicode_skip, self.font = self.saved.pop()
            elif symbol == b"*":
                star = True
                continue
            elif word is not None:
                self._word(word, int(number) if number else None, star)
            elif hexed is not None:
                if self.to_skip:
                    self.to_skip -= 1
                elif self.showing():
                    self.pending.append(int(hexed, 16))
            elif symbol is not None:
                self.put(
                    {b"~": " ", b"_": "-", b"-": ""}.get(symbol, symbol.decode("latin-1") if symbol in b"\\{}" else "")
                )
            elif text is not None and self.showing():
                cut = text[self.to_skip :]
                self.to_skip = max(0, self.to_skip - len(text))
                self.pending += cut
            star = False
        self.flush()

    def _unicode(self, unit: int) -> None:
        """Add a UTF-16 code unit; two surrogates form one character beyond U+FFFF."""
        if 0xD800 <= unit < 0xDC00:
            self.high = unit
            return
        if 0xDC00 <= unit < 0xE000:
            character = chr(0x10000 + ((self.high - 0xD800) << 10) + unit - 0xDC00) if self.high else "\ufffd"
        else:
            character = chr(unit)
        self.high = 0
        self.put(character)

    def showing(self) -> bool:
        return not self.skipping and not self.htmlrtf

    def put(self, text: str) -> None:
        self.flush()
        if text and self.showing():
            self.out.append(text)

    def flush(self) -> None:
        if self.pending:
            page = self.font_pages.get(self.font, self.page)
            try:
                self.out.append(bytes(self.pending).decode(page, "replace"))
            except LookupError:
                self.out.append(bytes(self.pending).decode("cp1252", "replace"))
            self.pending.clear()

    def _word(self, word: bytes, number: int | None, star: bool) -> None:
        if word == b"htmltag" and self.html:
            self.flush()
            self.skipping, self.htmlrtf = False, False
        elif word == b"htmlrtf":
            self.flush()
            self.htmlrtf = self.html and number != 0
        elif word in _SKIP or star:
            self.flush()
            self.skipping = True
            self.destination = word
        elif word == b"ansicpg" and number:
            self.page = "utf-8" if number == 65001 else f"cp{number}"
        elif word == b"f" and number is not None:
            self.flush()
            self.font = number
        elif word == b"fcharset" and number is not None:
            if number in _CHARSETS and len(self.font_pages) < 1_000:
                self.font_pages[self.font] = _CHARSETS[number]
        elif word == b"uc" and number is not None:
            self.unicode_skip = max(0, min(number, 10))
        elif word == b"u" and number is not None:
            self._unicode(number & 0xFFFF)
            self.to_skip = self.unicode_skip
        elif word in _SYMBOLS:
            self.put(_SYMBOLS[word])
