"""Receives mail by SMTP (RFC 5321) and LMTP (RFC 2033)."""
