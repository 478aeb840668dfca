"""One session, docs/PROTOCOL.md §8: two keys, two counters, a window. Time is an argument."""

import noise
import wire
from windows import Replay


class Refused(Exception):
    """A packet that changes nothing; `status` is what its sender may hear, or None."""

    def __init__(self, reason: str, status: int | None = None):
        super().__init__(reason)
        self.reason, self.status = reason, status


class Session:
    def __init__(self, pattern: str, initiator: bool, handshake: noise.HandshakeState,
                 own_index: int, introduction: wire.Introduction):
        first, second = handshake.keys
        self.pattern, self.initiator, self.h = pattern, initiator, handshake.h
        self.remote_key = handshake.rs
        self.own_index, self.introduction = own_index, introduction
        self.sending, self.receiving = (first, second) if initiator else (second, first)
        self.counter, self.replay = 0, Replay()
        self.promoted_at: float | None = None

    def seal(self, payloads: bytes) -> bytes:
        head = wire.header(wire.TRANSPORT, self.introduction.index, self.counter)
        cipher = noise.CipherState(self.sending)
        cipher.counter = self.counter
        self.counter += 1
        return head + cipher.encrypt(head, wire.pad(payloads))

    def open(self, packet: wire.Packet) -> list[tuple]:
        cipher = noise.CipherState(self.receiving)
        cipher.counter = packet.counter
        plaintext = cipher.decrypt(packet.header, packet.body)
        if not self.replay.accept(packet.counter):
            raise Refused('replayed')
        return wire.decode_payloads(plaintext)

    @property
    def room(self) -> int:
        """The bytes of payloads that fit into one packet the other side takes."""
        return (self.introduction.max_frame - wire.OVERHEAD) // 16 * 16 - 1

    def may_send(self, now: float) -> bool:
        return self.promoted_at is not None and now - self.promoted_at < 20 * 60

    def is_to_be_renewed(self, now: float) -> bool:
        limit = 10 * 60 * (1 if self.initiator else 1.5)
        return self.promoted_at is None or now - self.promoted_at >= limit
