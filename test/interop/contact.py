"""A contact: what is kept of it (pin, outbox, what was received) and what a restart forgets."""

import secrets

import derive
import wire
from session import Session
from windows import Received, ReceivedLetters, covered, remember

# Fields of a slice around its bytes: payload header, sequence, part index, part count.
SLICE_OVERHEAD = 3 + 16
OUTBOX_SIZE = 3 + 16


class Outbox:
    """§8.2: numbered from 0 in a random epoch, kept until acknowledged."""

    def __init__(self):
        self.epoch, self.next, self.waiting = secrets.randbits(64), 0, {}

    @property
    def lowest(self) -> int:
        return min(self.waiting, default=self.next)

    def add(self, content: bytes, room: int) -> list[int]:
        """Numbers `content`, cut into parts if it needs more than `room`; the sequences it got."""
        room -= OUTBOX_SIZE + SLICE_OVERHEAD
        slices = [content[i : i + room] for i in range(0, len(content), room)] or [b'']
        sequences = list(range(self.next, self.next + len(slices)))
        for i, (sequence, data) in enumerate(zip(sequences, slices)):
            whole = len(slices) == 1
            self.waiting[sequence] = (
                wire.message(sequence, data) if whole else wire.part(sequence, i, len(slices), data)
            )
        self.next += len(slices)
        return sequences

    def packets(self, room: int) -> list[bytes]:
        """Everything that may be under way, as the payloads of as many packets as it takes."""
        lowest, packets = self.lowest, []
        for sequence in sorted(self.waiting):
            payload = self.waiting[sequence]
            if sequence >= lowest + wire.WINDOW_SIZE:
                break
            if not packets or len(packets[-1]) + len(payload) > room:
                packets.append(wire.outbox(self.epoch, lowest))
            packets[-1] += payload
        return packets

    def acknowledge(self, epoch: int, following: int, bitmap: bytes) -> list[int]:
        if epoch != self.epoch:
            return []
        done = [sequence for sequence in self.waiting if covered(following, bitmap, sequence)]
        for sequence in done:
            del self.waiting[sequence]
        return sorted(done)


class Inbox:
    """§8.2, §8.4: what is received of each epoch, and parts that are not complete."""

    def __init__(self, epochs_of):
        self.epochs, self.parts, self.epochs_of = {}, {}, epochs_of

    def take(self, epoch: int, payload: tuple) -> bytes | None:
        """Content that is complete by this slice. Call once for each fresh sequence."""
        if payload[0] == wire.MESSAGE:
            return payload[2]
        _, sequence, index, count, data = payload
        key = (epoch, sequence - index)
        known = self.parts.setdefault(key, {'count': count, 'slices': {}})
        if known['count'] != count:
            return None  # It contradicts an earlier one: taken off the line.
        known['slices'][index] = data
        if len(known['slices']) < count:
            return None
        slices = self.parts.pop(key)['slices']
        return b''.join(slices[i] for i in range(count))

    def received(self, epoch: int):
        return remember(self.epochs, epoch, self.epochs_of)


class Contact:
    def __init__(self, name: str, address: str):
        self.name, self.address = name, address
        self.key: bytes | None = None
        self.gate: derive.Gate | None = None
        self.verified = False
        self.max_frame = 65_535
        self.outbox, self.inbox = Outbox(), Inbox(Received)
        self.letters, self.letter_inbox = Outbox(), Inbox(ReceivedLetters)
        self.forget_sessions()

    def forget_sessions(self) -> None:
        self.current: Session | None = None
        self.previous: Session | None = None
        self.candidates: list[Session] = []
        self.trying = None  # My XX1 or PSK1, and what came of it.
        self.answering = None  # My XX2 or PSK2.
        self.renewing = None  # My KK1.
        self.answered: dict[bytes, tuple[bytes, Session]] = {}  # By KK1: KK2.
        self.repeats: dict[str, dict] = {}
        self.attempts = 0
        self.letter_acks: list[bytes] = []
        self.flushed_at, self.flush_delay = 0.0, 1.0

    def pin(self, key: bytes, private: bytes) -> None:
        self.key, self.gate = key, derive.Gate(private, key)

    def sessions(self) -> list[Session]:
        return [one for one in (self.current, self.previous, *self.candidates) if one]

    @property
    def room(self) -> int:
        return (self.max_frame - wire.OVERHEAD) // 16 * 16 - 1


def save_contact(contact: Contact) -> dict:
    def inbox(box: Inbox, state) -> dict:
        return {'epochs': [[epoch, *state(one)] for epoch, one in box.epochs.items()],
                'parts': [[*key, one['count'], {i: data.hex() for i, data in one['slices'].items()}]
                          for key, one in box.parts.items()]}

    def outbox(box: Outbox) -> dict:
        return {'epoch': box.epoch, 'next': box.next,
                'waiting': {sequence: data.hex() for sequence, data in box.waiting.items()}}

    return {
        'name': contact.name, 'address': contact.address, 'verified': contact.verified,
        'key': contact.key.hex() if contact.key else None, 'max_frame': contact.max_frame,
        'outbox': outbox(contact.outbox), 'letters': outbox(contact.letters),
        'inbox': inbox(contact.inbox, lambda one: (one.next, sorted(one.marks))),
        'letter_inbox': inbox(contact.letter_inbox, lambda one: (sorted(one.seen),)),
    }


def load_contact(saved: dict, private: bytes) -> Contact:
    contact = Contact(saved['name'], saved['address'])
    contact.verified, contact.max_frame = saved['verified'], saved['max_frame']
    if saved['key']:
        contact.pin(bytes.fromhex(saved['key']), private)
    for box, kept in ((contact.outbox, saved['outbox']), (contact.letters, saved['letters'])):
        box.epoch, box.next = kept['epoch'], kept['next']
        box.waiting = {int(s): bytes.fromhex(data) for s, data in kept['waiting'].items()}
    for box, kept in ((contact.inbox, saved['inbox']), (contact.letter_inbox,
                                                        saved['letter_inbox'])):
        box.epochs = {epoch: box.epochs_of(*state) for epoch, *state in kept['epochs']}
        box.parts = {(epoch, first): {'count': count, 'slices': {
            int(i): bytes.fromhex(data) for i, data in slices.items()}}
            for epoch, first, count, slices in kept['parts']}
    return contact
