"""A cache holds at most its bytes, and what was used last stays longest."""

from mailrules.sized_cache import SizedCache, clear_caches


def test_values_used_least_recently_go_first() -> None:
    cache = SizedCache[str, int](100)
    cache.keep({"a": 1, "b": 2}, [40, 40])
    assert cache.known(["a"]) == {"a": 1}
    cache.keep({"c": 3}, [40])
    assert cache.known(["a", "b", "c"]) == {"a": 1, "c": 3}


def test_a_value_larger_than_the_cache_is_not_kept_and_a_replaced_one_counts_once() -> None:
    cache = SizedCache[str, int](100)
    cache.keep({"a": 1}, [101])
    assert cache.known(["a"]) == {}
    for value in range(10):
        cache.keep({"a": value}, [60])
    cache.keep({"b": 1}, [40])
    assert cache.known(["a", "b"]) == {"a": 9, "b": 1}


def test_all_caches_of_the_process_can_be_cleared() -> None:
    cache = SizedCache[str, int](100)
    cache.keep({"a": 1}, [60])
    clear_caches()
    assert cache.known(["a"]) == {}
    cache.keep({"b": 1, "c": 1}, [60, 40])
    assert cache.known(["b", "c"]) == {"b": 1, "c": 1}
