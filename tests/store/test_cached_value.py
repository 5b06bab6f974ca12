"""Caching of expensive results."""

from itertools import count

import pytest

from service.store.cached_value import LONGEST, SHARE, CachedValue


def test_a_result_is_cached_for_a_multiple_of_its_computing_time() -> None:
    computed, moment, took = count(), 0.0, 0.1

    def compute() -> int:
        nonlocal moment
        moment += took
        return 7 // next(computed)

    cached = CachedValue(compute, lambda: moment)
    with pytest.raises(ZeroDivisionError):  # an error is not cached
        cached()
    assert (cached(), cached()) == (7, 7)
    moment += SHARE * took - 0.01
    assert cached() == 7
    moment += 0.02
    took = 60.0
    assert (cached(), cached()) == (3, 3)
    moment += LONGEST
    assert cached() == 2
