"""Bytes are decoded to text also with a wrong or missing charset label."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mail import charset
from tests.tables import table_beside

TABLES = table_beside(__file__, "charsets.yaml")
KANA = [chr(c) for c in range(0x3041, 0x3094)]
KANJI = list("日本語障害復旧報告書添付会社部長確認依頼至急対応完了予定")
japanese = st.text(alphabet=KANA + KANJI + list("ABC 123\n"), max_size=200)


@pytest.mark.parametrize(
    "label", ["iso-2022-jp", "euc-jp", "shift_jis", "utf-8", "utf-7", "gb18030", "utf-16", "x-sjis"]
)
@given(text=japanese)
def test_japanese_is_read_under_its_label(label: str, text: str) -> None:
    raw = text.encode({"x-sjis": "cp932"}.get(label, label))
    assert charset.decode(raw, label) == (text, None)


@pytest.mark.parametrize("name", ["iso-2022-jp", "euc_jp", "cp932", "utf-8"])
@pytest.mark.parametrize("label", [None, "us-ascii", "unknown-8bit", "x-nobody-knows"])
def test_japanese_is_read_without_a_label(name: str, label: str | None) -> None:
    text = "お世話になっております。プリンタのエラーについてご確認ください。"
    assert charset.decode(text.encode(name), label)[0] == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x1b$B-!-j|b-6\x1b(B", "①㈱髙Ⅱ"),
        (b"\x1b$B!A\x1b(B\x1b(I66E\x1b(B", "～ｶｶﾅ"),
        (b'\x1b$B$"$$\n$&\x1b(B', "あい\nう"),
        (b'\x1b$B$"', "あ"),
        (b"\x1b$(D0!\x1b(B", "丂"),
    ],
)
def test_iso_2022_jp_of_windows_mail_programs_is_decoded(raw: bytes, text: str) -> None:
    assert charset.decode(raw, "iso-2022-jp")[0] == text


@pytest.mark.parametrize(("label", "codec"), TABLES["labels"])
def test_the_codec_of_a_label(label: str, codec: str | None) -> None:
    assert charset.codec(label) == codec


@pytest.mark.parametrize(("text", "name"), TABLES["guessed"])
def test_the_charset_of_other_languages_is_guessed(text: str, name: str) -> None:
    assert charset.decode(text.encode(name)) == (text, "charset-missing")


@given(st.binary(max_size=300), st.sampled_from([None, "utf-8", "utf-7", "iso-2022-jp", "hz", "utf-16", "big5", "x-x"]))
def test_any_bytes_are_decoded_to_text_without_surrogates(raw: bytes, label: str | None) -> None:
    charset.decode(raw, label)[0].encode("utf-8")
