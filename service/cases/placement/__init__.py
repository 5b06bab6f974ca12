"""Which case a mail belongs to.

    known = what the store found by the keys of the new mail          (keys.py, candidates.py, known.py)
    plan  = place(known, mails, reopen)                               (placement.py)

For each mail, in this order:

* ``identity``    is it a message we have already, come by another way?
* ``links``       strong evidence: ids, numbers, tokens, quoted mail; it unites cases in any order of arrival
* ``objections``  what speaks against following a link
* ``matcher``     where no link was followed: scores at most 20 candidates once; join, suggest or open a new case
"""
