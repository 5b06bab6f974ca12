"""Real mail against its own headers: are mails of one thread in one case, and no others?

    python -m bench.archive FOLDER… [--batch 16]

Takes every ``.eml`` below the folders in, oldest first, with the default settings and roles. A header thread is what
Message-ID, In-Reply-To and References connect. Counted are pairs of mails: precision is the share of pairs in one case
that are in one thread, recall the share of pairs in one thread that are in one case. Copies count once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import cyclopts

from bench.conversations import Conversation, play
from bench.harness import INTAKE, empty, pair_figures
from service import settings
from service.intake import AppContext
from service.mail.parse import parse
from service.mail.report import threads
from service.store.spool import Envelope

UNDATED = datetime(1990, 1, 1, tzinfo=UTC)


def main(folder: Path, *folders: Path, batch: int = 16) -> None:
    contents = [file.read_bytes() for one in (folder, *folders) for file in sorted(one.glob("**/*.eml"))]
    read = {id: (mail, content) for content in reversed(contents) if (id := (mail := parse(content)).message_id)}
    ordered = dict(sorted(read.items(), key=lambda one: one[1][0].date or UNDATED))
    labels = dict(zip(ordered, threads([mail for mail, _ in ordered.values()]), strict=True))
    archive = Conversation("archive", tuple((id, content) for id, (_, content) in ordered.items()), labels)
    ours = AppContext.of(settings.load(_env_file=None, intake=INTAKE))
    with empty("sqlite") as database:
        played = play(database, ours, [archive], Envelope("import", "", (INTAKE,)), batch)
    precision, recall, together, wanted = pair_figures(played.cases, labels)
    print(f"{len(played.cases)} mails; pairs in one case {together}, in one thread {wanted}")
    print(f"precision {precision:.4f}, recall {recall:.4f}")


if __name__ == "__main__":
    cyclopts.run(main)
