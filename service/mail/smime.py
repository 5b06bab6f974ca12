"""Extracts the content of a signed S/MIME part (RFC 8551 §3.5.2), without verifying the signature."""

from __future__ import annotations

from asn1crypto import cms


def signed_content(data: bytes) -> bytes | None:
    """Return the MIME part inside the signed data; None if the data is encrypted, compressed or damaged."""
    try:
        info = cms.ContentInfo.load(data)  # type: ignore[no-untyped-call]
        kind = info["content_type"].native
        if kind != "signed_data":
            return None
        content = info["content"]["encap_content_info"]["content"]
        if content is None:
            return None
        value = content.native
        return bytes(value) if isinstance(value, bytes | bytearray) else None
    except Exception:  # asn1crypto raises many kinds of errors on invalid DER
        return None
