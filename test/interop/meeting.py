"""
Meeting, docs/PROTOCOL.md §5 and §7: XX with a person at both ends, XXpsk3 with a pairing code.

Every `on_…` takes a packet and the contact in the reply of whose exchange it came (None: it came
in a request) and returns what answers it. `peer` lends keys, clock, contacts and the link.
"""

import secrets
from dataclasses import dataclass, field

import derive
import noise
import wire
from contact import Contact
from session import Refused, Session

ATTEMPTS_MAX = 4
KEPT_MAX, KEPT_SECONDS = 4, 600
CODE_SECONDS, CODE_FAILURES_MAX = 600, 4


@dataclass
class Trying:
    """
    My first message. `answered` maps the one XX2 to its XX3, once there was one; `beaten` are
    first messages of the other side that mine has outranked.
    """

    handshake: noise.HandshakeState
    packet: bytes
    index: int
    r: bytes
    answered: tuple[bytes, bytes] | None = None
    session: Session | None = None
    beaten: set[bytes] = field(default_factory=set)


@dataclass
class Answering:
    """My second message, to `first`. `third` is the XX3 that it led to, once it did."""

    first: bytes
    handshake: noise.HandshakeState
    introduction: wire.Introduction
    commit: bytes
    r: bytes
    index: int
    packet: bytes
    third: bytes | None = None
    failed: bool = False


@dataclass
class Kept:
    packet: wire.Packet
    handshake: noise.HandshakeState
    introduction: wire.Introduction
    commit: bytes
    at: float
    contact: Contact | None


@dataclass
class Code:
    """A pairing code this side made, for a contact that will come with it."""

    contact: Contact
    secret: bytes
    at: float
    failures: int = 0


def pattern_of(packet_type: int) -> str:
    return 'XX' if packet_type in (wire.XX1, wire.XX2, wire.XX3) else 'XXpsk3'


def prologue(packet_type: int) -> bytes:
    return b'sotto\x01\x01' + bytes([packet_type])


class Meetings:
    def __init__(self, peer):
        self.peer = peer
        self.kept: list[Kept] = []
        self.code: Code | None = None

    # What people ask for.

    def trigger(self, contact: Contact) -> None:
        contact.attempts = ATTEMPTS_MAX
        trying, answering = contact.trying, contact.answering
        if self._is_closing(contact):
            # What is kept may have crossed ours long ago: stale would tell.
            self.peer.post(contact, [trying.answered[1]])
        elif kept := self._take_kept(contact):
            self._yield_to(contact, kept)
        elif answering and answering.third is None:
            self.peer.post(contact, [answering.packet])
        else:
            self._start(contact, wire.XX1, None)

    def trigger_with_code(self, contact: Contact, secret: bytes) -> None:
        contact.attempts = ATTEMPTS_MAX
        self._start(contact, wire.PSK1, derive.pairing_psk(secret))

    def make_code(self, contact: Contact) -> str:
        self.code = Code(contact, secrets.token_bytes(16), self.peer.now())
        return derive.pairing_text(self.code.secret)

    @staticmethod
    def _is_closing(contact: Contact) -> bool:
        """XX3 is out, and nobody has confirmed its session."""
        trying = contact.trying
        return bool(trying and trying.session in contact.candidates
                    and trying.packet[0] == wire.XX1)

    @staticmethod
    def _is_opening(contact: Contact) -> bool:
        """XX1 is out."""
        trying = contact.trying
        return bool(trying and not trying.answered and trying.packet[0] == wire.XX1)

    def _yield_to(self, contact: Contact, kept: Kept) -> None:
        contact.trying = None
        self.peer.stop(contact, 'first')
        self.peer.post(contact, self._answer(contact, kept))

    # Initiator.

    def _start(self, contact: Contact, packet_type: int, psk: bytes | None) -> None:
        trying = contact.trying
        if trying is None or trying.answered or trying.packet[0] != packet_type:
            trying = contact.trying = self._fresh(packet_type, psk)
        self.peer.repeat(contact, 'first', trying.packet)

    def _fresh(self, packet_type: int, psk: bytes | None) -> Trying:
        peer, r = self.peer, secrets.token_bytes(16)
        handshake = noise.HandshakeState(
            pattern_of(packet_type), True, prologue(packet_type), peer.private,
            secrets.token_bytes(32), psk=psk)
        index = peer.new_index()
        commit = derive.commit(peer.public, handshake.e_public, r)
        payload = peer.introduce(index).encode() + commit
        packet = wire.header(packet_type) + handshake.write_message(payload)
        return Trying(handshake, packet, index, r)

    def on_second(self, packet: wire.Packet, origin: Contact | None) -> list[bytes]:
        contact = self._trying(packet)
        trying = contact.trying
        if trying.answered:
            if trying.answered[0] == packet.whole:  # Rule 5: the identical gets the identical.
                return [trying.answered[1]]
            raise Refused('stale', wire.STALE)
        if contact.attempts == 0:
            raise Refused('busy', wire.BUSY)
        handshake = trying.handshake.copy()
        introduction, r_b = wire.decode_introduction(handshake.read_message(packet.body), 16)
        self._check_key(contact, handshake.rs)
        third = wire.header(packet.type + 1, introduction.index)
        third += handshake.write_message(trying.r)
        trying.answered = packet.whole, third
        session = Session(pattern_of(packet.type), True, handshake, trying.index, introduction)
        trying.session = session
        contact.candidates.append(session)
        contact.attempts = 0
        self.peer.stop(contact, 'first')
        if packet.type == wire.PSK2:  # Its sender may be unable to call, and so to ask again.
            self.peer.repeat(contact, 'third', third, at_once=False)
        else:
            self._show(contact, session, trying.handshake, handshake, trying.r, r_b)
        return [third]

    def _trying(self, packet: wire.Packet) -> Contact:
        for contact in self.peer.contacts.values():
            trying = contact.trying
            if trying and trying.index == packet.index and trying.packet[0] == packet.type - 1:
                return contact
        raise Refused('stale', wire.STALE)

    # Responder.

    def on_first(self, packet: wire.Packet, origin: Contact | None) -> list[bytes]:
        kept = self._read_first(packet)
        if packet.type == wire.PSK1:
            return self._on_coded(kept)
        if self._live_code():
            raise Refused('refused', wire.REFUSED)
        for one in self.peer.contacts.values():
            if self._has_beaten(one, packet.whole):  # Rule 5.
                return [one.trying.packet]
        contact = kept.contact = origin or self._match(kept.introduction)
        answering = contact.answering if contact else None
        if answering and answering.first == packet.whole:
            self.peer.post(contact, [answering.packet])
        elif contact and self._is_opening(contact):
            return self._on_crossed(contact, kept)
        elif answering and answering.third is None:
            self.peer.post(contact, self._answer(contact, kept))
        else:
            self._keep(kept)
        return []

    def _read_first(self, packet: wire.Packet) -> Kept:
        secret = self.code.secret if self.code else bytes(16)
        handshake = noise.HandshakeState(
            pattern_of(packet.type), False, prologue(packet.type), self.peer.private,
            secrets.token_bytes(32), psk=derive.pairing_psk(secret))
        introduction, commit = wire.decode_introduction(handshake.read_message(packet.body), 32)
        return Kept(packet, handshake, introduction, commit, self.peer.now(), None)

    def _on_crossed(self, contact: Contact, kept: Kept) -> list[bytes]:
        """Rule 2: the smaller e stays initiator."""
        mine = contact.trying.handshake.e_public
        if mine == kept.handshake.re:
            raise Refused('refused', wire.REFUSED)
        if mine < kept.handshake.re:
            contact.trying.beaten.add(kept.packet.whole)
            return [contact.trying.packet]
        self._yield_to(contact, kept)
        return []

    @staticmethod
    def _has_beaten(contact: Contact, first: bytes) -> bool:
        trying = contact.trying
        if trying is None or first not in trying.beaten:
            return False
        return not trying.answered or trying.session in contact.sessions()

    def _on_coded(self, kept: Kept) -> list[bytes]:
        for contact in self.peer.contacts.values():
            if contact.answering and contact.answering.first == kept.packet.whole:
                return [contact.answering.packet]
        if not self._live_code():
            raise Refused('refused', wire.REFUSED)
        trying = self.code.contact.trying
        if trying and trying.packet[0] == wire.PSK1 and not trying.answered \
                and trying.handshake.e_public < kept.handshake.re:
            return [trying.packet]  # Crossed: rule 2, and the larger one answers below.
        self.code.contact.attempts = ATTEMPTS_MAX
        return self._answer(self.code.contact, kept)

    def _answer(self, contact: Contact, kept: Kept) -> list[bytes]:
        if contact.attempts <= 0:
            return []
        contact.attempts -= 1
        peer, r, index = self.peer, secrets.token_bytes(16), self.peer.new_index()
        second_type = kept.packet.type + 1
        packet = wire.header(second_type, kept.introduction.index)
        packet += kept.handshake.write_message(peer.introduce(index).encode() + r)
        contact.answering = Answering(kept.packet.whole, kept.handshake, kept.introduction,
                                      kept.commit, r, index, packet)
        if second_type == wire.XX2:
            peer.repeat(contact, 'second', packet, at_once=False)
        return [packet]

    def on_third(self, packet: wire.Packet, origin: Contact | None) -> list[bytes]:
        contact, answering = self._answering(packet)
        if answering.third is not None:
            if answering.third == packet.whole and contact.current:
                return [contact.current.seal(b'')]
            raise Refused('stale', wire.STALE)
        handshake = answering.handshake.copy()
        coded = packet.type == wire.PSK3
        try:
            r_a = handshake.read_message(packet.body)
            if not derive.same(derive.commit(handshake.rs, handshake.re, r_a), answering.commit):
                raise noise.Unauthenticated('commit')
        except noise.Unauthenticated:
            if coded and not answering.failed:  # It is repeated, and counts once.
                answering.failed = True
                self._count_failure()
            raise
        self._check_key(contact, handshake.rs)
        answering.third = packet.whole
        contact.attempts = 0
        self.peer.stop(contact, 'second')
        session = Session(pattern_of(packet.type), False, handshake, answering.index,
                          answering.introduction)
        self.peer.promote(contact, session)
        if coded:
            self.code, contact.verified = None, True
        else:
            self._show(contact, session, answering.handshake, handshake, r_a, answering.r)
        return self.peer.confirm(contact, in_reply=origin is None)

    def _answering(self, packet: wire.Packet) -> tuple[Contact, Answering]:
        for contact in self.peer.contacts.values():
            answering = contact.answering
            if answering and answering.index == packet.index \
                    and answering.packet[0] == packet.type - 1:
                return contact, answering
        raise Refused('stale', wire.STALE)

    # Both.

    def on_stale(self, contact: Contact, about: bytes) -> None:
        """Rule 4: who hears stale forgets that meeting and triggers itself again."""
        kept = None
        if about[0] == wire.XX2 and contact.answering and contact.answering.packet == about:
            contact.answering = None
            self.peer.stop(contact, 'second')
        elif self._is_closing(contact) and contact.trying.answered[1] == about:
            contact.trying, kept = None, self._take_kept(contact)
        else:
            return
        if contact.attempts < 2:  # A fresh XX1 is one, and its XX3 another.
            self.peer.event('stale', contact=contact.name)
        elif kept:
            self._yield_to(contact, kept)
        else:
            contact.attempts -= 1
            self._start(contact, wire.XX1, None)

    def _show(self, contact: Contact, session: Session, before: noise.HandshakeState,
              handshake: noise.HandshakeState, r_a: bytes, r_b: bytes) -> None:
        own_e, remote_e = before.e_public, handshake.re
        sides = [(own_e, self.peer.public), (remote_e, handshake.rs)]
        (e_a, s_a), (e_b, s_b) = sides if session.initiator else reversed(sides)
        self.peer.event('code', contact=contact.name, pattern=session.pattern,
                        code=derive.comparison_code(e_a, e_b, s_a, s_b, r_a, r_b),
                        key_check=derive.key_check(session.h),
                        fingerprint=derive.pair_fingerprint(self.peer.public, handshake.rs))

    def _check_key(self, contact: Contact, key: bytes) -> None:
        others = [one.key for one in self.peer.contacts.values() if one is not contact]
        if key == self.peer.public or key in others or contact.key not in (None, key):
            self.peer.event('forbidden_key', contact=contact.name)
            raise Refused('refused', wire.REFUSED)

    def _match(self, introduction: wire.Introduction) -> Contact | None:
        contacts = list(self.peer.contacts.values())
        for contact in contacts:
            if introduction.address and contact.address == introduction.address:
                return contact
        for contact in contacts:
            if contact.name == introduction.name:
                return contact
        meeting = [one for one in contacts if one.trying or one.answering]
        return meeting[0] if len(meeting) == 1 else None

    def _keep(self, kept: Kept) -> None:
        if all(one.packet.whole != kept.packet.whole for one in self.kept):
            self.kept = [*self.kept, kept][-KEPT_MAX:]
        self.peer.event('kept', name=kept.introduction.name, address=kept.introduction.address)

    def _take_kept(self, contact: Contact) -> Kept | None:
        since = self.peer.now() - KEPT_SECONDS
        self.kept = [one for one in self.kept if one.at >= since]
        for kept in reversed(self.kept):
            if (kept.contact or self._match(kept.introduction) or contact) is contact:
                if self._is_opening(contact) and contact.trying.handshake.e_public < kept.handshake.re:
                    return None  # Rule 2: mine goes on.
                self.kept.remove(kept)
                return kept
        return None

    def _live_code(self) -> bool:
        if self.code and self.peer.now() - self.code.at > CODE_SECONDS:
            self.code = None
        return self.code is not None

    def _count_failure(self) -> None:
        if self.code:
            self.code.failures += 1
            if self.code.failures > CODE_FAILURES_MAX:
                self.code = None
