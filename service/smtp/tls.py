"""Certificate and key of our side of STARTTLS (RFC 3207), read again when asked (SIGHUP)."""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog

from service.errors import Refused

_log = structlog.get_logger("sodan.smtp")


class ServerTls:
    """TLS 1.2 at least. Raises Refused, one line, where certificate or key cannot be used."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        try:
            self.context = self._read()
        except (OSError, ssl.SSLError, ValueError) as error:
            raise Refused(f"SODAN_SMTP_TLS_CERTIFICATE: {certificate} with {key}: {_reason(error)}") from error

    def reload(self) -> bool:
        """Use what the files hold now; where they cannot be used, go on with the old and return False."""
        try:
            self.context = self._read()
        except (OSError, ssl.SSLError, ValueError) as error:
            _log.error("certificate not renewed, the old one stays", file=str(self._certificate), reason=_reason(error))
            return False
        _log.info("certificate renewed", file=str(self._certificate))
        return True

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key, password=_no_password)
        return context


def _no_password() -> str:
    raise ValueError("the key is encrypted, and there is nobody to ask for its password")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or getattr(error, "reason", None) or error)
