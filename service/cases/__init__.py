"""Cases. ``facts``: one message; ``placement``: its case; ``revise``: the state of a case. Pure; time is an
argument."""
