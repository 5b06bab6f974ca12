"""Cases. ``facts``: one message; ``placement``: its case; ``revise``: how a case stands. Pure; time is an argument."""
