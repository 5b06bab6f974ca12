"""Fetches mail from mailboxes on other servers, by IMAP or Microsoft Graph.

``run.py`` runs a ``Fetcher`` (``fetcher.py``) for each mailbox of SODAN_MAILBOXES (``settings.py``). ``imap.py`` and
``graph.py`` implement the interface ``Source`` (``source.py``). ``oauth.py`` gets access tokens.
"""
