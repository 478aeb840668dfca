"""What sessions carry, docs/PROTOCOL.md §8: take, commit, then acknowledge; and what waits."""

import hashlib

import derive
import wire
from contact import Contact, Inbox
from noise import Malformed
from session import Session

CONTENT_SIZE_MAX = 64 * 1_048_576
TOO_LARGE, NOT_UNDERSTOOD = 1, 2


class Delivery:
    def __init__(self, peer):
        self.peer = peer

    @staticmethod
    def key_check(session: Session) -> str:
        return derive.key_check(session.h)

    def take(self, contact: Contact, payloads: list[tuple]) -> list[bytes]:
        """Processes one packet's payloads; returns the packets that acknowledge them."""
        received, epoch, contents, takes = None, 0, [], False
        for payload in payloads:
            if payload[0] == wire.OUTBOX:
                epoch = payload[1]
                received = contact.inbox.received(epoch)
                received.raise_to(payload[2])
            elif payload[0] in (wire.MESSAGE, wire.PART):
                takes = True
                if received.judge(payload[1]) == 'fresh':
                    received.mark(payload[1])
                    contents.append(self._content(contact, contact.inbox, epoch, payload))
            else:
                self._hear(contact, payload)
        self._deliver(contact, contents)
        if not takes:
            return self._poll(contact)
        acknowledgement = wire.ack(epoch, received.next, received.bitmap())
        return [contact.current.seal(acknowledgement), *self._poll(contact)]

    def take_letter(self, contact: Contact, payloads: list[tuple]) -> None:
        epoch, contents = payloads[0][1], []
        received = contact.letter_inbox.received(epoch)
        for payload in payloads[1:]:
            if received.is_fresh(payload[1]):
                received.mark(payload[1])
                contents.append(self._content(contact, contact.letter_inbox, epoch, payload))
            else:
                self.peer.event('refused', reason='replayed', type=wire.LETTER, why='letter')
            contact.letter_acks.append(wire.letter_ack(epoch, payload[1]))
        self._deliver(contact, contents, letter=True)

    def waiting(self, contact: Contact, session: Session) -> list[bytes]:
        """All that waits, sealed."""
        acks, contact.letter_acks = contact.letter_acks, []
        room = session.room
        packets = contact.outbox.packets(room)
        packets += [acks[i] for i in range(len(acks))]
        return [session.seal(payloads) for payloads in packets]

    def _poll(self, contact: Contact) -> list[bytes]:
        """§8.5: who cannot be called hears in the reply what waits for it."""
        if contact.address or not contact.current:
            return []
        return self.waiting(contact, contact.current)

    def _content(self, contact: Contact, inbox: Inbox, epoch: int, payload: tuple):
        """(epoch, first sequence, content), or None if parts are missing."""
        first = payload[1] - (payload[2] if payload[0] == wire.PART else 0)
        if payload[0] == wire.PART and payload[3] * len(payload[4]) > CONTENT_SIZE_MAX \
                and payload[2] < payload[3] - 1:
            if payload[2] == 0:
                contact.outbox.add(wire.encode_notice(epoch, first, TOO_LARGE), contact.room)
            return None
        content = inbox.take(epoch, payload)
        return None if content is None else (epoch, first, content)

    def _deliver(self, contact: Contact, contents: list, letter: bool = False) -> None:
        events = []
        for epoch, first, content in filter(None, contents):
            try:
                events.append(self._event(wire.decode_content(content)))
            except Malformed:
                notice = wire.encode_notice(epoch, first, NOT_UNDERSTOOD)
                contact.outbox.add(notice, contact.room)
                events.append({'kind': 'not_understood', 'content': content.hex()})
        self.peer.save()
        for event in events:
            self.peer.event('message', contact=contact.name, letter=letter, **event)

    def _event(self, content: tuple) -> dict:
        if content[0] == wire.TEXT:
            return {'kind': 'text', 'text': content[1]}
        if content[0] == wire.FILE:
            digest = hashlib.sha256(content[3]).hexdigest()
            path = self.peer.store / digest
            path.write_bytes(content[3])
            return {'kind': 'file', 'name': content[1], 'media_type': content[2],
                    'size': len(content[3]), 'sha256': digest, 'path': str(path)}
        if content[0] == wire.READING:
            return {'kind': 'reading', 'senml': content[1].hex()}
        return {'kind': 'notice', 'epoch': content[1], 'sequence': content[2],
                'reason': content[3]}

    def _hear(self, contact: Contact, payload: tuple) -> None:
        if payload[0] == wire.ACK:
            done = contact.outbox.acknowledge(*payload[1:])
            contact.flush_delay = 1.0
            self.peer.save()
            if done:
                self.peer.event('acknowledged', contact=contact.name, sequences=done)
        elif payload[0] == wire.LETTER_ACK and payload[1] == contact.letters.epoch:
            if contact.letters.waiting.pop(payload[2], None) is not None:
                self.peer.save()
                self.peer.event('letter_acknowledged', contact=contact.name, sequence=payload[2])
        elif payload[0] == wire.TIME:
            self.peer.event('time', contact=contact.name, fields=payload[1:])
