"""Which case a mail belongs to, and how the case stands. Pure: values in, values out; time is an argument.

What ``intake.take_in`` calls, in this order::

    roles   = Roles(organisation=…, team=…, learned_team=…, vendor_of=rules.vendor_of)              # roles.py
    brought = bring(mail, roles, Ways(zone=…, prefix="SD", intake=…, secret=…),                     # bringing.py
                    received_at=…, recipients=envelope.rcpt_tos)
              # the mail itself first, then every earlier mail found inside it; each has .turn for the rules
    brought = tuple(with_reading(b, rules.read(b.turn)) for b in brought)                           # bringing.py
    # ── inside the serialised transaction ──
    placed  = placing.place(conn, brought, spool_id=…, received_at=…, now=…, reopen=timedelta(days=14))
              # service/store/placing.py: one set lookup, the pure ``threading.plan``, then writes messages, deliveries,
              # attachments, thread_keys, learned_team, new ``cases`` rows (bare), merges. → Placed(messages, cases, …)
    for case_id in placed.cases:                                     # every case whose messages changed
        lines = placing.lines(conn, case_id)                         # [Line(id, turn, reading, …)], oldest first
        judgement = rules.judge(thread_of(lines), [line.reading …])
        state = revise(lines, judgement, overrides, Frame(...), now)                                # revise.py
        # FLOW saves state.document() and its summary columns

The author of a forwarded mail is the inner author: the wrapper is a message of its own (its words are the forwarder's),
the inner mail another (``origin`` forwarded, ``forwarded_by`` the forwarder).

The partition into cases is a function of the *set* of mails, not of their arrival: see ``threading``.
"""
