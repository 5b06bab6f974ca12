"""Mails for tests of the API, the page and the commands: reports, a request of a vendor, an answer."""

from pathlib import Path

REPORT, RELAYED, ASK, LOGS, REFUND = (
    (Path(__file__).parent / "usual_mails" / f"{name}.eml").read_text(encoding="utf-8")
    for name in ("report", "relayed", "ask", "logs", "refund")
)
