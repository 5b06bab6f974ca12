"""Fetches mail from mailboxes on other servers, by IMAP or Microsoft Graph.

``file.py`` reads SODAN_MAILBOXES. ``imap.py`` and ``graph.py`` implement the interface of ``source.py``. ``oauth.py``
gets tokens. ``fetcher.py`` is the loop of one mailbox, and ``run.py`` runs all of them.
"""
