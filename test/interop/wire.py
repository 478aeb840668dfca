"""docs/PROTOCOL.md's structures: bundles §3, packets §4, payloads §8. No state, no keys."""

import re
import struct
import unicodedata
from dataclasses import dataclass

from noise import Malformed

XX1, XX2, XX3, PSK1, PSK2, PSK3, KK1, KK2, LETTER, TRANSPORT, STATUS = range(1, 12)
STALE, UNKNOWN, BUSY, REFUSED = range(1, 5)
OUTBOX, MESSAGE, PART, ACK, TIME, LETTER_ACK = range(1, 7)
TEXT, FILE, READING, NOTICE = range(1, 5)

FIRSTS = (XX1, PSK1)
BUNDLE_SIZE_MAX, BUNDLE_COUNT_MAX = 1_048_576, 4_096
WINDOW_SIZE = 1_024
SLICE_SIZE_MIN = 256
# A TRANSPORT packet's header, tag, and at least one byte of padding.
OVERHEAD = 16 + 16

# The sizes of what follows the header, least and most; TRANSPORT and LETTER step by 16 as well.
SIZES = {
    XX1: (32 + 12 + 32, 32 + 12 + 64 + 255 + 32),
    XX2: (32 + 48 + 12 + 16 + 16, 32 + 48 + 12 + 64 + 255 + 16 + 16),
    XX3: (48 + 16 + 16, 48 + 16 + 16),
    PSK1: (32 + 12 + 32 + 16, 32 + 12 + 64 + 255 + 32 + 16),
    PSK2: (32 + 48 + 12 + 16 + 16, 32 + 48 + 12 + 64 + 255 + 16 + 16),
    PSK3: (48 + 16 + 16, 48 + 16 + 16),
    KK1: (32 + 12 + 16 + 16, 32 + 12 + 64 + 255 + 16 + 16),
    KK2: (32 + 12 + 16, 32 + 12 + 64 + 255 + 16),
    LETTER: (32 + 16 + 16, 65_535 - 8),
    TRANSPORT: (8 + 16 + 16, 65_535 - 8),
}


class Reader:
    """Takes a structure apart, front to back, and insists that nothing is left."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise Malformed('too short')
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), 'big')

    def str8(self) -> str:
        try:
            return self.take(self.number(1)).decode('utf-8')
        except UnicodeDecodeError as error:
            raise Malformed('not UTF-8') from error

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at)

    def end(self) -> None:
        if self.at != len(self.data):
            raise Malformed('too long')


def str8(text: str) -> bytes:
    encoded = text.encode('utf-8')
    return bytes([len(encoded)]) + encoded


def encode_bundle(packets: list[bytes]) -> bytes:
    return b''.join(struct.pack('>H', len(packet)) + packet for packet in packets)


def decode_bundle(bundle: bytes, size_max: int = BUNDLE_SIZE_MAX) -> list[bytes]:
    reader, packets = Reader(bundle), []
    if len(bundle) > size_max:
        raise Malformed('bundle too large')
    while reader.at < len(bundle):
        size = reader.number(2)
        if size == 0:
            raise Malformed('an empty packet')
        packets.append(reader.take(size))
    if len(packets) > BUNDLE_COUNT_MAX:
        raise Malformed('too many packets')
    return packets


def header(packet_type: int, index: int = 0, counter: int = 0) -> bytes:
    first = bytes([packet_type, 0, 0, 0])
    if packet_type in FIRSTS:
        return first
    if packet_type == TRANSPORT:
        return first + struct.pack('>IQ', index, counter)
    return first + struct.pack('>I', index)


@dataclass(frozen=True)
class Packet:
    type: int
    index: int
    counter: int
    header: bytes
    body: bytes
    whole: bytes


def decode_packet(whole: bytes) -> Packet:
    """Everything but STATUS. `body` is what follows the header, its size already judged."""
    reader = Reader(whole)
    packet_type = reader.number(1)
    if packet_type not in SIZES or reader.take(3) != bytes(3):
        raise Malformed('type or reserved bytes')
    index = 0 if packet_type in FIRSTS else reader.number(4)
    least, most = SIZES[packet_type]
    if not least <= len(whole) - reader.at <= most:
        raise Malformed('packet size')
    counter = reader.number(8) if packet_type == TRANSPORT else 0
    head, body = whole[: reader.at], reader.rest()
    if packet_type == TRANSPORT and len(body) % 16 or packet_type == LETTER and len(body) % 16:
        raise Malformed('not a multiple of 16')
    return Packet(packet_type, index, counter, head, body, whole)


def encode_status(code: int, echo: bytes) -> bytes:
    return bytes([STATUS, code, 0, 0]) + echo


def decode_status(whole: bytes) -> tuple[int, bytes]:
    if len(whole) != 12 or whole[2:4] != bytes(2) or not STALE <= whole[1] <= REFUSED:
        raise Malformed('status')
    return whole[1], whole[4:]


@dataclass(frozen=True)
class Introduction:
    index: int
    capabilities: int
    max_frame: int
    name: str
    address: str

    def encode(self) -> bytes:
        fixed = struct.pack('>IIH', self.index, self.capabilities, self.max_frame)
        return fixed + str8(self.name) + str8(self.address)


def read_introduction(reader: Reader) -> Introduction:
    introduction = Introduction(
        reader.number(4), reader.number(4), reader.number(2), reader.str8(), reader.str8()
    )
    if introduction.index == 0 or introduction.max_frame < 512:
        raise Malformed('index or max_frame')
    if len(introduction.name.encode()) > 64 or not is_printable(introduction.name):
        raise Malformed('name')
    if introduction.address and not is_address(introduction.address):
        raise Malformed('address')
    return introduction


def decode_introduction(payload: bytes, after: int) -> tuple[Introduction, bytes]:
    """Payload of a handshake message and the `after` bytes, commit or r, that end it."""
    reader = Reader(payload)
    introduction = read_introduction(reader)
    last = reader.take(after)
    reader.end()
    return introduction, last


def is_printable(text: str) -> bool:
    return all(unicodedata.category(letter) != 'Cc' for letter in text)


def is_address(text: str) -> bool:
    """An origin with its port, §3.1."""
    match = re.fullmatch(r'http://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([1-9][0-9]{0,4})', text)
    return match is not None and int(match[2]) < 65_536


def pad(payloads: bytes) -> bytes:
    return payloads + b'\x80' + bytes(-(len(payloads) + 1) % 16)


def unpad(plaintext: bytes) -> bytes:
    payloads = plaintext.rstrip(b'\x00')
    if payloads[-1:] != b'\x80' or pad(payloads[:-1]) != plaintext:
        raise Malformed('padding')
    return payloads[:-1]


def encode_payload(kind: int, body: bytes) -> bytes:
    return struct.pack('>BH', kind, len(body)) + body


def outbox(epoch: int, lowest: int) -> bytes:
    return encode_payload(OUTBOX, struct.pack('>QQ', epoch, lowest))


def message(sequence: int, content: bytes) -> bytes:
    return encode_payload(MESSAGE, struct.pack('>Q', sequence) + content)


def part(sequence: int, index: int, count: int, data: bytes) -> bytes:
    return encode_payload(PART, struct.pack('>QII', sequence, index, count) + data)


def ack(epoch: int, following: int, bitmap: bytes) -> bytes:
    return encode_payload(ACK, struct.pack('>QQB', epoch, following, len(bitmap)) + bitmap)


def letter_ack(epoch: int, sequence: int) -> bytes:
    return encode_payload(LETTER_ACK, struct.pack('>QQ', epoch, sequence))


def decode_payloads(plaintext: bytes) -> list[tuple]:
    """All payloads of one packet, as (kind, fields …), or Malformed and none."""
    reader, payloads, outboxes = Reader(unpad(plaintext)), [], 0
    while reader.at < len(reader.data):
        kind = reader.number(1)
        body = Reader(reader.take(reader.number(2)))
        if kind not in DECODERS:
            raise Malformed('kind')
        payloads.append((kind, *DECODERS[kind](body)))
        body.end()
        outboxes += kind == OUTBOX
        if outboxes > 1 or kind in (MESSAGE, PART) and not outboxes:
            raise Malformed('OUTBOX stands before the first MESSAGE or PART, once')
    return payloads


def _part(body: Reader) -> tuple:
    sequence, index, count, data = body.number(8), body.number(4), body.number(4), body.rest()
    if index >= count or sequence < index:
        raise Malformed('part index')
    if len(data) < (SLICE_SIZE_MIN if index < count - 1 else 1):
        raise Malformed('slice too small')
    return sequence, index, count, data


def _ack(body: Reader) -> tuple:
    epoch, following, bitmap = body.number(8), body.number(8), body.take(body.number(1))
    if len(bitmap) > WINDOW_SIZE // 8 or bitmap[-1:] == b'\x00':
        raise Malformed('bitmap')
    return epoch, following, bitmap


def _time(body: Reader) -> tuple:
    event, unix_time, uptime = body.number(1), body.number(8), body.number(8)
    if event > 1:
        raise Malformed('time event')
    return event, unix_time, uptime


DECODERS = {
    OUTBOX: lambda body: (body.number(8), body.number(8)),
    MESSAGE: lambda body: (body.number(8), body.rest()),
    PART: _part,
    ACK: _ack,
    TIME: _time,
    LETTER_ACK: lambda body: (body.number(8), body.number(8)),
}


def encode_text(text: str) -> bytes:
    return bytes([TEXT]) + text.encode('utf-8')


def encode_file(name: str, media_type: str, data: bytes) -> bytes:
    return bytes([FILE]) + str8(name) + str8(media_type) + data


def encode_notice(epoch: int, sequence: int, reason: int) -> bytes:
    return struct.pack('>BQQB', NOTICE, epoch, sequence, reason)


def decode_content(content: bytes) -> tuple:
    """(content type, fields …); Malformed here asks for a notice, not for a refusal."""
    reader = Reader(content)
    content_type = reader.number(1)
    if content_type == TEXT:
        try:
            return TEXT, reader.rest().decode('utf-8')
        except UnicodeDecodeError as error:
            raise Malformed('text that is not UTF-8') from error
    if content_type == FILE:
        return FILE, reader.str8(), reader.str8(), reader.rest()
    if content_type == READING:
        return READING, reader.rest()
    if content_type == NOTICE:
        notice = NOTICE, reader.number(8), reader.number(8), reader.number(1)
        reader.end()
        return notice
    raise Malformed('content type')
