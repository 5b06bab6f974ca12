"""Certificate and key for STARTTLS (RFC 3207), reloaded on request (SIGHUP)."""

import ssl
from pathlib import Path

import structlog

from service.errors import Refused

_log = structlog.get_logger("sodan.smtp")


class ServerTls:
    """The TLS context of the server (TLS 1.2 or later). Raises Refused if certificate or key cannot be used."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self.context = self._read()

    def reload(self) -> None:
        """Reload certificate and key. If they cannot be used, keep the old certificate."""
        file = str(self._certificate)
        try:
            self.context = self._read()
        except Refused as error:
            _log.error("certificate not renewed, the old certificate stays", file=file, reason=str(error))
        else:
            _log.info("certificate renewed", file=file)

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
        except (OSError, ssl.SSLError, ValueError) as error:
            reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
            raise Refused(f"SODAN_SMTP_TLS_CERTIFICATE: {self._certificate} with {self._key}: {reason}") from error
        return context


def _no_password() -> str:
    raise ValueError("the key is encrypted, and there is nobody to ask for its password")
