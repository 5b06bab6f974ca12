"""A cache bounded by the bytes of its values."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from threading import Lock
from typing import Any, Generic, TypeVar
from weakref import WeakSet

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class SizedCache(Generic[_Key, _Value]):
    """A cache with a limit on the total bytes of its values. It removes the values that were used least recently."""

    def __init__(self, most: int) -> None:
        """`most`: maximum total bytes of all values."""
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[_Key, tuple[_Value, int]] = OrderedDict()
        self._bytes = 0
        _caches.add(self)

    def known(self, keys: Iterable[_Key]) -> dict[_Key, _Value]:
        """Return key → value for the keys that the cache contains."""
        found: dict[_Key, _Value] = {}
        with self._lock:
            for key in keys:
                if key in self._kept:
                    found[key] = self._kept[key][0]
                    self._kept.move_to_end(key)
        return found

    def keep(self, values: Mapping[_Key, _Value], sizes: Iterable[int]) -> None:
        """Add values to the cache. `sizes`: the bytes of each value."""
        with self._lock:
            for (key, value), size in zip(values.items(), sizes, strict=True):
                self._bytes += size - self._kept.pop(key, (None, 0))[1]
                self._kept[key] = (value, size)
            while self._bytes > self._most:
                self._bytes -= self._kept.popitem(last=False)[1][1]

    def clear(self) -> None:
        """Remove all values."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


_caches: WeakSet[SizedCache[Any, Any]] = WeakSet()


def clear_caches() -> None:
    """Clear all caches of this kind in the process."""
    for cache in list(_caches):
        cache.clear()
