"""The page in a browser, from a web server for this PC alone."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from tinyprop_cli.board import ROOT, Problem

PAGE = ROOT / "dist/web"


class Handler(SimpleHTTPRequestHandler):
    """Says nothing of what it is asked for; what Windows says of types may be wrong."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
    }

    def log_message(self, *arguments):
        pass


def server():
    """At a port that is free."""
    if not (PAGE / "index.html").is_file():
        raise Problem("The page is not there. make web builds it.")
    return ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(PAGE)))


def address(server):
    return "http://127.0.0.1:%d/" % server.server_address[1]


def serve():
    with server() as running:
        print(
            f"The page is at {address(running)} as long as this runs; Ctrl-C ends it.", flush=True
        )
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            pass
