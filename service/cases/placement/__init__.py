"""Which case a mail belongs to.

    known = what the store found by the keys of the new mail          (keys.py, known.py)
    placing = Placer(known, reopen); placing.take(mail) for each      (placer.py)
    the candidates that placing.lookups finds are added to known      (keys.py)
    plan = placing.finish()

For each mail, in this order:

* ``identity``    is it a copy of a message that is already stored?
* ``links``       strong evidence: ids, numbers, tokens, quoted mail; merges cases regardless of the order of arrival
* ``objections``  reasons not to follow a link
* ``matcher``     if no link was followed: compares the mail once with at most eight cases; join, suggest or open a case
"""
