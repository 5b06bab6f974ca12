"""To whom the draft of a brief is addressed."""

import pytest

from service.outbound.compose import address_of


@pytest.mark.parametrize(
    ("addresses", "to"),
    [
        (["no-reply-aws@amazon.test", "li@amazon.test"], "li@amazon.test"),
        (["DoNotReply@acme.test", "do_not_reply@acme.test", "jira-noreply@acme.test"], ""),
        (["", "noreen@acme.test"], "noreen@acme.test"),
        ([], ""),
    ],
)
def test_a_draft_goes_to_the_first_address_that_somebody_reads(addresses: list[str], to: str) -> None:
    participants = [{"address": "ren@lab.test", "role": "team"}, *({"address": a, "role": "vendor"} for a in addresses)]
    assert address_of({"participants": participants}, "vendor") == to
