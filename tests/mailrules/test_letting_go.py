"""What grew with the texts that were read can be let go, and is made anew without anybody noticing."""

import pytest

from mailrules import library
from mailrules.patterns import compile_pattern
from mailrules.thread import RuleInput
from service import memory, process
from service.mail import language

TEXT = "昨日の15時ごろから全社で会計システムにログインできません。コードは E-4471 です。We restarted the server twice."


def test_a_process_lets_go_once_it_has_outgrown_its_room_and_not_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_due", 0.0)
    compile_pattern(r"quite (a|some) lot of words")
    assert not memory.free_if_above(room=1 << 50)
    assert compile_pattern.cache_info().currsize > 0
    assert memory.free_if_above(room=0)
    assert compile_pattern.cache_info().currsize == 0
    assert not memory.free_if_above(room=0)


def test_texts_are_read_the_same_after_caches_were_cleared_and_pages_of_mapped_files_released() -> None:
    rules = library.load()
    turn = RuleInput(id="1", side="requester", author="mori@works.example", text=TEXT, subject="ログイン不可")
    written = "Kære kolleger, vores regnskabssystem kan ikke åbnes siden i morges, og vi venter stadig på jeres svar."
    before = rules.read(turn), language.language_of(written)
    library.clear_caches()
    held = memory.resident()
    process.release_mapped_files()
    assert memory.resident() < held - 10_000_000  # the dictionary
    assert (rules.read(turn), language.language_of(written)) == before
