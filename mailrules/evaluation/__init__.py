"""How well mail is understood: labelled mails in, figures out (`sodan eval`, `docs/quality.md`)."""
