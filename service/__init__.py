"""sodan (相談): turns mail into cases.

The path of one mail through the files:

  1. ``smtp/server.py``     receives it from the sender's MTA (or ``importer.py`` from a folder)
  2. ``intake.receive``     stores the raw bytes durably; only then the sender gets 250
  3. ``worker.py``          claims a batch of mails, and counts the attempt before it begins
  4. ``mail/``              parses the bytes: headers, new text, quoted, forwarded and recovered mails
  5. ``cases/``             places the mail in a case by evidence, and revises the case
  6. ``mailrules``          judges the text: what is missing, how urgent, what was requested
  7. ``store/``             saves everything in one transaction
  8. ``api/``, ``web/``     show the state of each case to programs and people
"""
