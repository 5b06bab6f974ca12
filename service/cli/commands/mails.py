"""`sodan import`, and commands that only analyse mails: parse, judge, explain, prompt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from service.cli import start

if TYPE_CHECKING:
    from service.settings import Settings


@Parameter(name="*")
@dataclass(frozen=True)
class Additions:
    """Options of several commands that add values to the settings."""

    team: Annotated[tuple[str, ...], Parameter(help="Addresses or @domains of the IT team.")] = ()
    organisation: Annotated[
        tuple[str, ...], Parameter(help="Mail domains of the organisation; people at them are requesters.")
    ] = ()
    packs: Annotated[
        tuple[Path, ...], Parameter(help="Additional folders of rule packs, loaded after those of SODAN_PACKS.")
    ] = ()

    def settings(self) -> Settings:
        """Return the settings with these additions. Raises Refused."""
        settings = start.settings()
        return settings.model_copy(
            update={
                "team": (*settings.team, *self.team),
                "organisation": (*settings.organisation, *self.organisation),
                "packs": (*settings.packs, *self.packs),
            }
        )


NOTHING = Additions()


def import_(paths: tuple[Path, ...], *, take_in: Annotated[bool, Parameter(negative="--no-take-in")] = True) -> int:
    """Import mail from files. Importing the same mail again changes nothing.

    Args:
        paths: .eml files, mbox files, Maildirs, or folders of them.
        take_in: Also process the imported mails. With --no-take-in, running workers process them.
    """
    from service.cli.terminal.importing import import_paths

    settings = start.settings()
    return import_paths(settings, start.database(settings, make=True), paths, take_in=take_in)


def parse(files: tuple[Path, ...], *, root: Path | None = None) -> None:
    """Parse mails and print JSON Lines: one object per mail, in the order given.

    Args:
        files: Mails as raw files (.eml). For an unreadable one, the line contains an `error`; the others are still
            parsed.
        root: Print `file` relative to this folder.
    """
    from service.cli.terminal.reading import parse_files

    parse_files(files, root)


def judge(
    files: tuple[Path, ...],
    *,
    additions: Additions = NOTHING,
    site: Path | None = None,
    root: Path | None = None,
    guess_roles: bool = False,
) -> None:
    """Judge each mail alone, as if it opened a case, and print JSON Lines.

    Args:
        files: Mails as raw files (.eml).
        site: The site file: own products, host names, people. Default: SODAN_SITE_FILE.
        root: Print `file` relative to this folder.
        guess_roles: Guess the side of unknown people from the recipients of each mail. The service never does this.
    """
    from service.cli.terminal.reading import judge_files

    settings = additions.settings()
    only = {"team": additions.team, "organisation": additions.organisation, "site_file": site or settings.site_file}
    for line in judge_files(files, settings.model_copy(update=only), root, guess=guess_roles):
        print(line)


def explain(what: str, *, additions: Additions = NOTHING, rule: str | None = None) -> None:
    """Show what sodan found in a mail, which rules fired on which text, and why the other rules did not fire.

    Args:
        what: A file, or the Message-ID of a processed mail.
        rule: Show only this rule or meaning: the text that it used, or why it did not fire or was not found.
    """
    from service.cli.terminal.reading import explain_mail

    explain_mail(what, additions.settings(), rule)


def prompt(file: Path, *, additions: Additions = NOTHING, json: bool = False) -> None:
    """Print the request to the language model for a mail: all data that sodan would send. Send nothing.

    Args:
        file: A mail as a raw file (.eml).
        json: Print the messages and the schema of the answer as JSON, as the API gets them.
    """
    from service.cli.terminal.reading import print_prompt

    print_prompt(file, additions.settings(), as_json=json)
