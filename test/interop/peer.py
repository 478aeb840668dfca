"""
A small Sotto peer, written from docs/PROTOCOL.md alone: the second opinion on src/.

    /usr/bin/python3 test/interop/peer.py --store DIRECTORY --name NAME [--port 0] [--uncallable]

Commands are JSON lines on stdin, `{"id": 1, "do": "text", "contact": "bob", "text": "hi"}`; each is
answered on stdout by `{"id": 1, …}` or `{"id": 1, "error": "…"}`. What happens by itself is a line
`{"event": …}`. It needs Debian's python3-cryptography. It is for tests: its store is not encrypted.
"""

import argparse
import http.client
import json
import pathlib
import sys
import threading
import time
from urllib.parse import urlsplit

import derive
import letters
import link
import wire
from contact import Contact
from messenger import Peer, say

TICK_SECONDS = 0.2
# A file has no reply; what answers a letter waits for an exchange of its own.
NOWHERE = Contact('', '')


class Commands:
    """Each method is a command, its parameters the JSON fields; it returns fields to answer."""

    def __init__(self, peer: Peer):
        self.peer = peer

    def contact(self, contact: str, address: str = '') -> dict:
        self.peer.contacts[contact] = Contact(contact, address)
        self.peer.save()
        return {}

    def meet(self, contact: str) -> dict:
        self.peer.meetings.trigger(self.peer.contacts[contact])
        return {}

    def make_code(self, contact: str) -> dict:
        text = self.peer.meetings.make_code(self.peer.contacts[contact])
        return {'code': text, 'with_address': f'{text}@{self.peer.address}'}

    def forget(self, contact: str) -> dict:
        """What is under way and every session, as a restart does."""
        self.peer.contacts[contact].forget_sessions()
        return {}

    def use_code(self, contact: str, code: str) -> dict:
        secret = derive.read_pairing_text(code.split('@')[0])
        self.peer.meetings.trigger_with_code(self.peer.contacts[contact], secret)
        return {}

    def text(self, contact: str, text: str) -> dict:
        return self._send(contact, wire.encode_text(text))

    def file(self, contact: str, path: str, media_type: str = '') -> dict:
        file = pathlib.Path(path)
        return self._send(contact, wire.encode_file(file.name, media_type, file.read_bytes()))

    def content(self, contact: str, content: str) -> dict:
        """Any content, also one that nobody understands."""
        return self._send(contact, bytes.fromhex(content))

    def _send(self, name: str, content: bytes) -> dict:
        contact = self.peer.contacts[name]
        sequences = contact.outbox.add(content, contact.room)
        self.peer.save()
        contact.flushed_at, contact.flush_delay = 0.0, 1.0
        self.peer.flush(contact)
        return {'sequences': sequences}

    def letter(self, contact: str, text: str, path: str | None = None) -> dict:
        """Into a letter file, or without a path onto the wire."""
        to = self.peer.contacts[contact]
        packets = letters.write(to, self.peer.private, wire.encode_text(text))
        self.peer.save()
        if path is None:
            self.peer.post(to, packets)
        else:
            pathlib.Path(path).write_bytes(wire.encode_bundle(packets))
        return {'packets': len(packets)}

    def read_letter(self, path: str) -> dict:
        bundle = pathlib.Path(path).read_bytes()
        packets = wire.decode_bundle(bundle, letters.LETTER_FILE_SIZE_MAX)
        for packet in packets:
            self.peer.handle(packet, NOWHERE)
        return {'packets': len(packets)}

    def renew(self, contact: str) -> dict:
        self.peer.renewals.start(self.peer.contacts[contact])
        return {}

    def poll(self, contact: str) -> dict:
        to = self.peer.contacts[contact]
        self.peer.post(to, [to.current.seal(b'')])
        return {}

    def seal(self, contact: str, payloads: str) -> dict:
        """A packet of the current session that is not sent, for `raw`."""
        return {'packet': self.peer.contacts[contact].current.seal(bytes.fromhex(payloads)).hex()}

    def lose(self, replies: int = 0, answers: int = 0, requests: int = 0) -> dict:
        """The next so many replies to us, and answers and requests of ours, get lost on the link."""
        self.peer.lost_replies, self.peer.lost_answers = replies, answers
        self.peer.lost_requests = requests
        return {}

    def last_bundle(self) -> dict:
        return {'bundle': self.peer.last_bundle.hex()}

    def state(self) -> dict:
        return {'refusals': self.peer.refusals, 'key': self.peer.public.hex(), 'contacts': {
            contact.name: {
                'pinned': contact.key.hex() if contact.key else None, 'verified': contact.verified,
                'waiting': len(contact.outbox.waiting), 'letters': len(contact.letters.waiting),
                'session': contact.current and contact.current.pattern,
                'index': contact.current and contact.current.own_index,
            } for contact in self.peer.contacts.values()}}


def raw(address: str, body: str, media_type: str = 'application/octet-stream') -> dict:
    """Posts any bytes, and answers what came back, unprocessed. Takes no lock: it may wait."""
    origin = urlsplit(address)
    connection = http.client.HTTPConnection(origin.hostname, origin.port, timeout=15)
    connection.request('POST', '/packets', bytes.fromhex(body), {'Content-Type': media_type})
    response = connection.getresponse()
    reply = response.read()
    packets = wire.decode_bundle(reply) if response.status == 200 else []
    return {'status': response.status, 'media_type': response.getheader('Content-Type'),
            'packets': [packet.hex() for packet in packets]}


def run(peer: Peer, line: str) -> dict:
    request = json.loads(line)
    identifier, name = request.pop('id', None), request.pop('do')
    try:
        if name == 'raw':
            return {'id': identifier, **raw(**request)}
        if name.startswith('_'):
            raise ValueError('no such command')
        with peer.lock:
            return {'id': identifier, **getattr(Commands(peer), name)(**request)}
    except Exception as error:  # The caller is a test: it shall see what went wrong and go on.
        return {'id': identifier, 'error': f'{type(error).__name__}: {error}'}


def tick(peer: Peer) -> None:
    while True:
        time.sleep(TICK_SECONDS)
        peer.tick()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument('--store', type=pathlib.Path, required=True)
    arguments.add_argument('--name', required=True)
    arguments.add_argument('--port', type=int, default=0)
    arguments.add_argument('--max-frame', type=int, default=65_535)
    arguments.add_argument('--uncallable', action='store_true')
    options = arguments.parse_args()
    peer = Peer(options.store, options.name, options.max_frame)
    if not options.uncallable:
        server = link.serve(options.port, peer.on_bundle)
        peer.address = f'http://127.0.0.1:{server.server_port}'
    threading.Thread(target=peer.work, daemon=True).start()
    threading.Thread(target=tick, args=(peer,), daemon=True).start()
    peer.event('ready', address=peer.address, key=peer.public.hex())
    for line in sys.stdin:
        say(run(peer, line))


if __name__ == '__main__':
    main()
