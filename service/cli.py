"""The commands of `sodan`, and the only place that wires the rooms together.

Data goes to stdout, talk to stderr. Exit status: 0 done; 1 something was found wrong (a failed rule example, a
shunted mail); 2 wrong use or configuration. Rooms are imported inside the command that needs them, so that
`sodan parse` does not wait for a web framework.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata

from cyclopts import App, CycloptsError

from service.commands import (
    cases,
    contents,
    evaluating,
    health,
    keeping,
    mailbox,
    mails,
    outbox,
    rules,
    serving,
    spool,
    team,
    tokens,
)
from service.commands.start import FOUND_WRONG, WRONG_USE, say
from service.errors import NotFound, SodanError

app = App(
    name="sodan",
    help="Mail around vendor support in, cases out: what is burning, whose turn it is, what is missing.",
    help_format="plaintext",
    version=lambda: metadata.version("sodan"),  # cyclopts would look for a distribution named "service"
    version_flags=["--version"],
)

app.command(serving.serve)
app.command(serving.smtp)
app.command(serving.worker)
app.command(serving.api)
app.command(serving.sender)
app.command(serving.reader)
app.command(serving.migrate)
app.command(serving.smtp_password, name="smtp-password")
app.command(mails.import_, name="import")
app.command(mails.parse)
app.command(mails.judge)
app.command(mails.explain)
app.command(mails.prompt)
app.command(evaluating.evaluate, name="eval")
app.command(cases.cases)
app.command(cases.show)
app.command(cases.ask)
app.command(cases.note)
app.command(rules.app)
app.command(rules.replay)
app.command(mailbox.app)
app.command(spool.app)
app.command(outbox.app)
app.command(contents.app)
app.command(keeping.backup)
app.command(keeping.restore)
app.command(keeping.erase)
app.command(keeping.retention)
app.command(keeping.webhooks)
app.command(tokens.app)
app.command(team.app)
app.command(health.doctor)


def main(argv: list[str] | None = None) -> int:
    """Run one command; never a traceback for what a person can put right."""
    before = os.umask(0o077)  # mails and keys: nothing a command writes is for other users
    try:
        status = app(argv, exit_on_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError:
        return WRONG_USE  # cyclopts has said what was wrong with it
    except NotFound as error:
        say(str(error))
        return FOUND_WRONG
    except ValueError as error:
        if type(error).__name__ != "PackError":
            raise
        say(str(error))  # it names file, line and rule
        return WRONG_USE
    except SodanError as error:
        say(str(error))
        return WRONG_USE
    except BrokenPipeError:
        # whoever read our output has seen enough (`| head`); keep the interpreter from flushing into the closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    finally:
        os.umask(before)
    return status if isinstance(status, int) else 0
