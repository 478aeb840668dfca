"""Letters, docs/PROTOCOL.md §9: Noise K, one way, no forward secrecy, for a file or a bundle."""

import secrets

import noise
import wire
from contact import Contact
from meeting import prologue
from session import Refused

LETTER_FILE_SIZE_MAX = 16 * 1_048_576
# Header, e, tag.
LETTER_OVERHEAD = 8 + 32 + 16


def write(contact: Contact, private: bytes, content: bytes) -> list[bytes]:
    """The packets of one content; they wait in `contact.letters` for their LETTER_ACK."""
    letters = contact.letters
    room = (contact.max_frame - LETTER_OVERHEAD) // 16 * 16 - 1
    for sequence in (sequences := letters.add(content, room)):
        plaintext = wire.pad(wire.outbox(letters.epoch, 0) + letters.waiting[sequence])
        handshake = noise.HandshakeState('K', True, prologue(wire.LETTER), private,
                                         secrets.token_bytes(32), contact.key)
        packet = wire.header(wire.LETTER, contact.gate.hint(noise.public_key(private)))
        letters.waiting[sequence] = packet + handshake.write_message(plaintext)
    return [letters.waiting[sequence] for sequence in sequences]


def read(packet: wire.Packet, contacts: list[Contact], private: bytes) \
        -> tuple[Contact, list[tuple]]:
    """Whom it is from, by hint and then by its tag, and its payloads."""
    for contact in contacts:
        if contact.key is None or contact.gate.hint(contact.key) != packet.index:
            continue
        handshake = noise.HandshakeState('K', False, prologue(wire.LETTER), private,
                                         rs=contact.key)
        try:
            payloads = wire.decode_payloads(handshake.read_message(packet.body))
        except noise.Unauthenticated:
            continue
        kinds = [payload[0] for payload in payloads]
        if kinds[:1] != [wire.OUTBOX] or len(kinds) < 2 \
                or any(kind not in (wire.MESSAGE, wire.PART) for kind in kinds[1:]):
            raise noise.Malformed('a letter holds an OUTBOX and messages')
        return contact, payloads
    raise Refused('unauthenticated')
