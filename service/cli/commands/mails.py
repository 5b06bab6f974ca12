"""`sodan import`, and what a mail says when it is only looked at: parse, judge, explain."""

from __future__ import annotations

from pathlib import Path

from service.cli.commands import start


def import_(paths: tuple[Path, ...], *, take_in: bool = True) -> int:
    """Receive mail from files and take it in. Running it twice changes nothing.

    Parameters
    ----------
    paths
        .eml files, mbox files, Maildirs, or folders of them.
    take_in
        Also understand what was received; --no-take-in leaves that to running workers.
    """
    from service.cli.terminal.importing import import_paths

    settings = start.settings()
    return import_paths(settings, start.database(settings, make=True), paths, take_in=take_in)


def parse(files: tuple[Path, ...], *, root: Path | None = None) -> int:
    """Read mails and print what they say: JSON Lines, one object a mail, in the order given.

    Parameters
    ----------
    files
        Mails as raw files (.eml). A bad one becomes a line with an `error`, never the end.
    root
        `file` is printed relative to this folder.
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
    """Judge mails, each alone, as if it opened a case: JSON Lines.

    Parameters
    ----------
    files
        Mails as raw files (.eml).
    team
        Addresses or @domains of the IT team.
    organisation
        Our own mail domains; their people are requesters.
    packs
        Further folders of rule packs, loaded after the shipped ones.
    site
        The site file: own products, host names, people. Without it, that of SODAN_SITE_FILE.
    root
        `file` is printed relative to this folder.
    guess_roles
        Guess the sides of people whom nobody declared from the recipients of each mail. The service never does.
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
    """Say what was found in a mail, which rule fired on which words, and what the others lacked.

    Parameters
    ----------
    what
        A file, or the Message-ID of a mail that was taken in.
    team
        Addresses or @domains of the IT team.
    organisation
        Our own mail domains; their people are requesters.
    packs
        Further folders of rule packs.
    rule
        Of one rule or meaning alone: its words, or what it lacked.
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
    """Print what a language model would be asked about a mail: all that would leave the house.

    Parameters
    ----------
    file
        A mail as a raw file (.eml).
    team
        Addresses or @domains of the IT team.
    organisation
        Our own mail domains; their people are requesters.
    packs
        Further folders of rule packs.
    json
        The messages and the schema of the answer, as the API gets them.
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
