"""Case numbers of vendors that no pack knows."""

import pytest

from mailrules.vendors.case_numbers import find_case_numbers, find_matter_numbers, find_tokens


@pytest.mark.parametrize(
    ("subject", "text", "numbers"),
    [
        ("お問い合わせの件", "受付番号:10482913 にて承りました。", ["10482913"]),
        ("【T261021-037】ご回答", "調査の結果をお知らせします。", ["T261021-037"]),
        ("Re: Backup fails", "Your request has been logged as Log #61044218.", ["61044218"]),
        ("[#24817733] Printer offline", "Hello, thanks for the trace.", ["24817733"]),
        ("整理番号 K-2026-00417 について", "", ["K-2026-00417"]),
        ("RE: our ref QX/88120/7", "", ["QX/88120/7"]),
        ("SR 3-0199284711 needs your answer", "", ["3-0199284711"]),
        ("Slow disks", "Please quote reference number MNT-77120 in your answer.", ["MNT-77120"]),
        ("問合せ番号:00918273", "", ["00918273"]),
        ("修理完了のご報告(東-71820)", "本日完了しました。", ["東-71820"]),
        ("訪問の日時", "受付No. 東-71820 にて承りました。", ["東-71820"]),
        ("案件番号は札幌-0021847です", "", ["札幌-0021847"]),
        ("(Ticket 5520318) update", "", ["5520318"]),
        ("Re: ログインエラー [#4820133]", "", ["4820133"]),
        ("Re: Printer error #84412", "", ["84412"]),
        ("We have your mail", "Your request has been registered as TM-30941.", ["TM-30941"]),
        ("Hello", "Your message was assigned number GK-150877. Logged under GK-150877.", ["GK-150877"]),
        ("作業完了報告", "受付票R23-0149、基板を交換しました。", ["R23-0149"]),
        ("点検の件(受付26-311)", "", ["26-311"]),
        ("Re: valve", "Fixed now. Ref. SCW-4415.", ["SCW-4415"]),
    ],
)
def test_a_labelled_or_bracketed_token_is_a_case_number(subject: str, text: str, numbers: list[str]) -> None:
    assert [found.number for found in find_case_numbers(subject, text, by_vendor=True)] == numbers


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("ご契約について", "契約番号:1234567890 をご用意ください。"),
        ("Order", "Your order number 55120987 was shipped."),
        ("端末の件", "資産管理番号 10048221 の端末です。"),
        ("電話", "お電話は 0120-123-456 まで。"),
        ("窓口", "受付 9:00-17:00、受付時間は平日のみです。受付2026-11-30まで。"),
        ("Rollout", "Your account is registered under 4471235, the server is registered as WS2019."),
        ("Papers", "It is filed under HR2026."),
        ("【2026-11-27】メンテナンスのお知らせ", "11/27 に実施します。"),
        ("Release 22.4.1 (build 10482)", "See KB5034441."),
        ("Case closed", "In any case 300 people were affected."),
        ("Invoice 20931448", "PO 5512098 applies."),
        ("振込データ作成エラー(OBC-2041)について", ""),
        ("Export ends with error [EXP-20411]", ""),
        ("[エラーコード: EXP-20411] 出力できない", ""),
    ],
)
def test_numbers_of_other_things_are_no_case_numbers(subject: str, text: str) -> None:
    assert find_case_numbers(subject, text, by_vendor=True) == ()


def test_a_bracketed_token_counts_in_a_vendors_subject_only() -> None:
    assert find_case_numbers("[48210] moving boxes", "", by_vendor=False) == ()


def test_the_search_is_linear_in_hostile_text() -> None:
    assert find_case_numbers("[" * 100_000, "case " * 200_000, by_vendor=True) == ()


def test_a_token_keeps_the_office_before_it_where_that_is_set_apart() -> None:
    assert find_tokens("伝票 4471235 と 東-71820 の件", 9) == ("4471235", "東-71820")


@pytest.mark.parametrize(
    ("subject", "text", "numbers"),
    [
        ("作業報告書", "手配No. 8821-Bの報告書をお送りします。", ("8821-B",)),
        ("Job BRM/4410 can be closed", "It was a setting.", ("BRM/4410",)),
        ("Pickup", "Customer reference: RMA 6203984410", ("6203984410",)),
        ("Query", "Who placed the order behind invoice SL-70233?", ("SL-70233",)),
        ("案件ID: 4471235", "Case ID: 4471235", ("4471235",)),
        ("機番553201 紙づまり", "機械番号 553201、モデル C6680、管理番号 TB-1338 です。", ()),
        ("iR-ADV C5535について", "0x80070005の件、社員番号 102345 について", ()),
        ("[ALERT] web-10234 CPU high", "2025-2026 rotor, 2025-04-12T10:00, 10000-12000", ()),
        ("Limit reached (Enterprise ID 771020)", "Your account 4003119922 is at 85 %.", ()),
        ("スキャン送信エラー 016-4765", "Error code E-5521 on model AP-2000, serial no. 66X-1209.", ()),
    ],
)
def test_only_a_label_of_a_matter_names_one(subject: str, text: str, numbers: tuple[str, ...]) -> None:
    assert find_matter_numbers(subject, text, 9) == numbers
