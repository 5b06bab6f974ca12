"""An answer that is dear to make stands for a while, and never for long."""

from itertools import count

import pytest

from service.store.cached_value import LONGEST, SHARE, CachedValue


def test_an_answer_stands_as_long_as_its_making_earned() -> None:
    made, moment = count(1), 0.0

    def make() -> int:
        nonlocal moment
        moment += took
        return next(made)

    cached, took = CachedValue(make, lambda: moment), 0.1
    assert (cached(), cached()) == (1, 1)
    moment += SHARE * took - 0.01
    assert cached() == 1
    moment += 0.02
    took = 60.0
    assert (cached(), cached()) == (2, 2)
    moment += LONGEST
    assert cached() == 3


def test_a_failure_is_told_and_not_kept() -> None:
    divisors = iter((0, 1))
    cached = CachedValue(lambda: 7 // next(divisors))
    with pytest.raises(ZeroDivisionError):
        cached()
    assert cached() == 7
