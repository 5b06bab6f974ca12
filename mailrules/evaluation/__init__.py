"""Measures reading quality: labelled mails in, figures out (`sodan eval`, `docs/quality.md`)."""
