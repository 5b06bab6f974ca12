"""What a suggestion and a join rest on: one word that many mails contain, such as a department, is no reason alone."""

import pytest

from service.cases.facts.extraction import extract_messages
from service.cases.placement.matcher import Profile, compare
from tests.cases.filing import DESK, OTHER_USER, ROLES, USER, WAYS, at, mail, read


def profile(author: str, subject: str, text: str, when: float) -> Profile:
    extracted = extract_messages(mail(None, author, subject, text, when, to=(DESK,)), ROLES, WAYS, received_at=at(9999))
    return Profile([read(one).node for one in extracted])


@pytest.mark.parametrize(
    ("report", "rarity", "reasons", "barred"),
    [
        ("The treasury cannot open the vault door.", 0.1, (), True),
        ("The treasury cannot open the vault door.", 0.39, (), True),
        ("The treasury cannot open the vault door.", 0.8, ("words: treasury",), True),
        ("The treasury cannot reach plotter seven.", 0.1, ("words: plotter, treasury",), False),
        ("KX-4410 in another building.", 0.1, ("words: kx-4410",), False),
    ],
)
def test_one_usual_word_is_no_reason_and_one_plain_word_joins_no_two_reports(
    report: str, rarity: float, reasons: tuple[str, ...], barred: bool
) -> None:
    case = profile(USER, "Toner", "The plotter of treasury prints stripes. Unit KX-4410.", 0)
    [score] = compare(profile(OTHER_USER, "Vault", report, 90), {1: case}, lambda _word: rarity)
    assert (score.reasons, score.barred) == (reasons, barred)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("迂回路を教えてください。", "迂回路の件です。", "迂回"),
        ("分注器が止まりました。", "分注器の校正をします。", "分注"),
        ("札幌の plotter を幌加内へ", "札幌から幌加内へ plotter", "plotter, 札幌"),
        ("滅菌室の扉", "滅菌器の扉", "滅菌"),
        ("洗浄棟の扉と plotter", "病理棟の扉と plotter", "plotter"),
        ("核医棟の扉と plotter", "医棟と plotter", "plotter, 医棟"),
    ],
)
def test_words_in_common_are_words_that_a_reader_knows(first: str, second: str, words: str) -> None:
    case = profile(USER, "", first, 0)
    [score] = compare(profile(OTHER_USER, "", second, 90), {1: case}, lambda _word: 0.9)
    assert score.reasons[0] == f"words: {words}"
