"""A reading as it is kept with its mail, and back. Which mail it is of is told when it comes back.

Every judgement of a case reads back all of its mails: JSON becomes values in one step, in C.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import msgspec
from msgspec.structs import force_setattr

from mailrules.judgement import Finding, Reading

_DECODER = msgspec.json.Decoder(Reading)
_ENCODER = msgspec.json.Encoder()


def unbound(reading: Reading) -> Reading:
    """The same reading, naming no mail: so it is kept."""
    if not reading.turn:
        return reading
    return _named(_DECODER.decode(_ENCODER.encode(reading)), "")


def reading_of(written: str | bytes, turn: str) -> Reading | None:
    """Back from JSON, as the reading of the mail `turn`; None where another version wrote it in a shape of its own:
    that mail is to be read again."""
    try:
        reading = _DECODER.decode(written)
    except msgspec.ValidationError:
        return None
    return _named(reading, turn)


def _named(fresh: Reading, turn: str) -> Reading:
    """`fresh` was just made and nobody has seen it: it may still be changed."""
    force_setattr(fresh, "turn", turn)
    for finding in _findings(fresh):
        force_setattr(finding, "turn", turn)
    return fresh


def _findings(reading: Reading) -> Iterator[Finding]:
    yield from chain(reading.findings, reading.tone, reading.parked)
    yield from (ask.finding for ask in reading.asks)
    yield from (promise.finding for promise in reading.promises)
