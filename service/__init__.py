"""sodan (相談): mail in, cases out.

One mail, as a line through the files:

1. ``smtp/server.py``     takes it from the sender's MTA (or ``importer.py`` from a folder)
2. ``intake.receive``     makes the raw bytes durable; only then the sender hears 250
3. ``worker.py``          claims a batch, counting the attempt before it is tried
4. ``mail/``              reads the bytes: headers, new text, quoted, forwarded and recovered mails
5. ``cases/``             places it in a case by evidence, and revises that case
6. ``mailrules``          judges the words: what is missing, how urgent, what was asked
7. ``store/``             saves all of it in one transaction
8. ``api/``, ``web/``     tell programs and people where each case stands
"""
