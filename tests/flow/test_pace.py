"""How many mails a worker takes in at once: few while little waits, many while much waits, never more than allowed."""

from service.worker import VISIBLE_SECONDS, BatchSizer


def after(pace: BatchSizer, batches: int, cost: float, waiting: int) -> list[int]:
    """The sizes of so many batches, where a mail costs so many seconds and so many wait at first."""
    sizes = []
    for _ in range(batches):
        size = min(pace.limit, waiting)
        waiting -= size
        sizes.append(size)
        pace.took(size, size * cost)
    return sizes


def test_a_batch_becomes_visible_soon_while_little_waits() -> None:
    pace = BatchSizer(128)
    for _ in range(20):
        after(pace, 2, cost=0.01, waiting=3)
    assert 9 <= pace.limit <= VISIBLE_SECONDS * 1.05 / 0.01


def test_a_backlog_is_taken_in_ever_bigger_batches_and_then_small_ones_again() -> None:
    pace = BatchSizer(128)
    assert after(pace, 8, cost=0.02, waiting=600) == [5, 10, 20, 40, 80, 128, 128, 128]
    after(pace, 1, cost=0.02, waiting=1)
    assert pace.limit == 5


def test_costly_mails_come_one_by_one_and_cheap_ones_no_more_than_allowed_at_once() -> None:
    slow, fast = BatchSizer(128), BatchSizer(16)
    for _ in range(40):
        slow.took(1, 2.0)
        slow.took(0, 0)
        after(fast, 2, cost=0.0001, waiting=3)
    assert (slow.limit, fast.limit, BatchSizer(1).limit) == (1, 16, 1)
