"""Makes the dictionary that raw mail is packed with, from the mails of the tests and of the demo, all made up.

python -m bench.dictionary           # what the shipped one saves on those mails (they made it: an upper bound)
python -m bench.dictionary PATH…     # what it saves on your own: .eml files or folders of them
python -m bench.dictionary --renew   # make it anew: what was packed with the old one could no longer be read!
"""

from __future__ import annotations

import sys
from pathlib import Path

import zstandard

from service.store import packing

ROOT = Path(__file__).parents[1]
BYTES = 16_384
DICTIONARY = ROOT / "service/store/mail.zstd-dictionary"


def mails(*places: Path) -> list[bytes]:
    """Every ``.eml`` in those places."""
    files = [file for place in places for file in (sorted(place.rglob("*.eml")) if place.is_dir() else [place])]
    return [file.read_bytes() for file in files]


def renew() -> None:
    own = [mail[:8000] for mail in mails(ROOT / "tests", ROOT / "bench")] * 3  # more samples than mails are asked for
    DICTIONARY.write_bytes(zstandard.train_dictionary(BYTES, own, level=packing.LEVEL, dict_id=1).as_bytes())


def report(given: list[bytes]) -> None:
    plain = zstandard.ZstdCompressor(level=packing.LEVEL)
    for name, some in (
        ("up to 8 KB", [mail for mail in given if len(mail) <= 8000]),
        ("bigger", [mail for mail in given if len(mail) > 8000]),
    ):
        if some:
            whole = sum(map(len, some))
            without = sum(len(plain.compress(mail)) for mail in some) / whole
            packed = sum(len(packing.pack(mail)) for mail in some) / whole
            print(f"{name}: {len(some)} mails, {whole} bytes; zstd {without:.3f}, with the dictionary {packed:.3f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--renew"]:
        renew()
    else:
        report(mails(*map(Path, sys.argv[1:])) if sys.argv[1:] else mails(ROOT / "tests", ROOT / "bench"))
