"""Mails of our own making that tests of what people and programs see go by: an incident, a question, an answer."""

from pathlib import Path

REPORT, RELAYED, ASK, LOGS, REFUND = (
    (Path(__file__).parent / "usual_mails" / f"{name}.eml").read_text(encoding="utf-8")
    for name in ("report", "relayed", "ask", "logs", "refund")
)
