"""Entry point of ``sodan`` and of ``python -m service``."""

import signal
import sys

# Until a handler is installed, SIGINT ends the process. By default, Python raises KeyboardInterrupt. The interpreter
# ignores it in callbacks, which are frequent during imports. `sodan serve` would then continue to run.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from service.cli.main import main as _main  # noqa: E402

SERVICES = frozenset(("serve", "smtp", "worker", "api", "sender", "reader", "mailbox"))
"""Commands that handle signals themselves once they run."""


def main() -> int:
    """Run the command given by the arguments; returns its exit status."""
    if not SERVICES.intersection(sys.argv[1:2]):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return _main()


if __name__ == "__main__":
    sys.exit(main())
