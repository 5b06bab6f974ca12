"""What grew with the texts that were read can be let go, and is made anew without anybody noticing."""

from mailrules import library
from mailrules.patterns import finder
from mailrules.thread import Turn
from service import memory
from service.mail import language

TEXT = "昨日の15時ごろから全社で会計システムにログインできません。コードは E-4471 です。We restarted the server twice."


def test_rules_that_let_go_read_as_before() -> None:
    rules = library.load()
    turn = Turn(id="1", side="requester", author="mori@works.example", text=TEXT, subject="ログイン不可")
    before = rules.read(turn)
    library.let_go()
    other = Turn(id="1", side="requester", author="mori@works.example", text=TEXT + " ", subject="ログイン不可")
    assert rules.read(turn) == before
    assert rules.read(other).findings == before.findings


def test_a_pattern_is_compiled_when_it_is_first_tried_and_again_after_it_was_let_go() -> None:
    find, value = finder(r"ticket (?P<value>\d+)")
    assert value == 1
    assert find.compiled == [None]  # type: ignore[attr-defined]
    assert find(b"see ticket 4471", 0) == [(4, 15), (11, 15)]
    assert find.compiled != [None]  # type: ignore[attr-defined]
    library.let_go()
    assert find.compiled == [None]  # type: ignore[attr-defined]
    assert find(b"no number", 0) is None
    assert find(b"see ticket 4471", 5) is None


def test_a_process_lets_go_once_it_has_outgrown_its_room_and_not_again_at_once() -> None:
    find, _ = finder(r"quite (a|some) lot of words")
    find(b"quite a lot of words", 0)
    assert not memory.look(room=1 << 50)
    assert find.compiled != [None]  # type: ignore[attr-defined]
    assert memory.look(room=0)
    assert find.compiled == [None]  # type: ignore[attr-defined]
    assert not memory.look(room=0)


def test_a_rare_language_is_told_after_its_model_was_let_go() -> None:
    written = "Kære kolleger, vores regnskabssystem kan ikke åbnes siden i morges, og vi venter stadig på jeres svar."
    before = language.language_of(written)
    language.let_go()
    assert language.language_of(written) == before
