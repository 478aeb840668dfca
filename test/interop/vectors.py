"""
Computes test/vectors for docs/PROTOCOL.md, so that TypeScript and C answer to neither of them.

    /usr/bin/python3 test/interop/vectors.py            writes them
    /usr/bin/python3 test/interop/vectors.py --check    fails if a file is not what it computes
"""

import json
import pathlib
import sys

import derive
import wire
from derive import Gate
from noise import CipherState, HandshakeState, public_key
from vectors_seed import (
    ALICE, ALICE_E, BOB, BOB_E, CODE_SECRET, E_A, E_B, R_A, R_B, S_A, S_B, found, plain, seed
)
from vectors_wire import bundle, packets, payloads
from windows import Received

HERE = pathlib.Path(__file__).resolve().parent.parent / 'vectors'
SOURCE = 'computed by test/interop/vectors.py from docs/PROTOCOL.md'


def comparison() -> dict:
    def code(r_a: bytes, r_b: bytes, note: str) -> dict:
        six = derive.comparison_code(E_A, E_B, S_A, S_B, r_a, r_b)
        return {'note': note, 'e_A': E_A, 'e_B': E_B, 's_A': S_A, 's_B': S_B, 'r_A': r_a,
                'r_B': r_b, 'code': six}

    zeros = found(lambda r: derive.comparison_code(E_A, E_B, S_A, S_B, R_A, r)[:3] == '000',
                  'r_B zeros', 16)
    padded = found(lambda k: derive.fingerprint(k)[5:7] == '00', 'fingerprint', 32)
    return {
        'comment': '§5.1. e, s: public keys. The commit of §4.1 is over s_A, e_A, r_A.',
        'commits': [{'s_A': S_A, 'e_A': E_A, 'r_A': R_A, 'commit': derive.commit(S_A, E_A, R_A)}],
        'codes': [code(R_A, R_B, 'any'), code(R_B, R_A, 'r swapped'),
                  code(R_A, zeros, 'leading zeros')],
        'key_checks': [{'h': h, 'key_check': derive.key_check(h)}
                       for h in (bytes(32), seed('handshake hash'))],
        'fingerprints': [{'key': k, 'fingerprint': derive.fingerprint(k)}
                         for k in (S_A, S_B, padded)],
        'pair_fingerprints': [{'own': a, 'remote': b, 'fingerprint': derive.pair_fingerprint(a, b)}
                              for a, b in ((S_A, S_B), (S_B, S_A))],
    }


def gates() -> dict:
    def case(sender: bytes, receiver: bytes, before: bytes) -> dict:
        gate = Gate(sender, public_key(receiver))
        assert gate.key == Gate(receiver, public_key(sender)).key
        return {'sender_private': sender, 'sender_public': gate.own, 'receiver_private': receiver,
                'receiver_public': gate.remote, 'S': gate.secret, 'gate_key': gate.key,
                'image_key': gate.image_key, 'hint': gate.hint(gate.own), 'before_gate': before,
                'gate': gate.gate(gate.own, before)}

    alice = Gate(ALICE, S_B)
    before = wire.header(wire.KK1, alice.hint(S_A)) + seed('kk1') * 3
    return {'comment': '§6 and §9. The hint is a u32; before_gate is the KK1 packet without gate.',
            'cases': [case(ALICE, BOB, before), case(BOB, ALICE, before), case(BOB, ALICE, b'')]}


def pairing_code() -> dict:
    secrets = [bytes(16), b'\xff' * 16, bytes(range(16)), CODE_SECRET]
    text = derive.pairing_text(CODE_SECRET)
    plain = text.replace('-', '')
    alphabet = derive.ALPHABET
    last = alphabet[alphabet.index(plain[-1]) ^ 1]
    padding = plain[:25] + alphabet[alphabet.index(plain[25]) | 1] + plain[26:]
    zero = derive.pairing_text(bytes(16))
    return {
        'comment': '§7. `spellings` all read as their secret; `refused` reads as nothing.',
        'codes': [{'secret': s, 'psk': derive.pairing_psk(s), 'text': derive.pairing_text(s)}
                  for s in secrets],
        'spellings': [{'secret': CODE_SECRET, 'text': t}
                      for t in (plain, text.lower(), ' ' + text.replace('-', ' - '))]
        + [{'secret': bytes(16), 'text': zero.replace('0', 'O')},
           {'secret': bytes(16), 'text': zero.replace('0', 'o').replace('1', 'l')},
           {'secret': bytes(range(16)), 'text': derive.pairing_text(bytes(range(16)))
            .replace('1', 'I')}],
        'with_address': [{'secret': CODE_SECRET, 'address': 'http://192.0.2.7:3000',
                          'text': text + '@http://192.0.2.7:3000'}],
        'refused': [{'note': 'empty', 'text': ''}, {'note': '29 characters', 'text': plain[:-1]},
                    {'note': '31 characters', 'text': plain + '0'},
                    {'note': 'check differs', 'text': plain[:-1] + last},
                    {'note': 'first character differs', 'text':
                     alphabet[alphabet.index(plain[0]) ^ 1] + plain[1:]},
                    {'note': 'padding bit set, and so not this code', 'text': padding},
                    {'note': 'U is no letter of it', 'text': 'U' + plain[1:]},
                    {'note': 'another alphabet', 'text': '!' + plain[1:]}],
    }


def transport() -> dict:
    key = seed('transport key')

    def case(note: str, index: int, counter: int, plaintext: bytes) -> dict:
        head = wire.header(wire.TRANSPORT, index, counter)
        cipher = CipherState(key)
        cipher.counter = counter
        return {'note': note, 'key': key, 'index': index, 'counter': counter, 'header': head,
                'plaintext': plaintext, 'packet': head + cipher.encrypt(head, plaintext)}

    hello = wire.outbox(1, 0) + wire.message(0, wire.encode_text('hello'))
    good = case('', 7, 1, wire.pad(hello))['packet']
    flips = [(f'bit {bit} flipped', flip(good, bit)) for bit in
             (0, 8, 16, 31, 32, 63, 64, 127, 128, 8 * len(good) - 129, 8 * len(good) - 1)]
    return {
        'comment': '§8. `refused` is no packet of this key: malformed, of another session, or '
                   'unauthenticated. Bit 0 is the most significant of the first byte.',
        'packets': [case('empty', 0xFFFFFFFF, 0, wire.pad(b'')), case('a text', 7, 1,
                    wire.pad(hello)), case('a late counter', 7, 2**64 - 2, wire.pad(hello)),
                    case('opens, and then its padding is malformed', 7, 2, bytes(32))],
        'refused': [{'note': n, 'key': key, 'index': 7, 'packet': p} for n, p in flips],
    }


def flip(data: bytes, bit: int) -> bytes:
    flipped = bytearray(data)
    flipped[bit // 8] ^= 128 >> bit % 8
    return bytes(flipped)


def letter() -> dict:
    gate = Gate(ALICE, S_B)
    prologue = b'sotto\x01\x01' + bytes([wire.LETTER])

    def case(note: str, *after_outbox: bytes) -> dict:
        plaintext = wire.pad(wire.outbox(2**63 + 1, 0) + b''.join(after_outbox))
        k = HandshakeState('K', True, prologue, ALICE, ALICE_E, S_B)
        packet = wire.header(wire.LETTER, gate.hint(S_A)) + k.write_message(plaintext)
        return {'note': note, 'plaintext': plaintext, 'packet': packet, 'handshake_hash': k.h}

    data = wire.encode_file('a.bin', '', bytes(600))
    return {
        'comment': '§9. From sender to receiver, each from the same ephemeral key, which only a '
                   'test may do. A letter file is a bundle of such packets.',
        'sender_private': ALICE, 'sender_public': S_A, 'receiver_private': BOB,
        'receiver_public': S_B, 'ephemeral_private': ALICE_E, 'prologue': prologue,
        'hint': gate.hint(S_A), 'image_key': gate.image_key,
        'letters': [case('a text', wire.message(0, wire.encode_text('dear Bob'))),
                    case('two of one file', wire.part(1, 0, 2, data[:512]),
                         wire.part(2, 1, 2, data[512:]))],
        'refused': [case('no message at all'), case('an ACK in it', wire.ack(1, 0, b''))],
    }


def acks() -> dict:
    """One receiver, one epoch: what each sequence is judged, and the ACK afterwards."""
    received, steps = Received(), []

    def step(lowest: int, sequence: int) -> None:
        received.raise_to(lowest)
        verdict = received.judge(sequence)
        if verdict == 'fresh':
            received.mark(sequence)
        body = wire.ack(9, received.next, received.bitmap())[3:]
        steps.append({'lowest': str(lowest), 'sequence': str(sequence), 'verdict': verdict,
                      'next': str(received.next), 'bitmap': received.bitmap(), 'ack': body})

    for lowest, sequence in ((0, 0), (0, 0), (0, 2), (0, 2), (0, 9), (0, 10), (0, 1), (0, 1027),
                             (0, 1028), (0, 3), (0, 1028), (0, 1029), (4, 4), (11, 500), (9, 8),
                             (1027, 1027), (2000, 1999), (2000, 3024), (2000, 3025), (3024, 3026),
                             (2**63, 2**63 + 7)):
        step(lowest, sequence)
    return {'comment': '§8.2, §8.3. One epoch, 9, in order: OUTBOX lowest, then a message of '
                       '`sequence`. `fresh` is delivered, `repeat` only acknowledged, `beyond` '
                       'not taken. Then `ack` is the body of the ACK.', 'epoch': '9',
            'steps': steps}


def handshake(pattern: str, types: list[int], payloads_in: list[bytes], psk: bytes | None) -> dict:
    prologue = b'sotto\x01\x01' + bytes([types[0]])
    kk = pattern == 'KKpsk0'
    a = HandshakeState(pattern, True, prologue, ALICE, ALICE_E, S_B if kk else None, psk)
    b = HandshakeState(pattern, False, prologue, BOB, BOB_E, S_A if kk else None, psk)
    gate, packets_out = Gate(ALICE, S_B), []
    indices = [gate.hint(S_A) if kk else 0, INDEX_A, INDEX_B]
    for i, (packet_type, payload) in enumerate(zip(types, payloads_in)):
        writer, reader = (a, b) if i % 2 == 0 else (b, a)
        noise_message = writer.write_message(payload)
        assert reader.read_message(noise_message) == payload
        packet = wire.header(packet_type, indices[i]) + noise_message
        packet += gate.gate(S_A, packet) if packet_type == wire.KK1 else b''
        packets_out.append({'type': packet_type, 'payload': payload, 'packet': packet})
    assert a.keys == b.keys and a.h == b.h
    first, second = a.keys
    def sealed(key: bytes, index: int, payloads: bytes) -> bytes:
        head = wire.header(wire.TRANSPORT, index, 0)
        return head + CipherState(key).encrypt(head, wire.pad(payloads))

    hello = wire.outbox(1, 0) + wire.message(0, wire.encode_text('hello'))
    result = {'pattern': pattern, 'prologue': prologue, 'packets': packets_out,
              'handshake_hash': a.h, 'initiator_to_responder': first,
              'responder_to_initiator': second, 'key_check': derive.key_check(a.h),
              'transport_from_initiator': sealed(first, INDEX_B, hello),
              'transport_from_responder': sealed(second, INDEX_A, b'')}
    if psk is not None:
        result['psk'] = psk
    return result


INDEX_A, INDEX_B = 0x0A0A0A0A, 0x0B0B0B0B


def handshakes_sotto() -> dict:
    a = wire.Introduction(INDEX_A, 3, 65_535, 'alice', 'http://192.0.2.7:3000').encode()
    b = wire.Introduction(INDEX_B, 3, 65_535, 'bob', 'http://192.0.2.8:3000').encode()
    meeting = [a + derive.commit(S_A, E_A, R_A), b + R_B, R_A]
    code = derive.comparison_code(E_A, E_B, S_A, S_B, R_A, R_B)
    return {
        'comment': 'Whole meetings from fixed keys, A the initiator; all packets as they travel. '
                   'KKpsk0: 32 zero bytes. The transport packets are each direction\'s first.',
        's_A_private': ALICE, 's_A': S_A, 's_B_private': BOB, 's_B': S_B, 'e_A_private': ALICE_E,
        'e_A': E_A, 'e_B_private': BOB_E, 'e_B': E_B, 'r_A': R_A, 'r_B': R_B,
        'pairing_secret': CODE_SECRET, 'comparison_code': code,
        'pair_fingerprint': derive.pair_fingerprint(S_A, S_B),
        'handshakes': [
            handshake('XX', [wire.XX1, wire.XX2, wire.XX3], meeting, None),
            handshake('XXpsk3', [wire.PSK1, wire.PSK2, wire.PSK3], meeting,
                      derive.pairing_psk(CODE_SECRET)),
            handshake('KKpsk0', [wire.KK1, wire.KK2], [a, b], bytes(32)),
        ],
    }


FILES = [comparison, gates, pairing_code, payloads, packets, bundle, transport, letter, acks,
         handshakes_sotto]
NAMES = {'gates': 'gate'}


def main() -> None:
    for make in FILES:
        path = HERE / f'{NAMES.get(make.__name__, make.__name__)}.json'
        text = json.dumps(plain({'source': SOURCE, **make()}), indent=2, ensure_ascii=False) + '\n'
        if '--check' not in sys.argv:
            path.write_text(text, encoding='utf-8')
        elif json.loads(path.read_text(encoding='utf-8')) != json.loads(text):
            sys.exit(f'{path.name} is not what vectors.py computes')


if __name__ == '__main__':
    main()
