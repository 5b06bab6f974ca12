"""`sodan prompt`: prints the request to a language model for a mail."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from mailrules import second
from service.cases.facts.extraction import IngestConfig, extract_messages
from service.cases.facts.roles import Roles
from service.cli.terminal.reading import rules_of
from service.errors import Refused
from service.mail.parse import parse
from service.settings import Settings


def print_prompt(
    settings: Settings,
    file: Path,
    *,
    team: tuple[str, ...],
    organisation: tuple[str, ...],
    packs: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Print one request for each message in the mail. Raises Refused if the file cannot be read."""
    try:
        mail = parse(file.read_bytes())
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from None
    rules = rules_of(packs, settings.site_file)
    roles = Roles(
        organisation=organisation, team=(*team, *rules.colleagues), known=rules.people, vendor_of=rules.vendor_of
    )
    ingest = IngestConfig(
        zone=settings.zone, prefix=settings.case_prefix, intake=settings.intake, organisation=organisation
    )
    for one in extract_messages(mail, roles, ingest, received_at=mail.date or datetime.now(UTC)):
        request = second.request_for(rules, one.turn)
        if as_json:
            asked = {"messages": request.messages, "schema": request.schema, "version": request.version}
            print(json.dumps(asked, ensure_ascii=False))
        else:
            print(f"── version {request.version}\n{request.system}\n\n{request.user}\n")
    return 0
