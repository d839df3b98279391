"""A server on this machine that stands in for the web, and can be told to fail."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class StandIn:
    """What it serves, how it fails, and what it was asked for."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.break_after: list[int] = []
        """Bytes of the next answers, after which the connection breaks; one is used up by each."""
        self.ranges = True
        """Whether it can go on in the midst of a file."""
        self.asked: list[tuple[str, str | None]] = []
        """(path, the range) of each request."""


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """The server, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            told.asked.append((self.path, wanted))
            if self.path in told.redirects:
                self.send_response(302)
                self.send_header("Location", told.redirects[self.path])
                self.end_headers()
                return
            if self.path not in told.files:
                self.send_error(404)
                return
            body = told.files[self.path]
            first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and told.ranges else 0
            if first >= len(body):
                self.send_error(416)
                return
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(body) - first))
            self.end_headers()
            end = first + told.break_after.pop(0) if told.break_after else len(body)
            self.wfile.write(body[first:end])

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = StandIn(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
