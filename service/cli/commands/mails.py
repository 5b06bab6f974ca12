"""`sodan import`, and commands that only analyse mails: parse, judge, explain, prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from service.cli.commands import start


def import_(paths: tuple[Path, ...], *, take_in: Annotated[bool, Parameter(negative="--no-take-in")] = True) -> int:
    """Import mail from files. Importing the same mail again changes nothing.

    Parameters
    ----------
    paths
        .eml files, mbox files, Maildirs, or folders of them.
    take_in
        Also process the imported mails. --no-take-in leaves that to running workers.
    """
    from service.cli.terminal.importing import import_paths

    settings = start.settings()
    return import_paths(settings, start.database(settings, make=True), paths, take_in=take_in)


def parse(files: tuple[Path, ...], *, root: Path | None = None) -> int:
    """Parse mails and print JSON Lines: one object per mail, in the order given.

    Parameters
    ----------
    files
        Mails as raw files (.eml). For an unreadable one, the line contains an `error`; the others are still parsed.
    root
        Print `file` relative to this folder.
    """
    from service.cli.terminal.reading import parse_files

    return parse_files(files, root)


def judge(
    files: tuple[Path, ...],
    *,
    team: tuple[str, ...] = (),
    organisation: tuple[str, ...] = (),
    packs: tuple[Path, ...] = (),
    site: Path | None = None,
    root: Path | None = None,
    guess_roles: bool = False,
) -> int:
    """Judge each mail alone, as if it opened a case, and print JSON Lines.

    Parameters
    ----------
    files
        Mails as raw files (.eml).
    team
        Addresses or @domains of the IT team.
    organisation
        Mail domains of the organisation; people at them are requesters.
    packs
        Additional folders of rule packs, loaded after the shipped ones.
    site
        The site file: own products, host names, people. Default: SODAN_SITE_FILE.
    root
        Print `file` relative to this folder.
    guess_roles
        Guess the side of unknown people from the recipients of each mail. The service never does this.
    """
    from service.cli.terminal.reading import judge_files

    settings = start.settings()
    return judge_files(
        files,
        team=team,
        organisation=organisation,
        packs=(*settings.packs, *packs),
        site=site or settings.site_file,
        root=root,
        settings=settings,
        guess=guess_roles,
    )


def explain(
    what: str,
    *,
    team: tuple[str, ...] = (),
    organisation: tuple[str, ...] = (),
    packs: tuple[Path, ...] = (),
    rule: str | None = None,
) -> int:
    """Show what was found in a mail, which rules fired on which text, and why the other rules did not fire.

    Parameters
    ----------
    what
        A file, or the Message-ID of a processed mail.
    team
        Addresses or @domains of the IT team.
    organisation
        Mail domains of the organisation; people at them are requesters.
    packs
        Additional folders of rule packs, loaded after those of SODAN_PACKS.
    rule
        Only this rule or meaning: the text it is based on, or why it did not fire or was not found.
    """
    from service.cli.terminal.reading import explain_mail

    settings = start.settings()
    return explain_mail(
        what,
        settings,
        team=(*settings.team, *team),
        organisation=(*settings.organisation, *organisation),
        packs=(*settings.packs, *packs),
        rule=rule,
    )


def prompt(
    file: Path,
    *,
    team: tuple[str, ...] = (),
    organisation: tuple[str, ...] = (),
    packs: tuple[Path, ...] = (),
    json: bool = False,
) -> int:
    """Print the request to a language model for a mail: all data that would be sent. Nothing is sent.

    Parameters
    ----------
    file
        A mail as a raw file (.eml).
    team
        Addresses or @domains of the IT team.
    organisation
        Mail domains of the organisation; people at them are requesters.
    packs
        Additional folders of rule packs, loaded after those of SODAN_PACKS.
    json
        Print the messages and the schema of the answer as JSON, as the API gets them.
    """
    from service.cli.terminal.show_prompt import print_prompt

    settings = start.settings()
    return print_prompt(
        settings,
        file,
        team=(*settings.team, *team),
        organisation=(*settings.organisation, *organisation),
        packs=(*settings.packs, *packs),
        as_json=json,
    )
