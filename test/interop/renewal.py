"""Meeting again, docs/PROTOCOL.md §6: KKpsk0 between pinned contacts, behind hint and gate."""

import secrets
from dataclasses import dataclass

import derive
import noise
import wire
from contact import Contact
from meeting import prologue
from session import Refused, Session

CANDIDATES_MAX = 4


@dataclass
class Renewing:
    handshake: noise.HandshakeState
    packet: bytes
    index: int


class Renewals:
    def __init__(self, peer):
        self.peer = peer

    def start(self, contact: Contact) -> None:
        if contact.key is None or self._is_meeting(contact):
            return
        if contact.renewing is None or 'kk' not in contact.repeats:
            contact.renewing = self._fresh(contact)
            self.peer.repeat(contact, 'kk', contact.renewing.packet)

    def _handshake(self, contact: Contact, initiator: bool) -> noise.HandshakeState:
        return noise.HandshakeState('KKpsk0', initiator, prologue(wire.KK1), self.peer.private,
                                    secrets.token_bytes(32), contact.key, bytes(32))

    def _fresh(self, contact: Contact) -> Renewing:
        handshake, index = self._handshake(contact, True), self.peer.new_index()
        packet = wire.header(wire.KK1, contact.gate.hint(self.peer.public))
        packet += handshake.write_message(self.peer.introduce(index).encode())
        packet += contact.gate.gate(self.peer.public, packet)
        return Renewing(handshake, packet, index)

    def on_first(self, packet: wire.Packet, origin: Contact | None) -> list[bytes]:
        contact = self._sender(packet)
        second, session = contact.answered.get(packet.whole, (b'', None))
        if session in contact.sessions():
            return [second]
        if self._is_meeting(contact):
            raise Refused('busy', wire.BUSY)
        handshake = self._handshake(contact, False)
        payload = handshake.read_message(packet.body[:-16])
        introduction, _ = wire.decode_introduction(payload, 0)
        mine = contact.renewing
        if mine and mine.handshake.e_public < handshake.re:
            return [mine.packet]
        index = self.peer.new_index()
        second = wire.header(wire.KK2, introduction.index)
        second += handshake.write_message(self.peer.introduce(index).encode())
        session = Session('KKpsk0', False, handshake, index, introduction)
        contact.candidates = [*contact.candidates, session][-CANDIDATES_MAX:]
        contact.answered[packet.whole] = second, session
        return [second]

    def _sender(self, packet: wire.Packet) -> Contact:
        before, gate = packet.whole[:-16], packet.whole[-16:]
        for contact in self.peer.contacts.values():
            if contact.key and contact.gate.hint(contact.key) == packet.index \
                    and derive.same(contact.gate.gate(contact.key, before), gate):
                return contact
        raise Refused('unknown session', wire.UNKNOWN)

    def on_second(self, packet: wire.Packet, origin: Contact | None) -> list[bytes]:
        for contact in self.peer.contacts.values():
            mine = contact.renewing
            if mine and mine.index == packet.index:
                break
        else:
            raise Refused('stale', wire.STALE)
        handshake = mine.handshake.copy()
        introduction, _ = wire.decode_introduction(handshake.read_message(packet.body), 0)
        session = Session('KKpsk0', True, handshake, mine.index, introduction)
        self.peer.promote(contact, session)
        return self.peer.confirm(contact, in_reply=origin is None)

    @staticmethod
    def _is_meeting(contact: Contact) -> bool:
        """Whether my XX2 or XX3 with that contact is out."""
        answering, trying = contact.answering, contact.trying
        return bool(answering and answering.third is None
                    or trying and trying.session in contact.candidates)
