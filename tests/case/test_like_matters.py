"""A few mails of every kind that share many words: where content decides most, and arrival must decide nothing."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.mail.message import Address, Mail
from tests.case.filing import ACME, DESK, OTHER_USER, UMBRA, USER, Filing, inside, mail

WORDS = ("ledger", "gate", "shades", "line", "office", "harbour", "printer", "valve", "pump")
CODES = ("5077", "h77", "srv-7", "kx-20", "99%", "0x80070005")
NAMES = {USER: "Mika Tachibana", OTHER_USER: "Jun Sakata", DESK: "Ryo Otani"}
CHI = "chi@acme.test"
KINDS = ("report", "second", "inquiry", "receipt", "notification", "person", "reply", "told", "note")


@st.composite
def like_matters(draw: st.DrawFn) -> list[Mail]:
    """Three to six mails in the order in which they were written."""
    mails: list[Mail] = []
    when = 0
    for step in range(draw(st.integers(3, 6))):
        when += draw(st.sampled_from((1, 2, 4, 7, 30, 120, 900)))
        one = _mail(draw, f"m{step}", when, mails)
        assert one.from_ is not None
        mails.append(replace(one, from_=Address(NAMES.get(one.from_.address, ""), one.from_.address)))
    return mails


def _mail(draw: st.DrawFn, name: str, when: int, mails: list[Mail]) -> Mail:
    kind = draw(st.sampled_from(KINDS if mails else KINDS[:6]))
    subject, text = " ".join(draw(_some(WORDS, 2, 2))), _words(draw)
    number = f"[acme #70011{draw(st.integers(0, 2))}] "
    user, vendor = draw(st.sampled_from((USER, OTHER_USER))), draw(st.sampled_from((ACME, CHI)))
    if kind == "report":
        return mail(name, user, subject, text, when, to=(DESK,))
    if kind == "second":
        mood = draw(st.sampled_from(("Same here: ", "It's back: ", "SOLVED ")))
        return mail(name, user, subject, mood + text, when, to=(DESK,))
    if kind == "inquiry":
        whom, copy = draw(st.sampled_from((ACME, CHI, UMBRA))), (user,) if draw(st.booleans()) else ()
        return mail(name, DESK, subject, draw(st.sampled_from(("", "", "CAUSE "))) + text, when, to=(whom,), cc=copy)
    if kind in ("receipt", "notification"):
        machine = "auto_reply" if kind == "receipt" else "notification"
        return mail(name, vendor, number + subject, f"created {text}", when, to=(DESK,), automatic=machine)
    if kind == "person":
        stated = draw(st.sampled_from(("", number)))
        return mail(name, vendor, stated + subject, f"Hi Ryo, {text}", when, to=(DESK,))
    if kind == "note":
        shown = inside(vendor, _words(draw), when - 3, subject=number + subject, origin="forwarded")
        return mail(name, DESK, f"Fwd: {number}{subject}", text, when, forwarded=(shown,))
    parent = draw(st.sampled_from(mails))
    assert parent.from_ is not None
    assert parent.message_id is not None
    author = draw(st.sampled_from((DESK, user, vendor))) if kind == "reply" else DESK
    said = draw(st.sampled_from(("", "SOLVED "))) if kind == "reply" else "We opened a case with acme. "
    to = (parent.from_.address,)
    return mail(name, author, f"Re: {parent.subject}", said + text, when, to=to, parent=parent.message_id[1:-8])


def _words(draw: st.DrawFn) -> str:
    name = ["Tachibana-san"] if draw(st.integers(0, 4)) == 0 else []
    return " ".join((*draw(_some(WORDS, 2, 5)), *draw(_some(CODES, 0, 2)), *name))


def _some(words: tuple[str, ...], least: int, most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), min_size=least, max_size=most, unique=True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(like_matters(), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_cases(mails: list[Mail], chance: object) -> None:
    straight, other = Filing(), Filing()
    straight.deliver(*mails)
    chance.shuffle(mails)  # type: ignore[attr-defined]
    other.deliver(*mails)
    assert other.partition() == straight.partition()
