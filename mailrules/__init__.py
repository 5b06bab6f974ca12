"""Reads mails and evaluates rules on them. This library does not import ``service``."""
