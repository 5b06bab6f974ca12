"""Which case a mail belongs to.

    known = messages that the store finds by the keys of the new mail (keys.py, known.py)
    placing = Placer(known, reopen); placing.follow_strong_evidence(mail) for each      (placer.py)
    the candidates that placing.lookups finds are added to known      (candidates.py)
    plan = placing.finish()

For each mail, in this order:

* ``identity``    is it a copy of a message that is already stored?
* ``links``       strong evidence: ids, numbers, tokens, quoted mail; merges cases regardless of the order of arrival
* ``objections``  reasons not to follow a link
* ``matcher``     without a link: compare the mail once with at most six cases; then join, suggest or open a case
"""
