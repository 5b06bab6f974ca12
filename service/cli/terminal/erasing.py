"""`sodan erase`: lists what would change, or erases and prints a certificate."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from mailrules.vendors import Vendor
from service.cases.facts.content_words import is_common
from service.cli import start
from service.errors import Refused
from service.mail.masking import Mask
from service.settings import Settings
from service.store.blob_store import outside
from service.store.contents import BlobWriter
from service.store.database import Database
from service.store.erasure import erase, names_of

NOT_REACHED = ["backups made earlier", "text inside attached documents, pictures and archives, which are not opened"]


def erase_person(
    settings: Settings,
    database: Database,
    address: str,
    names: Sequence[str],
    *,
    reserved: Collection[str] = (),
    apply: bool,
    now: datetime,
) -> int:
    """List the changes or erase the person; return status 1 if data remains, and print who must delete it.

    ``names``: as given by the operator. ``reserved``: names of vendors and of the organisation, which are no persons.
    The certificate contains the address only as a salted SHA-256. Raises Refused.
    """
    local, at, domain = address.strip().casefold().rpartition("@")
    if not (local and at and domain):
        raise Refused(f"{address} is not a mail address")
    check_names(names, reserved)
    for word in names_of(database, f"{local}@{domain}"):
        if word not in names and not apply:
            start.say(f"this name stands beside the address; to erase it elsewhere too, add --name: {word}")
    alias = "x" + secrets.token_hex(4)
    mask = Mask(f"{local}@{domain}", names, alias)
    shelf = BlobWriter(outside(settings), settings.content_store_from_bytes)
    erased = erase(database, shelf, mask, apply=apply)
    salt = secrets.token_hex(16)
    certificate = {
        "at": now.isoformat(),
        "done": apply,
        "person": {"salt": salt, "sha256": sha256(f"{salt}{local}@{domain}".encode()).hexdigest()},
        "words": len(names),
        "rows": dict(sorted(erased.rows.items())),
        "mails": [{"was": was, "is": new} if new else {"was": was} for was, new in erased.mails],
        **({} if apply else {"changes": erased.changes}),
        "left": erased.left,
        "remains": erased.remains.here,
        "not_reached": [
            *NOT_REACHED,
            *(f"raw mail {id}: its content is damaged" for id in sorted(erased.unreadable)),
            *erased.remains.elsewhere,
        ],
    }
    print(json.dumps(certificate, indent=1))
    if not apply:
        start.say("nothing is changed yet; --yes erases permanently")
    elif erased.left:
        start.say(f"{erased.left} places still name the person; run the command again")
        return start.FOUND_WRONG
    for words in (*erased.remains.here, *erased.remains.elsewhere):
        start.say(f"erased text may remain in {words}")
    return start.FOUND_WRONG if erased.remains.here else 0


def check_names(names: Sequence[str], reserved: Collection[str]) -> None:
    """Check names. Raises Refused for vendors, the organisation, everyday words, and names that are too short."""
    known = {word.casefold() for word in reserved}
    for name in names:
        parts = [part for part in re.split(r"[\s\u3000,]+", name) if part]
        if len("".join(parts)) < 2:
            raise Refused(f"{name!r} is too short; give at least two characters, best the full name")
        if name.casefold() in known or all(part.casefold() in known or is_common(part) for part in parts):
            raise Refused(
                f"{name!r} is a vendor, a product or a common word, not a name; give the full name of the person"
            )


def words_of_vendors(vendors: Iterable[Vendor], organisation: Sequence[str]) -> frozenset[str]:
    """Return names, products and domain labels of vendors and of the organisation."""
    words: set[str] = {label for domain in organisation for label in domain.split(".")}
    for vendor in vendors:
        words.update((vendor.id, vendor.name.ja, vendor.name.en, *vendor.names, *vendor.products))
        words.update(label for domain in vendor.domains for label in domain.split("."))
    return frozenset(words)
