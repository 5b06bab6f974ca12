"""`sodan retention` and `erase`: deleting old data, and erasing a person."""

import json as jsons
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from mailrules.vendors.profile import Vendor
from service.cases.facts.content_words import is_common
from service.cli import start
from service.cli.printing import print_rows
from service.errors import Refused
from service.mail.masking import Mask
from service.settings import Settings
from service.store import compaction
from service.store.blob_store import blob_store_of
from service.store.cases import key_of
from service.store.contents import BlobWriter
from service.store.database import Database
from service.store.erasure import erase as erase_mask
from service.store.erasure import names_of, own_names
from service.store.retention import Deleted, Terms, due, remove_due

NOT_REACHED = ["backups made earlier", "text inside attached documents, pictures and archives, which are not opened"]
RETENTION = ("case", "status", "since", "goes", "messages", "mails", "bytes")


def retention(*, apply: bool = False, compact: bool = False, json: bool = False) -> int:
    """List the old data that sodan deletes by the retention settings. A worker deletes it once a day.

    Args:
        apply: Delete this data now, permanently. You can interrupt the command and run it again.
        compact: With --apply: after that, rewrite the database files, so that they no longer contain the deleted data.
            Meanwhile no process can write to the database.
        json: Print a JSON line for each case instead of a table.
    """
    settings = start.settings()
    if compact and not apply:
        raise Refused("--compact needs --apply")
    return run_retention(settings, start.database(settings), start.now(), apply=apply, compact=compact, as_json=json)


def run_retention(
    settings: Settings, database: Database, now: datetime, *, apply: bool, compact: bool, as_json: bool
) -> int:
    """Print the cases that have data to delete, and with ``apply`` delete it. Returns the exit status."""
    terms = Terms.of_days(settings.retention_raw_days, settings.retention_cases_days)
    if terms.raw is None and terms.cases is None:
        start.say(
            "nothing is ever deleted; to delete old data, set SODAN_RETENTION_RAW_DAYS or SODAN_RETENTION_CASES_DAYS"
        )
        return 0
    total, store = Deleted(), blob_store_of(settings)

    def rows() -> Iterator[dict[str, Any]]:
        for cases in due(database, terms, now):
            for case in cases:
                planned = Deleted(cases=int(case.whole), messages=case.whole * case.messages, mails=case.mails)
                total.update(remove_due(database, store, case, now) if apply else planned)
                goes = "the case" if case.whole else "raw mails"
                key = key_of(case.case_id, settings.case_prefix)
                values = (key, case.status, case.since, goes, case.messages, case.mails, case.size)
                yield dict(zip(RETENTION, values, strict=True))

    print_rows(rows(), RETENTION, as_json=as_json, zone=settings.zone)
    cases, messages = start.counted(total["cases"], "case"), start.counted(total["messages"], "message")
    counted = f"{cases} with {messages}, {start.counted(total['mails'], 'raw mail')}"
    if not apply:
        start.say(f"would be deleted: {counted}; nothing is deleted yet, --apply deletes this permanently")
        return 0
    remains = compaction.compact(database) if compact else compaction.Remains()
    start.say(f"deleted: {counted}")
    for place in (*remains.in_database, *remains.in_copies):
        start.say(f"deleted text may remain in {place}")
    return start.FOUND_WRONG if remains.in_database else 0


def erase(
    address: str, *, name: tuple[str, ...] = (), confirm_names: bool = False, dry_run: bool = False, yes: bool = False
) -> int:
    """Erase a person permanently from all mails and tables, and print a certificate (JSON). The cases stay.

    Args:
        address: The person's mail address. Its part before the @ is erased too, in all mails. The names in From of the
            person's mails are erased in these mails and in quotes of them. To erase these names elsewhere, use --name.
        name: A further name of the person, preferably the full name ("Aiko Mori"), or a phone number.
            A single word is erased only if it refers to a person: with a title, in a greeting or in a signature.
        confirm_names: Confirm that you checked the list of the dry run for these names. Required with --name and --yes.
        dry_run: List every place and the words that would be replaced. Change nothing.
        yes: Erase the person. You cannot undo this.
    """
    from service.intake import AppContext  # imports the reader

    if dry_run == yes:
        raise Refused("give either --dry-run (list the changes) or --yes (erase)")
    if yes and name and not confirm_names:
        raise Refused("names are also erased from mail of other people: check --dry-run, then add --confirm-names")
    settings = start.settings()
    reserved = words_of_vendors(AppContext.of(settings).rules.vendors.profiles.values(), settings.organisation)
    return erase_person(settings, start.database(settings), address, name, reserved, apply=yes)


def erase_person(
    settings: Settings, database: Database, address: str, names: Sequence[str], reserved: Collection[str], apply: bool
) -> int:
    """Erase a person and print the certificate as JSON. Without ``apply``, only list what would change.

    ``reserved``: names of vendors and of the organisation, which must not be erased. Returns exit status 1 if data of
    the person may remain; a message says where. Raises Refused.
    """
    local, at, domain = address.strip().casefold().rpartition("@")
    if not (local and at and domain):
        raise Refused(f"{address} is not a mail address")
    for name in names:
        if reason := _why_no_name(name, reserved):
            raise Refused(f"{name!r} {reason}")
    person = f"{local}@{domain}"
    known, own = database.read(lambda conn: (names_of(conn, person), own_names(conn, person)))
    own_only = [name for name in own if name not in names and not _why_no_name(name, reserved)]
    left_out = [name for name in known if name not in names]
    for name in left_out:
        where = "in the person's own mails and beside the address" if name in own_only else "beside the address"
        start.say(f"this name is erased only {where}; to erase it in all mails, add --name: {name}")
    alias = "x" + secrets.token_hex(4)
    mask = Mask(person, names, alias, own_only)
    writer = BlobWriter(blob_store_of(settings), settings.content_store_from_bytes)
    now, salt = start.now(), secrets.token_hex(16)
    result = erase_mask(database, writer, mask, now, apply=apply)
    certificate = {
        "at": now.isoformat(),
        "done": apply,
        "person": {"salt": salt, "sha256": sha256(f"{salt}{person}".encode()).hexdigest()},
        "words": len(names) + len(own_only),
        "rows": dict(sorted(result.rows.items())),
        "mails": [{"was": was, "is": new} if new else {"was": was} for was, new in result.mails],
        **({} if apply else {"changes": result.changes}),
        "left": result.left,
        "remains": result.remains.in_database,
        "not_reached": [
            *NOT_REACHED,
            *(["names of the person in mails of other people; --name erases them"] if left_out else []),
            *(f"raw mail {id}: its content is damaged" for id in sorted(result.unreadable)),
            *result.remains.in_copies,
        ],
    }
    print(jsons.dumps(certificate, indent=1))
    if not apply:
        start.say("nothing is changed yet; --yes erases permanently")
    elif result.left:
        places = start.counted(result.left, "place still names", "places still name")
        start.say(f"{places} the person; run the command again")
        return start.FOUND_WRONG
    for place in (*result.remains.in_database, *result.remains.in_copies):
        start.say(f"erased text may remain in {place}")
    return start.FOUND_WRONG if result.remains.in_database else 0


def _why_no_name(name: str, reserved: Collection[str]) -> str | None:
    """Return why a text is not the name of a person, or None.

    Short texts, common words and ``reserved`` names are not names of persons.
    """
    known = {word.casefold() for word in reserved}
    parts = [part for part in re.split(r"[\s\u3000,]+", name) if part]
    if len("".join(parts)) < 2:
        return "is too short; give at least two characters, best the full name"
    if name.casefold() in known or all(part.casefold() in known or is_common(part) for part in parts):
        return "is a vendor, a product or a common word, not a name; give the full name of the person"
    return None


def words_of_vendors(vendors: Iterable[Vendor], organisation: Sequence[str]) -> frozenset[str]:
    """Return words that name vendors or the organisation: names, products, parts of domains."""
    words: set[str] = {label for domain in organisation for label in domain.split(".")}
    for vendor in vendors:
        words.update((vendor.id, vendor.name.ja, vendor.name.en, *vendor.names, *vendor.products))
        words.update(label for domain in vendor.domains for label in domain.split("."))
    return frozenset(words)
