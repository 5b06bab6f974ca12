"""Normalises plain text: line ends, format=flowed, PGP signatures."""

import re

from service.mail.word_lists import linear

_SIGNED = linear(
    "(?s-i)-----BEGIN PGP SIGNED MESSAGE-----(.*?)-----BEGIN PGP SIGNATURE-----.*?-----END PGP SIGNATURE-----[^\n]*\n?"
)


def normalised(text: str) -> str:
    """Return the text with LF as line end and without NUL, which databases do not accept."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\x00", "")


def join_flowed(text: str, *, delete_space: bool) -> str:
    """Join the lines of format=flowed text into paragraphs (RFC 3676 §4.1). ``delete_space``: DelSp=yes (§4.1)."""
    paragraphs: list[list[str]] = []
    last_depth, continues = 0, False
    for line in text.split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        is_delimiter = bare == "-- "
        if not continues or depth != last_depth or is_delimiter:
            paragraphs.append([">" * depth + " "] if depth else [])
        continues = bare.endswith(" ") and not is_delimiter
        paragraphs[-1].append(bare[:-1] if continues and delete_space else bare)
        last_depth = depth
    return "\n".join(map("".join, paragraphs))


def without_pgp_lines(text: str) -> str:
    """Return the text without the lines that PGP adds to sign it (RFC 9580 §7)."""
    return str(_SIGNED.sub(_signed_text, text)) if "-----BEGIN PGP SIGNED" in text else text


def _signed_text(match: re.Match[str]) -> str:
    text = match[1].partition("\n\n")[2] or match[1].lstrip("\n")  # below the armour header, such as "Hash: …"
    return re.sub(r"^- ", "", text, flags=re.MULTILINE)
