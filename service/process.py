"""Signals, log output, heartbeats, CPU limits and free memory of a process."""

import contextlib
import ctypes
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

from service.settings import environment

# ── signals ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def stop_event(**further: Callable[[], object]) -> threading.Event:
    """Return an event that SIGTERM and SIGINT set. ``further``: name of another signal → function to call.

    A Python signal handler runs in the main thread between any two bytecode instructions. If it takes a lock that the
    main thread holds at that moment, as ``threading.Event.set`` does, the process hangs. Here the handlers only put the
    function into a ``SimpleQueue``, whose ``put`` is reentrant, and a thread calls it. Call this once.
    """
    stop = threading.Event()
    due: SimpleQueue[Callable[[], object]] = SimpleQueue()
    for name, call in {"SIGTERM": stop.set, "SIGINT": stop.set, **further}.items():
        signal.signal(signal.Signals[name], lambda *_, call=call: due.put(call))
    threading.Thread(target=_call_each, args=(due,), name="signals", daemon=True).start()
    return stop


def _call_each(due: SimpleQueue[Callable[[], object]]) -> None:
    while True:
        due.get()()


# ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class ErrorTolerantStream(io.TextIOBase):
    """An unbuffered text stream that never raises. It counts failed writes, and a later write reports them."""

    encoding = "utf-8"

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.dropped = 0  # failed writes since the last successful write

    def write(self, text: str) -> int:
        note = f"{self.dropped} earlier pieces of this log could not be written\n" if self.dropped else ""
        left = memoryview((note + text).encode("utf-8", "backslashreplace"))
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            self.dropped += 1
        else:
            self.dropped = 0
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor


def replace_stderr() -> None:
    """Replace ``sys.stderr`` by an ``ErrorTolerantStream``, also for libraries and tracebacks."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    sys.stderr = ErrorTolerantStream(2)


# ── heartbeats ───────────────────────────────────────────────────────────────────────────────────────────────────────

HEARTBEAT = "HEARTBEAT_FD"  # the environment variable with the file descriptor to which a child process reports
LATE_SECONDS = 5.0
"""If the supervisor itself checks this late, the machine is overloaded, and no process counts as hanging."""


def announce(text: str) -> None:
    """Print the address of a server. A supervisor, if there is one, prints all addresses itself."""
    if not environment(HEARTBEAT):
        print(f"sodan: {text}", file=sys.stderr, flush=True)


def report() -> None:
    """Report to the supervisor, if any, that the event loop runs. Call it every second; workers do not report."""
    if descriptor := environment(HEARTBEAT):
        with contextlib.suppress(OSError):  # the pipe is full or closed: the supervisor hangs or ended
            os.write(int(descriptor), b".")


class Watch:
    """Decides whether a process hangs, by its reports to ``descriptor``.

    Until the first report, the process does not count as hanging, because it is still starting.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience  # seconds without a report after which a process counts as hanging; 0: never
        self._reports, self.descriptor = os.pipe()
        os.set_blocking(self._reports, False)
        os.set_blocking(self.descriptor, False)

    def start(self, now: float) -> None:
        """Discard all reports, because another process starts at ``now`` (seconds of any clock)."""
        self._has_new_reports()
        self._checked_at, self._reported_at = now, 0.0
        self.reported = False

    def hangs(self, now: float) -> bool:
        """Return whether the process hangs. Call it several times a second."""
        check_is_late, self._checked_at = now - self._checked_at > LATE_SECONDS, now
        if self._has_new_reports():
            self.reported = True
            self._reported_at = now
        elif check_is_late:
            self._reported_at = now
        return self.reported and 0 < self._patience < now - self._reported_at

    def _has_new_reports(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            return bool(os.read(self._reports, 65_536))
        return False


# ── CPU time ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class OutOfTime(BaseException):
    """The CPU limit was reached. It is not an ``Exception``, so that ``except Exception`` does not catch it."""


@contextlib.contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise ``OutOfTime`` in the ``with`` block after ``seconds`` of CPU time; 0: no limit.

    There is a limit only in the main thread, because only the main thread receives the signal (SIGPROF). C code is
    interrupted when it returns or checks for signals, as ``re`` does.
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGPROF, _out_of_time)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)  # the default action would end the process


def _out_of_time(_number: int, _frame: object) -> None:
    raise OutOfTime


# ── memory (Linux with glibc; no effect elsewhere) ───────────────────────────────────────────────────────────────────

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # parameters of ``mallopt`` (glibc, malloc.h)
_BIG = 1 << 20
"""Blocks of at least this many bytes return to the system when freed; glibc's own threshold grows over time."""
_MADV_DONTNEED = 4
_MAPS = Path("/proc/self/smaps")


def return_freed_memory() -> None:
    """Configure malloc so that freed memory returns to the operating system. Call it once, at the start."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, _BIG)
        libc.mallopt(_M_ARENA_MAX, 2)


def trim() -> None:
    """Give freed memory of small blocks back to the operating system (``malloc_trim``)."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def release_mapped_files() -> None:
    """Release the pages of large files that are mapped for reading. They stay in the cache of the system."""
    if _MAPS.exists():
        libc = ctypes.CDLL(None)
        for begin, end in _clean_maps(_MAPS.read_text()):
            libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_DONTNEED)


def _clean_maps(maps: str) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of large read-only maps of files that contain no private pages."""
    begin = end = 0
    read_only = False
    for line in maps.splitlines():
        name, *values = line.split()
        if not name.endswith(":"):  # the head of a map: addresses, permissions, offset, device, inode, file
            begin, end = (int(address, 16) for address in name.split("-"))
            read_only = values[0].startswith("r--") and len(values) > 4
        elif name in ("Private_Dirty:", "Anonymous:") and values[0] != "0":
            read_only = False
        elif name == "VmFlags:" and read_only and end - begin >= _BIG:
            yield begin, end
