"""What docs/PROTOCOL.md derives from keys: codes (§5.1), gate (§6), pairing code (§7)."""

import hashlib
import hmac
import struct

import noise
from noise import Malformed

ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'


def derive(secret: bytes, salt: bytes, label: str, size: int) -> bytes:
    """DERIVE, §1: HKDF-SHA256, RFC 5869, for at most 32 bytes."""
    extracted = noise.hmac_sha256(salt or bytes(32), secret)
    return noise.hmac_sha256(extracted, label.encode() + b'\x01')[:size]


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b''.join(parts)).digest()


def same(left: bytes, right: bytes) -> bool:
    return hmac.compare_digest(left, right)


def commit(s_a: bytes, e_a: bytes, r_a: bytes) -> bytes:
    return sha256(b'sotto-sas1', s_a, e_a, r_a)


def comparison_code(e_a: bytes, e_b: bytes, s_a: bytes, s_b: bytes, r_a: bytes, r_b: bytes) -> str:
    derived = derive(r_a + r_b, sha256(e_a, e_b, s_a, s_b), 'sotto-sas1', 8)
    return f'{int.from_bytes(derived, "big") % 1_000_000:06}'


def key_check(handshake_hash: bytes) -> str:
    return derive(handshake_hash, b'', 'sotto-kcv1', 8).hex()


def fingerprint(key: bytes) -> str:
    digest = sha256(b'sotto-fingerprint1', key)
    groups = [int.from_bytes(digest[5 * i : 5 * i + 5], 'big') % 100_000 for i in range(6)]
    return ''.join(f'{group:05}' for group in groups)


def pair_fingerprint(own: bytes, remote: bytes) -> str:
    return ''.join(sorted([fingerprint(own), fingerprint(remote)]))


class Gate:
    """§6, for one pair of static keys; either side computes the same `key`."""

    def __init__(self, private: bytes, remote: bytes):
        self.own, self.remote = noise.public_key(private), remote
        self.secret = noise.dh(private, remote)
        self.key = derive(self.secret, b'', 'sotto-gate1', 32)
        self.image_key = derive(self.secret, b'', 'sotto-image', 32)

    def hint(self, sender: bytes) -> int:
        return struct.unpack('>I', noise.hmac_sha256(self.key, sender)[:4])[0]

    def gate(self, sender: bytes, before: bytes) -> bytes:
        return noise.hmac_sha256(self.key, sender + before)[:16]


def pairing_psk(secret: bytes) -> bytes:
    return derive(secret, b'', 'sotto-psk1', 32)


def pairing_text(secret: bytes) -> str:
    check = int.from_bytes(sha256(b'sotto-code1', secret)[:3], 'big') >> 4
    bits = int.from_bytes(secret, 'big') << 22 | check  # 128, 2 zero, 20
    text = ''.join(ALPHABET[bits >> 5 * (29 - i) & 31] for i in range(30))
    return '-'.join(text[i : i + 5] for i in range(0, 30, 5))


def read_pairing_text(text: str) -> bytes:
    text = text.upper().replace('-', '').replace(' ', '').replace('I', '1').replace('L', '1')
    text = text.replace('O', '0')
    if len(text) != 30 or any(letter not in ALPHABET for letter in text):
        raise Malformed('not a pairing code')
    bits = 0
    for letter in text:
        bits = bits << 5 | ALPHABET.index(letter)
    secret = (bits >> 22).to_bytes(16, 'big')
    if pairing_text(secret).replace('-', '') != text:  # The check, and the two bits between.
        raise Malformed('mistyped pairing code')
    return secret
