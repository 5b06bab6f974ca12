"""`sodan erase`: what is about to go, and the certificate of what went."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from service.errors import Refused
from service.mail.masking import Mask
from service.settings import Settings
from service.store.contents import Shelf
from service.store.database import Database
from service.store.erasure import erase, names_of
from service.store.outside import outside

FOUND_WRONG = 1
NOT_REACHED = [
    "backups made before",
    "attached documents, pictures and archives: searched byte by byte, not opened",
]


def erase_person(
    settings: Settings,
    database: Database,
    address: str,
    names: Sequence[str],
    also: Sequence[str],
    *,
    apply: bool,
    now: datetime,
) -> int:
    """Look or erase; status 1 where something of it remains, with who has to do what.

    The certificate names no one: the address stands in it as a salted SHA-256.
    """
    local, at, domain = address.strip().casefold().rpartition("@")
    if not (local and at and domain):
        raise Refused(f"{address} is no mail address")
    known = tuple(names) or tuple(names_of(database, f"{local}@{domain}"))
    for word in (*known, *also):
        print(f"sodan: goes too: {word}", file=sys.stderr)
    alias = "x" + secrets.token_hex(4)
    mask = Mask(f"{local}@{domain}", (*known, *also), alias)
    shelf = Shelf(outside(settings), settings.content_store_from_bytes)
    erased = erase(database, shelf, mask, apply=apply)
    salt = secrets.token_hex(16)
    certificate = {
        "at": now.isoformat(),
        "done": apply,
        "person": {"salt": salt, "sha256": sha256(f"{salt}{local}@{domain}".encode()).hexdigest()},
        "words": len(known) + len(also),
        "rows": dict(sorted(erased.rows.items())),
        "mails": [{"was": was, "is": new} if new else {"was": was} for was, new in erased.mails],
        "left": erased.left,
        "remains": erased.remains.here,
        "not_reached": [*NOT_REACHED, *erased.remains.elsewhere],
    }
    print(json.dumps(certificate, indent=1))
    if not apply:
        print("sodan: nothing was changed; --yes does it, for good", file=sys.stderr)
    elif erased.left:
        print(f"sodan: {erased.left} places still name the person: erase again", file=sys.stderr)
        return FOUND_WRONG
    for words in (*erased.remains.here, *erased.remains.elsewhere):
        print(f"sodan: what went may still stand in {words}", file=sys.stderr)
    return FOUND_WRONG if erased.remains.here else 0
