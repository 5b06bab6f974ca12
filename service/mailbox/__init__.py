"""Mail fetched from mailboxes that other servers keep: IMAP and Microsoft Graph.

``file.py`` reads SODAN_MAILBOXES; ``imap.py`` and ``graph.py`` speak with a server (``source.py`` says what the loop
asks of them); ``oauth.py`` gets tokens; ``fetcher.py`` is the loop of one mailbox; ``run.py`` runs all of them.
"""
