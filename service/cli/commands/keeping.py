"""`sodan backup`, `restore`, `webhooks`, `retention` and `erase`: backing up and deleting data."""

from __future__ import annotations

from pathlib import Path

from service.cli.commands import start


def backup(file: Path) -> int:
    """Write everything (mails, cases, manual changes, tokens) into one new file, while sodan is running.

    It is as confidential as the mails in it. Exit status 1 if a raw mail was missing outside the database.

    Parameters
    ----------
    file
        The file to write; must not exist. In a folder, the file is named after the current time.
    """
    from service.store.backup import backup as write
    from service.store.blob_store import outside

    settings = start.settings()
    if file.is_dir():
        file = file / f"sodan-{start.now():%Y-%m-%d-%H%M%S}.backup"
    made = write(start.database(settings), outside(settings), file, start.now())
    start.say(f"{file}: {made.rows['spool']} mails, {made.rows['cases']} cases, {file.stat().st_size} bytes")
    for key in made.missing:
        start.say(f"missing in SODAN_CONTENT_STORE: {key}")
    return start.FOUND_WRONG if made.missing else 0


def restore(file: Path) -> int:
    """Fill an empty database from a backup, and check every mail. SQLite and PostgreSQL can be exchanged.

    Parameters
    ----------
    file
        A file that `sodan backup` wrote.
    """
    from service.store.backup import restore as read
    from service.store.blob_store import outside

    settings = start.settings()
    restored = read(start.database(settings, make=True), outside(settings), file)
    ledger = restored.ledger
    start.say(
        f"restored as of {restored.manifest.made_at}: accepted {ledger.accepted} = taken in {ledger.taken_in}"
        f" + waiting {ledger.waiting} + shunted {ledger.shunted}, {restored.manifest.rows['cases']} cases"
    )
    for id, words in restored.wrong:
        start.say(f"{id}: {words}")
    if restored.manifest.rows.get("webhooks"):
        start.say("webhooks are held, lest a copy tells what the original tells: `sodan webhooks` lists them")
    return start.FOUND_WRONG if restored.wrong or not ledger.balanced else 0


def webhooks(*, release: bool = False) -> int:
    """List the webhooks that are held since a restore, or release them.

    Parameters
    ----------
    release
        Send them events from now on. Use this only if the original installation sends nothing any more.
    """
    from service.store import webhooks as hooks

    database = start.database(start.settings())
    if release:
        start.say(f"{database.transact(lambda conn: hooks.resume_held(conn, start.now()))} webhooks go on")
        return 0
    for url in database.read(hooks.held):
        print(url)
    return 0


def retention(
    *,
    apply: bool = False,
    compact: bool = False,
    json: bool = False,
    raw_days: int | None = None,
    cases_days: int | None = None,
) -> int:
    """Show what the retention settings allow to be deleted; the worker deletes it once a day.

    Parameters
    ----------
    apply
        Delete it now, permanently. An interrupted run can be repeated.
    compact
        Then rewrite the database, so that its files no longer contain the deleted data. Blocks all writers.
    json
        Print a JSON line for each case instead of a table.
    raw_days
        Instead of SODAN_RETENTION_RAW_DAYS.
    cases_days
        Instead of SODAN_RETENTION_CASES_DAYS.
    """
    from service.cli.terminal.retention import retire
    from service.store.blob_store import outside
    from service.store.retention import Terms

    given = {"retention_raw_days": raw_days, "retention_cases_days": cases_days}
    settings = start.settings(**{name: days for name, days in given.items() if days is not None})
    terms = Terms.of_days(settings.retention_raw_days, settings.retention_cases_days)
    if compact and not apply:
        start.say("--compact goes with --apply")
        return start.WRONG_USE
    return retire(
        start.database(settings), outside(settings), terms, settings.case_prefix, start.now(),
        apply=apply, compact=compact, as_json=json,
    )  # fmt: skip


def erase(
    address: str,
    *,
    name: tuple[str, ...] = (),
    confirm_names: bool = False,
    dry_run: bool = False,
    yes: bool = False,
) -> int:
    """Erase a person from every mail, table and index, permanently; print a certificate (JSON). The cases are kept.

    Parameters
    ----------
    address
        The person's mail address. Its part before the @ and the display name beside it are erased too.
    name
        A name of the person, best with all its parts ("Aiko Mori"), or a phone number.
        A single word is erased only where it refers to a person: after a title, in a greeting or signature.
        Only names given here are erased from other people's mail.
    confirm_names
        Confirm that you checked what the dry run lists for these names; required with --yes.
    dry_run
        Change nothing; list every place and the words that would be replaced.
    yes
        Erase the person.
    """
    from service.cli.terminal.erasing import erase_person, words_of_vendors
    from service.intake import AppContext

    if dry_run == yes:
        start.say("say --dry-run to look, or --yes to erase")
        return start.WRONG_USE
    if yes and name and not confirm_names:
        start.say("names go from other people's mail too: look with --dry-run first, then add --confirm-names")
        return start.WRONG_USE
    settings = start.settings()
    reserved: frozenset[str] = frozenset()
    if name:
        reserved = words_of_vendors(AppContext.of(settings).rules.vendors.profiles.values(), settings.organisation)
    return erase_person(
        settings, start.database(settings), address, name, reserved=reserved, apply=yes, now=start.now()
    )
