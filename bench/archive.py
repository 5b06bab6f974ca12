"""Real mail against its own headers: are mails of one thread in one case, and no others?

    python -m bench.archive FOLDER… [--batch 16]

Takes every ``.eml`` below the folders in, oldest first, with the default settings and roles. A header thread is what
Message-ID, In-Reply-To and References connect. Counted are pairs of mails: precision is the share of pairs in one case
that are in one thread, recall the share of pairs in one thread that are in one case. Copies count once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import cyclopts

from bench.conversations import Conversation, play
from bench.harness import INTAKE, empty, pair_figures
from service import settings
from service.intake import AppContext
from service.mail.message import Mail
from service.mail.parse import parse
from service.store.spool import Envelope

UNDATED = datetime(1990, 1, 1, tzinfo=UTC)


def threads(mails: Iterable[Mail]) -> dict[str, str]:
    """Message-ID → the name of its header thread."""
    parent: dict[str, str] = {}

    def root(one: str) -> str:
        parent.setdefault(one, one)
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    for mail in mails:
        for other in (*mail.in_reply_to, *mail.references):
            parent[root(other)] = root(mail.message_id or "")
    return {mail.message_id: root(mail.message_id) for mail in mails if mail.message_id}


def main(folder: Path, *folders: Path, batch: int = 16) -> None:
    contents = [file.read_bytes() for one in (folder, *folders) for file in sorted(one.glob("**/*.eml"))]
    read = {mail.message_id: (mail, content) for content in reversed(contents) if (mail := parse(content)).message_id}
    ordered = sorted(read.values(), key=lambda one: one[0].date or UNDATED)
    labels = threads([mail for mail, _ in ordered])
    archive = Conversation("archive", tuple((mail.message_id or "", content) for mail, content in ordered), labels)
    ours = AppContext.of(settings.load(_env_file=None, intake=INTAKE))
    with empty("sqlite") as database:
        played = play(database, ours, [archive], Envelope("import", "", (INTAKE,)), batch)
    precision, recall, together, wanted = pair_figures(played.cases, labels)
    print(f"{len(played.cases)} mails; pairs in one case {together}, in one thread {wanted}")
    print(f"precision {precision:.4f}, recall {recall:.4f}")


if __name__ == "__main__":
    cyclopts.run(main)
