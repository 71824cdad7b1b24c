"""A serial port over HTTP, for the stand-in of Web Serial in web_serial.js."""

import os
import select
import termios
import threading
import tty
from functools import partial
from http.server import ThreadingHTTPServer

from tinyprop_cli import serve


class SerialOverHttp:
    """with SerialOverHttp(port) as line: ... line.url + "/serial"; beside it is the page."""

    def __init__(self, port):
        self.device = os.open(port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.device)
        handler = partial(Handler, self.device, directory=serve.PAGE)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()
        os.close(self.device)


class Handler(serve.Handler):
    """GET /serial is what the device says, until one of both ends it; POST is sent to it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, device, *arguments, **options):
        self.device = device
        super().__init__(*arguments, **options)

    def do_GET(self):
        if self.path != "/serial":
            super().do_GET()
            return
        termios.tcflush(self.device, termios.TCIFLUSH)
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        # Without a last chunk, as a port that is pulled out ends.
        while True:
            ready, _, _ = select.select([self.device, self.connection], [], [])
            if self.connection in ready:
                return
            try:
                data = os.read(self.device, 4096)
            except OSError:
                return
            if not data:
                return
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            while data:
                data = data[os.write(self.device, data) :]
            self.send_response(204)
        except OSError:
            self.send_response(410)
        self.end_headers()
