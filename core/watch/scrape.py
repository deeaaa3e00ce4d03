"""The scrape endpoint: a small HTTP server that nobody can hold up or fill.

A scraper asks once in some seconds. So few threads answer, few connections wait, and one that is
not done in its time is ended, whether it sends nothing, sends slowly, or does not read.
"""

import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Thread
from typing import Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from onecard.core.clock import SystemClock

THREADS = 4  # two scrapers, somebody who looks, and one to spare
CONNECTIONS_MAX = 32  # answered and waiting; more are closed at once
CONNECTION_S = 5.0  # from its start to its end; a scrape takes some milliseconds
LOOK_S = 0.25  # between two looks at how long connections last
# Where the process has no file left, accept fails at once: without a pause it would spin.
NO_FILES_S = 0.1
PATHS = ("/", "/metrics")

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class ScrapeServer:
    """Serves `app` on its own port, on its own daemon threads, from when it is made."""

    def __init__(self, host: str, port: int, app: WsgiApp) -> None:
        """OSError where the port is taken; port 0 lets the machine choose."""
        self.server = _Server((host, port), _Handler)
        self.server.set_app(only_metrics(app))
        self.thread = Thread(target=self.server.serve_forever, args=(LOOK_S,), daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        """host:port as it is, also where port 0 was asked for."""
        host, port = self.server.server_address[:2]
        return f"{host!s}:{port}"

    def stop(self) -> None:
        """Ends what is open; nobody waits for a scraper."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class _Server(WSGIServer):
    """wsgiref's, its connections answered by a few threads and bounded in number and time."""

    request_queue_size = CONNECTIONS_MAX

    def __init__(self, *given: Any) -> None:
        self.address_family = socket.AF_INET6 if ":" in given[0][0] else socket.AF_INET
        self.pool = ThreadPoolExecutor(THREADS, "metrics")
        self.clock = SystemClock()
        self.open: dict[socket.socket, float] = {}  # until when, by the clock's monotonic seconds
        self.lock = Lock()
        self.stopped = Event()
        super().__init__(*given)

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError:
            self.stopped.wait(NO_FILES_S)
            raise  # serve_forever goes on

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.lock:
            if len(self.open) >= CONNECTIONS_MAX:
                request.close()
                return
            self.open[request] = self.clock.monotonic() + CONNECTION_S
        request.settimeout(CONNECTION_S)
        self.pool.submit(self._answer, request, client_address)

    def _answer(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:
            pass  # it ended, was slow or spoke no HTTP; what only tells says nothing of it
        finally:
            with self.lock:
                self.open.pop(request, None)
            self.shutdown_request(request)

    def service_actions(self) -> None:
        """Called between two looks: ends what lasts too long, under the thread that answers it."""
        now_s = self.clock.monotonic()
        with self.lock:
            for request, until_s in self.open.items():
                if until_s <= now_s:
                    _end(request)

    def server_close(self) -> None:
        super().server_close()
        self.stopped.set()
        with self.lock:
            for request in self.open:
                _end(request)
        self.pool.shutdown(wait=False, cancel_futures=True)


class _Handler(WSGIRequestHandler):
    """One request, without a line on standard error and without asking who calls."""

    def log_message(self, format: str, *given: Any) -> None:
        pass

    def address_string(self) -> str:
        return str(self.client_address[0])

    def handle(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if len(self.raw_requestline) > 65_536:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
        elif self.parse_request():
            into: Any = self.wfile
            handler = _Response(self.rfile, into, self.get_stderr(), self.get_environ())
            handler.request_handler = self  # type: ignore[attr-defined]
            handler.run(self.server.get_app())  # type: ignore[attr-defined]


class _Response(ServerHandler):
    """wsgiref's, silent where the client left."""

    def log_exception(self, exc_info: Any) -> None:
        pass


def _end(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def only_metrics(app: WsgiApp) -> WsgiApp:
    """`app` on its paths, to GET and HEAD; other paths are not found."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] not in PATHS:
            start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"expected {' or '.join(PATHS)}, found another path\n".encode()]
        if environ["REQUEST_METHOD"] == "HEAD":
            for _ in app({**environ, "REQUEST_METHOD": "GET"}, start):
                pass
            return []
        return app(environ, start)

    return answer
