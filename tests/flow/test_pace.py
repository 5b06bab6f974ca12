"""The size of a worker's batches: small under low load, so that mail is visible soon; large for a backlog."""

from service.worker import VISIBLE_SECONDS, BatchSizer


def sizes(sizer: BatchSizer, batches: int, cost: float, waiting: int) -> list[int]:
    """Return the sizes of the next batches if a mail costs ``cost`` seconds and so many mails are waiting."""
    found = []
    for _ in range(batches):
        found.append(min(sizer.limit, waiting))
        waiting -= found[-1]
        sizer.took(found[-1], found[-1] * cost)
    return found


def test_batches_grow_with_a_backlog_and_are_small_again_after_it() -> None:
    sizer = BatchSizer(128)
    assert sizes(sizer, 8, cost=0.02, waiting=600) == [5, 10, 20, 40, 80, 128, 128, 128]
    sizes(sizer, 1, cost=0.02, waiting=1)
    assert sizer.limit == 5


def test_under_low_load_a_batch_takes_the_target_time_within_the_limits() -> None:
    usual, slow, fast = BatchSizer(128), BatchSizer(128), BatchSizer(16)
    for _ in range(40):
        sizes(usual, 2, cost=0.01, waiting=3)
        sizes(slow, 2, cost=2.0, waiting=1)
        sizes(fast, 2, cost=0.0001, waiting=3)
    assert 9 <= usual.limit <= VISIBLE_SECONDS * 1.05 / 0.01
    assert (slow.limit, fast.limit) == (1, 16)
