"""When the supervisor considers a process to hang. Its clock is set by the tests; see also test_serve.py."""

import os

from service.process import LATE_SECONDS, Watch

PATIENCE = 60.0


class Checks:
    """Checks a process at regular times of a clock."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.now = 1000.0
        self.watch = Watch(patience)
        self.watch.start(self.now)

    def hangs(self, seconds: float, *, reports: bool, interval: float = 1.0) -> bool:
        """Check for ``seconds``; return the result of the last check. ``reports``: the process reports meanwhile."""
        end, found = self.now + seconds, False
        while self.now < end:
            self.now += interval
            if reports:
                os.write(self.watch.descriptor, b".")
            found = self.watch.hangs(self.now)
        return found


def test_a_process_hangs_if_it_stops_reporting() -> None:
    checks = Checks()
    assert not checks.hangs(10 * PATIENCE, reports=False), "it may still be starting"
    assert not checks.hangs(10 * PATIENCE, reports=True)
    assert not checks.hangs(PATIENCE, reports=False)
    assert checks.hangs(1, reports=False)
    assert not checks.hangs(1, reports=True)
    checks.watch.start(checks.now)  # reports of the last process do not count
    assert not checks.hangs(10 * PATIENCE, reports=False)


def test_no_process_hangs_while_the_supervisor_is_late_or_the_watchdog_is_off() -> None:
    late, off = Checks(), Checks(patience=0)
    for checks in (late, off):
        checks.hangs(1, reports=True)
    assert not late.hangs(10 * PATIENCE, reports=False, interval=LATE_SECONDS + 1)
    assert not late.hangs(PATIENCE, reports=False)
    assert late.hangs(1, reports=False)
    assert not off.hangs(100 * PATIENCE, reports=False)
