"""Facts of messages, placement of messages in cases, and the state of cases.

These functions do no I/O. Times are arguments."""
