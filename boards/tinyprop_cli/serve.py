"""The page in a browser, from a web server for this PC alone."""

import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from tinyprop_cli.board import INSTALLED, ROOT, Problem

PAGE = ROOT / "dist/web"
# Always the same one, as a browser keeps what was taught for each address by itself.
PORT = 8642


class Server(ThreadingHTTPServer):
    """Which never shares a port with another one: Windows would let it."""

    allow_reuse_address = os.name != "nt"
    allow_reuse_port = False


class Handler(SimpleHTTPRequestHandler):
    """Says nothing of what it is asked for; what Windows says of types may be wrong."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
    }

    def log_message(self, *arguments):
        pass


def server(port=0):
    """At a port, 0: any that is free. OSError: it is taken."""
    if not (PAGE / "index.html").is_file():
        again = " in the checkout that it was made from, and install again" if INSTALLED else ""
        raise Problem(f"The page is not there: say make web{again}.")
    return Server(("127.0.0.1", port), partial(Handler, directory=str(PAGE)))


def address(server):
    return "http://127.0.0.1:%d/" % server.server_address[1]


def find_server(port):
    """At this port; None: at the usual one, or another if that is taken."""
    try:
        return server(PORT if port is None else port)
    except OSError as e:
        if port is not None:
            raise Problem(f"Port {port} cannot be used: {e.strerror}. Choose another one.") from e
        print(
            f"Port {PORT} is taken, maybe by another tinyprop serve. A browser does not find at"
            " another address what you taught at the usual one; it keeps that."
        )
        return server()


def serve(port):
    with find_server(port) as running:
        print(
            f"The page is at {address(running)} as long as this runs; Ctrl-C ends it.", flush=True
        )
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            pass
