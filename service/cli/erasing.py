"""`sodan erase`: erases a person, or lists what would change; prints a certificate."""

import json
import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256

from mailrules.vendors import Vendor
from service.cases.facts.content_words import is_common
from service.cli import start
from service.errors import Refused
from service.mail.masking import Mask
from service.settings import Settings
from service.store.blob_store import blob_store_of
from service.store.contents import BlobWriter
from service.store.database import Database
from service.store.erasure import erase, names_of

NOT_REACHED = ["backups made earlier", "text inside attached documents, pictures and archives, which are not opened"]


def erase_person(
    settings: Settings, database: Database, address: str, names: Sequence[str], reserved: Collection[str], apply: bool
) -> int:
    """Erase a person, or without ``apply`` list what would change, and print the certificate as JSON.

    ``reserved``: names of vendors and of the organisation, which must not be erased. Returns exit status 1 if data of
    the person may remain; a message says where. Raises Refused.
    """
    local, at, domain = address.strip().casefold().rpartition("@")
    if not (local and at and domain):
        raise Refused(f"{address} is not a mail address")
    check_names(names, reserved)
    for name in names_of(database, f"{local}@{domain}"):
        if name not in names and not apply:
            start.say(f"this name stands beside the address; to erase it elsewhere too, add --name: {name}")
    alias = "x" + secrets.token_hex(4)
    mask = Mask(f"{local}@{domain}", names, alias)
    writer = BlobWriter(blob_store_of(settings), settings.content_store_from_bytes)
    now, salt = start.now(), secrets.token_hex(16)
    result = erase(database, writer, mask, now, apply=apply)
    certificate = {
        "at": now.isoformat(),
        "done": apply,
        "person": {"salt": salt, "sha256": sha256(f"{salt}{local}@{domain}".encode()).hexdigest()},
        "words": len(names),
        "rows": dict(sorted(result.rows.items())),
        "mails": [{"was": was, "is": new} if new else {"was": was} for was, new in result.mails],
        **({} if apply else {"changes": result.changes}),
        "left": result.left,
        "remains": result.remains.here,
        "not_reached": [
            *NOT_REACHED,
            *(f"raw mail {id}: its content is damaged" for id in sorted(result.unreadable)),
            *result.remains.elsewhere,
        ],
    }
    print(json.dumps(certificate, indent=1))
    if not apply:
        start.say("nothing is changed yet; --yes erases permanently")
    elif result.left:
        places = start.counted(result.left, "place still names", "places still name")
        start.say(f"{places} the person; run the command again")
        return start.FOUND_WRONG
    for place in (*result.remains.here, *result.remains.elsewhere):
        start.say(f"erased text may remain in {place}")
    return start.FOUND_WRONG if result.remains.here else 0


def check_names(names: Sequence[str], reserved: Collection[str]) -> None:
    """Raise Refused if a name is too short, a common word, or the name of a vendor or the organisation."""
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
    """Return the names, products and labels of domains of the vendors and of the organisation."""
    words: set[str] = {label for domain in organisation for label in domain.split(".")}
    for vendor in vendors:
        words.update((vendor.id, vendor.name.ja, vendor.name.en, *vendor.names, *vendor.products))
        words.update(label for domain in vendor.domains for label in domain.split("."))
    return frozenset(words)
