"""Serves one bare repository to the cluster over smart HTTP, read-only, as long as a run lasts.

git's own ``http-backend`` does the protocol; this is only the web server that CGI programs want.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from fleetbench.errors import EnvironmentLacks
from fleetbench.measure.shell import need

_READING = (("GET", "info/refs", "service=git-upload-pack"), ("POST", "git-upload-pack", ""))
"""Method, path and query of the two requests that a fetch makes; nothing else is answered, so nothing is written."""
MAX_REQUEST_BYTES = 8 * 2**20
"""Of a fetch's list of wants and haves."""


@contextmanager
def serve(repository: Path, address: str, seen_as: str | None = None) -> Iterator[str]:
    """Serve a bare repository for the time of a ``with`` block; yields its URL.

    Args:
        repository: the bare repository.
        address: the one address to listen on.
        seen_as: the host's address as the cluster sees it; None = the same.

    Raises:
        EnvironmentLacks: git is missing, or the address is not this machine's.
    """
    need("git")
    token = secrets.token_urlsafe(24)
    try:
        server = ThreadingHTTPServer((address, 0), _handler(repository, f"/{token}/fleet.git/"))
    except OSError as error:
        raise EnvironmentLacks(f"cannot listen on {address}: {error.strerror}") from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="git-server", daemon=True)
    thread.start()
    try:
        yield f"http://{seen_as or address}:{server.server_port}/{token}/fleet.git"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _handler(repository: Path, prefix: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Hands a fetch's two requests to ``git http-backend``."""

        timeout = 60

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet: the path is a secret."""

        def _answer(self) -> None:
            url = urlsplit(self.path)
            request = (self.command, url.path.removeprefix(prefix), url.query)
            if not secrets.compare_digest(url.path[: len(prefix)].encode(), prefix.encode()) or request not in _READING:
                self.send_error(404)
                return
            length = self.headers.get("Content-Length", "0")
            if not length.isdigit() or int(length) > MAX_REQUEST_BYTES or "Transfer-Encoding" in self.headers:
                self.send_error(411)
                return
            self._run_backend(request[1], url.query, self.rfile.read(int(length)))

        def _run_backend(self, path: str, query: str, body: bytes) -> None:
            env = {
                "PATH": os.environ.get("PATH", os.defpath),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_PROJECT_ROOT": str(repository),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": f"/{path}",
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "REMOTE_ADDR": self.client_address[0],
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=env, capture_output=True, check=False, timeout=300
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = [line.partition(":") for line in head.decode("latin-1").split("\r\n") if ":" in line]
            given = {name.strip().lower(): value.strip() for name, _, value in headers}
            self.send_response(int(given.pop("status", "200" if done.returncode == 0 else "500").split()[0]))
            for name, value in given.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
