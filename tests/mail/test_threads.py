"""Mails that References and In-Reply-To connect get one thread id, in any order."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from service.mail.message import Mail
from service.mail.report import threads

ids = st.integers(0, 12).map(lambda n: f"<{n}@x>")
mails = st.lists(
    st.builds(
        Mail,
        message_id=ids | st.none(),
        in_reply_to=st.lists(ids, max_size=1).map(tuple),
        references=st.lists(ids, max_size=3).map(tuple),
    ),
    max_size=10,
)


def groups(given_mails: list[Mail]) -> set[frozenset[int]]:
    found: dict[str, set[int]] = {}
    for mail, thread in zip(given_mails, threads(given_mails), strict=True):
        found.setdefault(thread, set()).add(id(mail))
    return {frozenset(group) for group in found.values()}


@given(mails, st.randoms())
def test_threads_do_not_depend_on_the_order(given_mails: list[Mail], chance: Random) -> None:
    assert groups(given_mails) == groups(chance.sample(given_mails, len(given_mails)))


def test_mails_with_the_same_unknown_parent_are_one_thread_and_mails_without_ids_are_alone() -> None:
    a = Mail(message_id="<a@x>", references=("<lost@x>",))
    b = Mail(message_id="<b@x>", in_reply_to=("<lost@x>",))
    one, two, *others = threads([a, b, Mail(message_id="<c@x>"), Mail(), Mail()])
    assert one == two
    assert len({one, *others}) == 4
