"""Case numbers of vendors that no pack knows."""

import pytest

from mailrules.vendors.case_numbers import find_matter_numbers


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
