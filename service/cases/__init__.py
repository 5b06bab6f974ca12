"""Cases: ``facts`` of one message, ``placement`` of a message in a case, ``revise`` for the state of a case.

These functions do no I/O. Times are arguments."""
