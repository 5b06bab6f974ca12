"""The command `sodan`: lists its subcommands in groups, runs one and handles errors.

Data is printed to stdout, messages to stderr. A subcommand returns the exit status. 0 or None: success; 1: a problem
was found (a failed rule example, a shunted mail); 2: wrong usage or configuration. The module of a subcommand is
imported when it runs.
"""

import os
import sys
from importlib import metadata
from typing import Any, Literal

from cyclopts import App, CycloptsError, Group, Parameter

from service.cli.start import FOUND_WRONG, WRONG_USE, first_error, say
from service.errors import NotFound, SodanError

app = App(
    name="sodan",
    help="Group mail about vendor support into cases. Show their priority, who has to act next, and what is missing.",
    help_format="plaintext",
    # no --no-… and --empty-… variants of options; no "[default: False]" in the help
    default_parameter=Parameter(negative=(), show_default=lambda value: value or None),
    version=lambda: metadata.version("sodan"),  # cyclopts would look for a distribution named "service"
    version_flags=["--version"],
)


def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print a script that completes commands in your shell. Use it as `eval "$(sodan completion bash)"`."""
    app.resolved_commands()  # import all modules: cyclopts completes only options of commands that are imported
    print(app.generate_completion(shell=shell))


_GROUPS = {
    "Run": (
        "serving:serve serving:smtp serving:worker serving:api serving:sender serving:reader mailbox:mailbox "
        "doctor:doctor"
    ),
    "Cases": "cases:cases cases:show changes:brief changes:set_ changes:merge",
    "Mail": "importing:import_ mails:parse mails:judge mails:explain mails:prompt queues:spool queues:outbox",
    "Rules": "rules:rules rules:replay evaluating:eval_",
    "Administration": "serving:migrate access:token access:team serving:smtp_password backup:webhooks main:completion",
    "Data": "backup:backup backup:restore deletion:retention deletion:erase contents:contents",
}
"""Heading in the help → commands: module of this package, and function or group of commands in it."""
for _number, (_title, _commands) in enumerate(_GROUPS.items()):
    _group = Group(_title, sort_key=_number)
    for _command in _commands.split():  # the command has the name of the function; `set_` becomes `set`
        app.command(f"service.cli.{_command}", group=_group)


def main(argv: list[str] | None = None) -> int:
    """Run one command. An error that the user can correct is printed as one line, without a traceback."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in app.help_flags:
        app.resolved_commands()  # import all modules: the help describes only commands that are imported
    umask = os.umask(0o077)  # other users must not read the files with mails and keys that commands write
    try:
        status = app(words, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        cause: Any = error.__cause__  # an error of pydantic, if the value of a filter is wrong
        if hasattr(cause, "errors"):
            field, _, reason = first_error(cause).partition(":")
            say(f"--{field.replace('_', '-')}:{reason}")
        else:
            say(str(error))
        return WRONG_USE
    except NotFound as error:
        say(str(error))
        return FOUND_WRONG
    except ValueError as error:
        if type(error).__name__ != "PackError":
            raise
        say(str(error))  # the text contains file, line and rule
        return WRONG_USE
    except SodanError as error:
        say(str(error))
        return WRONG_USE
    except BrokenPipeError:
        # the reader of the pipe has closed it (`| head`): prevent the interpreter from flushing into it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    finally:
        os.umask(umask)
    return status if isinstance(status, int) else 0
