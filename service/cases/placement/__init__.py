"""Which case a mail belongs to.

    known = what the store found by the keys of the new mail          (keys.py, known.py)
    placing = Placer(known, reopen); placing.take(mail) for each      (placement.py)
    candidates for placing.unmatched are added to known               (candidates.py)
    plan = placing.finish()

For each mail, in this order:

* ``identity``    is it a message we have already, come by another way?
* ``links``       strong evidence: ids, numbers, tokens, quoted mail; it unites cases in any order of arrival
* ``objections``  what speaks against following a link
* ``matcher``     where no link was followed: scores at most eight candidates once; join, suggest or open a new case
"""
