"""An HTTPS server that asks every caller for a certificate, and leaves when its block ends."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.peers.certificates import HOST, Authority

if TYPE_CHECKING:
    from pathlib import Path


class TlsDoor:
    """Listens from the start on a free port, serves from `start` to `stop`.

    Args:
        folder: where certificate and key are laid.
        callers: who signs the callers' certificates.
        handler: answers requests.
        own: who signs the server's certificate; the callers' authority where none is named.
    """

    def __init__(
        self,
        folder: Path,
        callers: Authority,
        handler: type[BaseHTTPRequestHandler],
        *,
        own: Authority | None = None,
    ) -> None:
        certificate, key = (own or callers).issue_files("gate", folder, server=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(callers.path)
        context.verify_mode = ssl.CERT_REQUIRED
        self._server = _Server((HOST, 0), handler)
        self._server.context = context
        self.url = f"https://{HOST}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End, whether it ever served or not."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    context: ssl.SSLContext

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            request.settimeout(30)
            wrapped = self.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            request.close()
            return
        super().process_request_thread(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A line that breaks is the subject of the tests, not news."""
