"""Commands that change a case or print it as text to paste: brief, set, merge."""

import getpass
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from pydantic import ValidationError

from service.cases import brief_text
from service.cli import start
from service.cli.printing import print_json
from service.errors import Refused


def brief(
    key: start.CaseKey,
    *,
    for_: Annotated[Literal["vendor", "team", "requester"], Parameter(name="--for")] = "vendor",
    lang: Literal["ja", "en"] | None = None,
    format: Literal["text", "markdown", "eml", "json"] = "text",
) -> None:
    """Print a summary of a case, ready to paste.

    Args:
        for_: Who will read it.
        lang: Language of the summary. Default: the language of its reader.
        format: Format of the summary; eml: a draft that a mail program opens.
    """
    desk = start.desk()
    number = desk.survivor(key)
    if format == "eml":
        sys.stdout.buffer.write(desk.brief_draft(number, for_, lang))
        return
    _, brief = desk.brief(number, for_, lang)
    if format == "json":
        print_json(brief)
    else:
        render = brief_text.markdown if format == "markdown" else brief_text.text
        print(render(brief, desk.settings.zone), end="")


_CHANGES = "Each field=value. `field=` resets a field: the rules decide again."


def set_(key: start.CaseKey, *changes: Annotated[str, Parameter(help=_CHANGES)]) -> None:
    """Correct values of a case by hand: priority=P2, status=resolved, owner=me."""
    wanted = parse_changes(changes)
    desk, who = start.desk(), getpass.getuser()
    number = desk.survivor(key)
    desk.set_values(number, wanted, who)
    start.say(f"{desk.key_of(number)}: saved {', '.join(changes)}; you can undo this on the page of the case")


def parse_changes(given: Sequence[str]) -> dict[str, Any]:
    """Return changes such as ``priority=P2`` in the format of the API. Raises Refused."""
    from service.desk import CaseChange  # imports the reader, so that only commands that need it do

    wanted: dict[str, Any] = {}
    for change in given:
        name, equals, value = change.partition("=")
        group, dot, member = name.partition(".")
        if not equals or (group in ("items", "asks")) != bool(dot and member):
            raise Refused(f"{change[:60]}: expected field=value, such as priority=P2 or items.version=8.2.4")
        if dot:
            wanted.setdefault(group, {})[member] = value or None
        else:
            wanted[name] = value or None
    if not wanted:
        raise Refused("nothing to set: give field=value, such as priority=P2")
    try:
        CaseChange.model_validate(wanted)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])
        if field not in CaseChange.model_fields:
            fields = ", ".join(CaseChange.model_fields)
            raise Refused(f"{field}: there is no such field (fields: {fields})") from None
        raise Refused(start.first_error(error)) from None
    return wanted


def merge(key: start.CaseKey, into: Annotated[str, Parameter(help="Key of the case to keep.")]) -> None:
    """Merge a case into another case. You can undo this on the page of the case."""
    desk = start.desk()
    _, target = desk.merge(desk.survivor(key), desk.survivor(into), getpass.getuser())
    start.say(f"{key} is now part of {desk.key_of(target)}; you can undo this on the page of the case")
