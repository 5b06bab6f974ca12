"""Measures with labelled mails how well a reader reads (`sodan eval`, `docs/quality.md`)."""
