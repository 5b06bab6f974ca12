"""``sodan``, also as ``python -m service``."""

import signal
import sys

# Until somebody listens, SIGINT ends the process. As KeyboardInterrupt it is lost where it comes in a callback of the
# interpreter, of which importing has many: `sodan serve` then ran on.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from service.cli.main import main as _main  # noqa: E402

SERVICES = frozenset(("serve", "smtp", "worker", "api", "sender", "reader", "mailbox"))
"""Commands that listen for signals themselves, once they run."""


def main() -> int:
    """Run the command that the arguments name; its exit status."""
    if not SERVICES.intersection(sys.argv[1:2]):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return _main()


if __name__ == "__main__":
    sys.exit(main())
