"""A process that lives and does not answer hangs; a young one and one not to blame does not (see test_serve.py)."""

import os

from service.process import LATE_SECONDS, Watch

PATIENCE = 60.0


class Looks:
    """Looks at a process every second of the test's own clock."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.now = 1000.0
        self.watch = Watch(patience)
        self.watch.start(self.now)

    def hangs(self, seconds: float, *, reports: bool, apart: float = 1.0) -> bool:
        end, found = self.now + seconds, False
        while self.now < end:
            self.now += apart
            if reports:
                os.write(self.watch.descriptor, b".")
            found = self.watch.hangs(self.now)
        return found


def test_only_a_process_that_reported_and_then_does_not_for_long_hangs() -> None:
    looks = Looks()
    assert not looks.hangs(10 * PATIENCE, reports=False)  # it may still be starting
    assert not looks.hangs(10 * PATIENCE, reports=True)
    assert not looks.hangs(PATIENCE, reports=False)
    assert looks.hangs(1, reports=False)
    assert not looks.hangs(1, reports=True)
    looks.watch.start(looks.now)  # the next process is not judged by reports of the last
    assert not looks.hangs(10 * PATIENCE, reports=False)


def test_a_supervisor_that_was_held_up_blames_nobody() -> None:
    looks = Looks()
    looks.hangs(1, reports=True)
    assert not looks.hangs(10 * PATIENCE, reports=False, apart=LATE_SECONDS + 1)
    assert not looks.hangs(PATIENCE, reports=False)
    assert looks.hangs(1, reports=False)


def test_nothing_is_killed_when_it_is_off() -> None:
    looks = Looks(patience=0)
    looks.hangs(1, reports=True)
    assert not looks.hangs(100 * PATIENCE, reports=False)
