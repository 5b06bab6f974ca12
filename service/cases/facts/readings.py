"""Stores the reading of a mail as JSON and restores it.

The stored form contains no message id; restoring the reading sets it. Every judgement of a case restores the readings
of all mails of the case. Therefore msgspec decodes the JSON in one fast step.
"""

import msgspec
from msgspec.structs import force_setattr

from mailrules.judgement import Reading

_DECODER = msgspec.json.Decoder(Reading)
_ENCODER = msgspec.json.Encoder()


def unbound(reading: Reading) -> Reading:
    """Return the reading without message ids, as it is stored."""
    if not reading.turn:
        return reading
    return _named(_DECODER.decode(_ENCODER.encode(reading)), "")


def reading_of(written: str | bytes, turn: str) -> Reading | None:
    """Decode the stored reading of mail ``turn``. None if its format is of another version: read the mail again."""
    try:
        reading = _DECODER.decode(written)
    except msgspec.ValidationError:
        return None
    return _named(reading, turn)


def _named(fresh: Reading, turn: str) -> Reading:
    """Set the message id in place. This is safe because `fresh` was just created and nobody else uses it."""
    inner = [*(ask.finding for ask in fresh.asks), *(promise.finding for promise in fresh.promises)]
    for value in (fresh, *fresh.findings, *fresh.tone, *fresh.parked, *inner):
        force_setattr(value, "turn", turn)
    return fresh
