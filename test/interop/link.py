"""Bundles over HTTP, docs/PROTOCOL.md §3.1, by the standard library; pictures are not taken."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from urllib.parse import urlsplit

import wire
from noise import Malformed

TIMEOUT_SECONDS = 10


def exchange(address: str, bundle: bytes) -> tuple[int, bytes]:
    """One bundle out, one back. @raises OSError if there is no answer at all."""
    origin = urlsplit(address)
    connection = http.client.HTTPConnection(origin.hostname, origin.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request('POST', '/packets', bundle,
                           {'Content-Type': 'application/octet-stream'})
        response = connection.getresponse()
        return response.status, response.read(wire.BUNDLE_SIZE_MAX + 1)
    except http.client.HTTPException as error:
        raise OSError('no HTTP') from error
    finally:
        connection.close()


class Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        """As the standard library's, but without asking DNS for our own name."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


def serve(port: int, on_bundle) -> ThreadingHTTPServer:
    """Starts to listen on 127.0.0.1. `on_bundle` makes packets of packets, or None: no answer."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        timeout = TIMEOUT_SECONDS

        def do_POST(self) -> None:  # noqa: N802, the name is the standard library's
            size = int(self.headers.get('Content-Length') or 0)
            if self.path != '/packets':
                self._problem(404)
            elif self.headers.get_content_type() != 'application/octet-stream':
                self._problem(415)
            elif size > wire.BUNDLE_SIZE_MAX:
                self._problem(413)
            else:
                self._bundle(self.rfile.read(size))

        def _bundle(self, body: bytes) -> None:
            try:
                packets = wire.decode_bundle(body)
            except Malformed:
                self._problem(400)
                return
            answers = on_bundle(packets)
            if answers is None:
                self.close_connection = True
                return
            self._reply(200, 'application/octet-stream', wire.encode_bundle(answers))

        def _problem(self, status: int) -> None:
            self.close_connection = True
            body = json.dumps({'status': status, 'title': self.responses[status][0]}).encode()
            self._reply(status, 'application/problem+json', body)

        def _reply(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header('Content-Type', media_type)
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = Server(('127.0.0.1', port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
