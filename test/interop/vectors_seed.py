"""The keys of every vector, reproducible, and how JSON names what it holds."""

import hashlib

from noise import public_key


def seed(label: str, size: int = 32) -> bytes:
    """Reproducible bytes that stand for random ones; every file prints what it used."""
    return hashlib.sha256(b'sotto vectors: ' + label.encode()).digest()[:size]


def found(condition, label: str, size: int) -> bytes:
    """The first seed for which the rare `condition` holds."""
    return next(s for s in (seed(f'{label} {i}', size) for i in range(10**6)) if condition(s))


ALICE, BOB = seed('alice static'), seed('bob static')
ALICE_E, BOB_E = seed('alice ephemeral'), seed('bob ephemeral')
S_A, S_B, E_A, E_B = map(public_key, (ALICE, BOB, ALICE_E, BOB_E))
R_A, R_B = seed('r_A', 16), seed('r_B', 16)
CODE_SECRET = seed('pairing code', 16)


FIELDS = {
    'outbox': ('epoch', 'lowest'), 'message': ('sequence', 'content'),
    'part': ('sequence', 'part_index', 'part_count', 'bytes'), 'ack': ('epoch', 'next', 'bitmap'),
    'time': ('event', 'unix_time_ms', 'uptime_ms'), 'letter_ack': ('epoch', 'sequence'),
}
U64 = {'epoch', 'lowest', 'sequence', 'next', 'counter', 'unix_time_ms', 'uptime_ms'}


def named(payload: tuple) -> dict:
    return {'kind': payload[0], **dict(zip(FIELDS[payload[0]], payload[1:]))}


def plain(value, name: str = ''):
    """Bytes as hex, u64 as decimal strings: what JSON can say without loss."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {k: plain(v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v, name) for v in value]
    return str(value) if name in U64 and isinstance(value, int) else value
