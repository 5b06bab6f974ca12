"""`sodan rules` with a pack of the organisation: examples, errors with their places, and exit status."""

from pathlib import Path

import pytest

from tests.cli.conftest import Sodan

OWN = """pack: own.gates
find:
  - id: own.gate
    meaning: item.product
    phrases: [正門ゲート, main gate]
    examples: [正門ゲートが開きません。, The main gate is shut.]
    near_misses: [裏門です。, The gate is shut., {text: 正門ゲートが開きません。, side: vendor}]
"""


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "own.yaml").write_text(OWN, encoding="utf-8")
    return folder


def test_examples_of_a_pack_or_an_entry_pass(sodan: Sodan, packs: Path) -> None:
    for name in ("own.gates", "own.gate"):
        result = sodan("rules", "test", name, "--packs", str(packs))
        assert (result.status, result.out) == (0, "")
        assert "sodan: 5 examples, 0 failed" in result.err
    result = sodan("rules", "test", "own.gone", "--packs", str(packs))
    assert result.status == 1
    assert "there is no pack, vendor or entry 'own.gone' with examples" in result.err


def test_a_failing_example_is_printed_with_its_place(
    sodan: Sodan, packs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (packs / "own.yaml").write_text(OWN.replace("near_misses: [裏門です。", "near_misses: [正門ゲートです。"), "utf-8")
    monkeypatch.setenv("SODAN_PACKS", str(packs))
    result = sodan("rules", "test", "own.gate")
    assert result.status == 1
    assert result.out == f"{packs / 'own.yaml'}:3: own.gate: the near-miss is found: '正門ゲートです。'\n"
    assert "sodan: 5 examples, 1 failed" in result.err


def test_lint_exits_with_1_after_an_error(sodan: Sodan, packs: Path) -> None:
    (packs / "own.yaml").write_text(OWN + "words: {no_such_concept: {en: [gate]}}\n", encoding="utf-8")
    result = sodan("rules", "lint", "--packs", str(packs))
    assert result.status == 1
    assert "error: no_such_concept: unknown concept" in result.out
    assert ", 1 error" in result.err
