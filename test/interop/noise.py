"""
The Noise Protocol Framework, revision 34, for 25519_AESGCM_SHA256 and the four patterns of
docs/PROTOCOL.md §2. Written from the two documents alone, as a second opinion on src/protocol.

Keys are 32 raw bytes. Only the primitives come from python3-cryptography.
"""

import copy
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FIELD = 2**255 - 19

# Pre-messages of the initiator, of the responder; then the messages, the initiator's first.
PATTERNS = {
    'XX': ('', '', ['e', 'e ee s es', 's se']),
    'XXpsk3': ('', '', ['e', 'e ee s es', 's se psk']),
    'KKpsk0': ('s', 's', ['psk e es ss', 'e ee se']),
    'K': ('s', 's', ['e es ss']),
}


class Malformed(Exception):
    """Wrong lengths, types or values."""


class Unauthenticated(Exception):
    """A tag, gate or commitment that is not right."""


def public_key(private: bytes) -> bytes:
    key = X25519PrivateKey.from_private_bytes(private).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def check_public_key(key: bytes) -> bytes:
    """PROTOCOL §1: only the one canonical encoding of a point is taken."""
    if len(key) != 32 or int.from_bytes(key, 'little') >= FIELD:
        raise Malformed('a public key that is not reduced')
    return key


def dh(private: bytes, public: bytes) -> bytes:
    own = X25519PrivateKey.from_private_bytes(private)
    try:
        return own.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:  # The all-zero result of a point of small order.
        raise Unauthenticated('the shared secret is zero') from error


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf(chaining_key: bytes, material: bytes, count: int) -> list[bytes]:
    """Noise §4.3, which is RFC 5869 without info, cut in blocks of 32."""
    temporary = hmac_sha256(chaining_key, material)
    blocks = [b'']
    for i in range(1, count + 1):
        blocks.append(hmac_sha256(temporary, blocks[-1] + bytes([i])))
    return blocks[1:]


class CipherState:
    """Noise §5.1. Without a key, plaintext passes through."""

    def __init__(self, key: bytes | None = None):
        self.key = key
        self.counter = 0

    @staticmethod
    def nonce(counter: int) -> bytes:
        return bytes(4) + counter.to_bytes(8, 'big')

    def encrypt(self, associated: bytes, plaintext: bytes) -> bytes:
        if self.key is None:
            return plaintext
        sealed = AESGCM(self.key).encrypt(self.nonce(self.counter), plaintext, associated)
        self.counter += 1
        return sealed

    def decrypt(self, associated: bytes, ciphertext: bytes) -> bytes:
        if self.key is None:
            return ciphertext
        if len(ciphertext) < 16:
            raise Malformed('shorter than a tag')
        try:
            opened = AESGCM(self.key).decrypt(self.nonce(self.counter), ciphertext, associated)
        except InvalidTag as error:
            raise Unauthenticated('tag') from error
        self.counter += 1
        return opened


class SymmetricState:
    """Noise §5.2."""

    def __init__(self, protocol_name: str):
        name = protocol_name.encode('ascii')
        padded = name + bytes(32 - len(name)) if len(name) <= 32 else hashlib.sha256(name).digest()
        self.h = self.ck = padded
        self.cipher = CipherState()

    def mix_hash(self, data: bytes) -> None:
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, material: bytes) -> None:
        self.ck, key = hkdf(self.ck, material, 2)
        self.cipher = CipherState(key)

    def mix_key_and_hash(self, material: bytes) -> None:
        self.ck, mixed, key = hkdf(self.ck, material, 3)
        self.mix_hash(mixed)
        self.cipher = CipherState(key)

    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        ciphertext = self.cipher.encrypt(self.h, plaintext)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt_and_hash(self, ciphertext: bytes) -> bytes:
        plaintext = self.cipher.decrypt(self.h, ciphertext)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[bytes, bytes]:
        first, second = hkdf(self.ck, b'', 2)
        return first, second


class HandshakeState:
    """
    Noise §5.3. `s`, `e` are our private keys, `rs` the remote's public key. After the last message
    `keys` is (initiator to responder, responder to initiator) and `h` the handshake hash.
    """

    def __init__(self, pattern: str, initiator: bool, prologue: bytes, s: bytes,
                 e: bytes | None = None, rs: bytes | None = None, psk: bytes | None = None):
        before_initiator, before_responder, messages = PATTERNS[pattern]
        self.symmetric = SymmetricState(f'Noise_{pattern}_25519_AESGCM_SHA256')
        self.initiator, self.s, self.e, self.rs, self.psk = initiator, s, e, rs, psk
        self.re: bytes | None = None
        self.messages = [message.split() for message in messages]
        self.mixes_e = 'psk' in pattern
        self.keys: tuple[bytes, bytes] | None = None
        self.symmetric.mix_hash(prologue)
        for ours, token in ((initiator, before_initiator), (not initiator, before_responder)):
            if token:
                self.symmetric.mix_hash(public_key(s) if ours else rs)

    @property
    def h(self) -> bytes:
        return self.symmetric.h

    @property
    def e_public(self) -> bytes:
        return public_key(self.e)

    def copy(self) -> 'HandshakeState':
        """To read a message that may be refused: the original stays as it was."""
        return copy.deepcopy(self)

    def write_message(self, payload: bytes) -> bytes:
        written = b''
        for token in self.messages.pop(0):
            if token == 'e':
                written += self.e_public
                self._mix_ephemeral(self.e_public)
            elif token == 's':
                written += self.symmetric.encrypt_and_hash(public_key(self.s))
            else:
                self._mix_secret(token)
        written += self.symmetric.encrypt_and_hash(payload)
        self._finish()
        return written

    def read_message(self, message: bytes) -> bytes:
        for token in self.messages.pop(0):
            if token == 'e':
                self.re, message = check_public_key(message[:32]), message[32:]
                self._mix_ephemeral(self.re)
            elif token == 's':
                size = 48 if self.symmetric.cipher.key else 32
                if len(message) < size:
                    raise Malformed('shorter than a static key')
                self.rs = check_public_key(self.symmetric.decrypt_and_hash(message[:size]))
                message = message[size:]
            else:
                self._mix_secret(token)
        payload = self.symmetric.decrypt_and_hash(message)
        self._finish()
        return payload

    def _mix_ephemeral(self, key: bytes) -> None:
        self.symmetric.mix_hash(key)
        if self.mixes_e:  # Noise §9.2
            self.symmetric.mix_key(key)

    def _mix_secret(self, token: str) -> None:
        if token == 'psk':
            self.symmetric.mix_key_and_hash(self.psk)
            return
        # The first letter names the initiator's key, the second the responder's.
        ours, theirs = token if self.initiator else token[::-1]
        remote = self.re if theirs == 'e' else self.rs
        self.symmetric.mix_key(dh(self.e if ours == 'e' else self.s, remote))

    def _finish(self) -> None:
        if not self.messages:
            self.keys = self.symmetric.split()
