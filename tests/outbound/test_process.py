"""`sodan serve` with outgoing mail: the process ``sender`` sends acknowledgements and notifications."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.outbound.desk import Smarthost, report
from tests.outbound.test_notifications import a_target
from tests.served import Served


@pytest.mark.slow
def test_a_report_is_acknowledged_and_its_answer_is_notified(host: Smarthost, tmp_path: Path) -> None:
    with a_target() as target:
        given = {
            "smarthost": f"smtp://127.0.0.1:{host.port}",
            "from": "IT desk <it@corp.example>",
            "notify": target.url,
        }
        served = Served(tmp_path, **given, acknowledge="on", intake="intake@corp.example")
        try:
            served.send_mail(report(date=datetime.now(UTC)), "intake@corp.example")
            served.wait_for(lambda: host.received)
            served.wait_for(lambda: _case(served)["waiting_on"] == "requester")
            # a new mail to the reply address, without References
            answer = report(2, subject="answer", body="1. just me", date=datetime.now(UTC))
            served.send_mail(answer, host.received[0].reply_to)
            served.wait_for(lambda: _case(served)["messages"] == 2)
            assert _case(served)["waiting_on"] == "team"
            served.wait_for(lambda: any("SD-1 is your turn" in one["title"] for one in target.messages))
        finally:
            served.stop()
    assert len(host.received) == 1


def _case(served: Served) -> dict[str, Any]:
    answer = served.get("/api/cases/SD-1").json()
    assert isinstance(answer, dict)
    return answer
