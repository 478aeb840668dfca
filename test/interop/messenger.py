"""
One peer: its keys and contacts, packets in (a refused one changes nothing), exchanges out, repeats.
docs/PROTOCOL.md §3 and §4.2; the rest is in the files it imports.
"""

import json
import pathlib
import queue
import secrets
import sys
import threading
import time

import letters
import noise
import wire
from contact import Contact, load_contact, save_contact
from delivery import Delivery
from derive import sha256
from link import exchange
from meeting import Meetings
from noise import Malformed, Unauthenticated
from renewal import Renewals
from session import Refused, Session

CAPABILITIES = 0b11  # Parts, letters.
PREVIOUS_SECONDS = 60
REPEAT_SECONDS = 60
STATUSES_A_SECOND = 16
PACKETS_A_BUNDLE = 15

FLUSH_SECONDS_MAX = 30.0

output = threading.Lock()


def say(line: dict) -> None:
    """One line of stdout; several threads speak."""
    with output:
        sys.stdout.write(json.dumps(line) + '\n')
        sys.stdout.flush()


class Peer:
    def __init__(self, store: pathlib.Path, name: str, max_frame: int):
        self.store, self.name, self.max_frame = store, name, max_frame
        self.address = ''
        self.lock = threading.RLock()
        self.outgoing: queue.Queue = queue.Queue()
        self.refusals: dict[str, int] = {}
        self.statuses: list[float] = []
        self.last_bundle = b''
        # A bad link, for tests: so many replies to us, and answers and requests of ours, get lost.
        self.lost_replies = self.lost_answers = self.lost_requests = 0
        self.meetings, self.renewals = Meetings(self), Renewals(self)
        self.delivery = Delivery(self)
        self._load()

    # What the parts of a peer lend each other.

    @staticmethod
    def now() -> float:
        return time.monotonic()

    @staticmethod
    def event(kind: str, /, **fields) -> None:
        say({'event': kind, **fields})

    def introduce(self, index: int) -> wire.Introduction:
        return wire.Introduction(index, CAPABILITIES, self.max_frame, self.name, self.address)

    def new_index(self) -> int:
        return 1 + secrets.randbelow(2**32 - 1)  # A clash among a handful is not waited for.

    def post(self, contact: Contact, packets: list[bytes]) -> None:
        """Opens an exchange to the contact's address; without one the packets are lost."""
        if packets and contact.address:
            self.outgoing.put((contact, packets))

    def repeat(self, contact: Contact, name: str, packet, at_once: bool = True) -> None:
        """Posts after 1, 2, 4 … s what `packet` is, or makes, until stopped or for a minute."""
        make = packet if callable(packet) else lambda: packet
        contact.repeats[name] = {'make': make, 'at': self.now() + 1, 'delay': 1.0,
                                 'until': self.now() + REPEAT_SECONDS}
        if at_once:
            self.post(contact, [make()])

    @staticmethod
    def stop(contact: Contact, name: str) -> None:
        contact.repeats.pop(name, None)

    def promote(self, contact: Contact, session: Session) -> None:
        session.promoted_at = self.now()
        if session in contact.candidates:  # It and what is older are no candidates any more.
            contact.candidates = contact.candidates[contact.candidates.index(session) + 1 :]
        contact.renewing = None
        self.stop(contact, 'kk')
        contact.previous, contact.current = contact.current, session
        contact.max_frame = session.introduction.max_frame
        contact.pin(session.remote_key, self.private)
        if session.pattern == 'XXpsk3':
            contact.verified = True
        self.stop(contact, 'third')
        contact.flushed_at = 0.0
        self.save()
        self.event('session', contact=contact.name, pattern=session.pattern,
                   initiator=session.initiator, key_check=self.delivery.key_check(session))

    def confirm(self, contact: Contact, in_reply: bool) -> list[bytes]:
        """The first packet of a session just promoted, repeated if it may have been lost."""
        session = contact.current
        if not in_reply:
            self.repeat(contact, 'confirm', lambda: session.seal(b''), at_once=False)
        return [session.seal(b'')]

    # Packets in.

    def on_bundle(self, packets: list[bytes]) -> list[bytes] | None:
        """What came in a request. None: the link lost the answer."""
        with self.lock:
            answers = [answer for packet in packets for answer in self.handle(packet, None)]
            if self.lost_answers == 0:
                return answers
            self.lost_answers -= 1
            return None

    def handle(self, whole: bytes, origin: Contact | None) -> list[bytes]:
        """Judges one packet; what answers it. A refused one changes nothing but a count."""
        try:
            packet = wire.decode_packet(whole)
            return self._dispatch(packet, origin)
        except (Malformed, Unauthenticated, Refused) as error:
            reason = error.reason if isinstance(error, Refused) else type(error).__name__.lower()
            self.refusals[reason] = self.refusals.get(reason, 0) + 1
            self.event('refused', reason=reason, type=whole[0] if whole else 0, why=str(error))
            status = getattr(error, 'status', None)
            if status is None or origin is not None or not self._may_send_status():
                return []
            return [wire.encode_status(status, sha256(whole)[:8])]

    def _dispatch(self, packet: wire.Packet, origin: Contact | None) -> list[bytes]:
        return {
            wire.XX1: self.meetings.on_first, wire.PSK1: self.meetings.on_first,
            wire.XX2: self.meetings.on_second, wire.PSK2: self.meetings.on_second,
            wire.XX3: self.meetings.on_third, wire.PSK3: self.meetings.on_third,
            wire.KK1: self.renewals.on_first, wire.KK2: self.renewals.on_second,
            wire.TRANSPORT: self._on_transport, wire.LETTER: self._on_letter,
        }[packet.type](packet, origin)

    def _may_send_status(self) -> bool:
        now = self.now()
        self.statuses = [at for at in self.statuses if at > now - 1]
        self.statuses.append(now)
        return len(self.statuses) <= STATUSES_A_SECOND

    def _on_transport(self, packet: wire.Packet, origin: Contact | None) -> list[bytes]:
        contact, session = self._session(packet.index)
        payloads = session.open(packet)
        if session in contact.candidates:
            self.promote(contact, session)
        return self.delivery.take(contact, payloads)

    def _session(self, index: int) -> tuple[Contact, Session]:
        for contact in self.contacts.values():
            current = contact.current
            if current and self.now() - current.promoted_at > PREVIOUS_SECONDS:
                contact.previous = None
            for session in contact.sessions():
                if session.own_index == index:
                    return contact, session
        raise Refused('unknown session', wire.UNKNOWN)

    def _on_letter(self, packet: wire.Packet, origin: Contact | None) -> list[bytes]:
        contact, payloads = letters.read(packet, list(self.contacts.values()), self.private)
        self.delivery.take_letter(contact, payloads)
        if origin is not None or contact.current is None:
            return []
        acks, contact.letter_acks = contact.letter_acks, []
        return [contact.current.seal(b''.join(acks))]

    # Exchanges out.

    def work(self) -> None:
        """The one thread that calls others; it never holds the lock while it waits for them."""
        while True:
            contact, packets = self.outgoing.get()
            bundle = self.last_bundle = wire.encode_bundle(packets)
            status, body = 0, b''
            if self.lost_requests > 0:
                self.lost_requests -= 1
            else:
                try:
                    status, body = exchange(contact.address, bundle)
                except OSError:
                    pass
            with self.lock:
                if self.lost_replies > 0:
                    self.lost_replies, status = self.lost_replies - 1, 0
                self._on_reply(contact, packets, status, body)

    def _on_reply(self, contact: Contact, packets: list[bytes], status: int, body: bytes) -> None:
        if status != 200:
            self.event('no_exchange', contact=contact.name, status=status)
            return
        types = {packet[0] for packet in packets}
        if wire.TRANSPORT in types:
            self.stop(contact, 'confirm')
        if wire.XX1 in types and self.address:
            self.stop(contact, 'first')
        try:
            answers = []
            for packet in wire.decode_bundle(body):
                if packet[0] == wire.STATUS:
                    self._on_status(contact, packets, packet)
                else:
                    answers += self.handle(packet, contact)
            self.post(contact, answers)
        except Malformed:
            self.event('refused', reason='malformed', type=0, why='reply')

    def _on_status(self, contact: Contact, packets: list[bytes], whole: bytes) -> None:
        try:
            code, echo = wire.decode_status(whole)
        except Malformed:
            return
        about = next((packet for packet in packets if sha256(packet)[:8] == echo), None)
        if about is None:
            return
        self.event('status', contact=contact.name, code=code, about=about[0])
        if code == wire.STALE:
            self.meetings.on_stale(contact, about)
        elif code == wire.UNKNOWN and about[0] == wire.TRANSPORT:
            self.renewals.start(contact)

    def tick(self) -> None:
        """Repeats what is due and sends what waits; called a few times a second."""
        with self.lock:
            for contact in self.contacts.values():
                for name, one in list(contact.repeats.items()):
                    if self.now() > one['until']:
                        self.stop(contact, name)
                    elif self.now() >= one['at']:
                        one['delay'] *= 2
                        one['at'] = self.now() + one['delay']
                        self.post(contact, [one['make']()])
                self.flush(contact)

    def flush(self, contact: Contact) -> None:
        if not (contact.outbox.waiting or contact.letter_acks) or not contact.address:
            return
        if self.now() - contact.flushed_at < contact.flush_delay:
            return
        session = contact.current
        if session is None or session.is_to_be_renewed(self.now()):
            self.renewals.start(contact)
        if session is None or not session.may_send(self.now()):
            return
        contact.flushed_at = self.now()
        contact.flush_delay = min(contact.flush_delay * 2, FLUSH_SECONDS_MAX)
        packets = self.delivery.waiting(contact, session)
        for i in range(0, len(packets), PACKETS_A_BUNDLE):
            self.post(contact, packets[i : i + PACKETS_A_BUNDLE])

    # What survives a restart.

    def _load(self) -> None:
        self.store.mkdir(parents=True, exist_ok=True)
        path = self.store / 'peer.json'
        saved = json.loads(path.read_text()) if path.exists() else None
        self.private = bytes.fromhex(saved['private']) if saved else secrets.token_bytes(32)
        self.public = noise.public_key(self.private)
        loaded = [load_contact(one, self.private) for one in saved['contacts']] if saved else []
        self.contacts = {contact.name: contact for contact in loaded}
        self.save()

    def save(self) -> None:
        """Commits. Whatever is acknowledged or shown was saved before."""
        saved = {'private': self.private.hex(),
                 'contacts': [save_contact(one) for one in self.contacts.values()]}
        temporary = self.store / 'peer.json.new'
        temporary.write_text(json.dumps(saved))
        temporary.replace(self.store / 'peer.json')
