"""The part of the vectors that needs no session: introductions, payloads, packets, bundles."""

import derive
import wire
from vectors_seed import E_A, R_A, R_B, S_A, named, seed


INTRODUCTIONS = [
    wire.Introduction(1, 0, 512, '', ''),
    wire.Introduction(0xFFFFFFFF, 0xFFFFFFFF, 65_535, 'é' * 32, 'http://[2001:db8::1]:65535'),
    wire.Introduction(0x01020304, 0b11, 65_535, 'alice', 'http://192.0.2.7:3000'),
]


def introductions() -> dict:
    good = INTRODUCTIONS[2].encode()
    name, address = wire.str8('alice'), wire.str8('http://192.0.2.7:3000')
    fixed = good[:10]
    refused = [
        ('a byte too few', good[:-1]), ('a byte too many', good + b'\x00'), ('nothing', b''),
        ('index 0', bytes(4) + good[4:]), ('max_frame 511', good[:8] + b'\x01\xff' + good[10:]),
        ('name of 65 bytes', fixed + wire.str8('a' * 65) + address),
        ('name is not UTF-8', fixed + b'\x02\xc3\x28' + address),
        ('name with a line feed', fixed + wire.str8('a\nb') + address),
        ('name with U+0085', fixed + wire.str8('a\x85b') + address),
    ] + [('address', fixed + name + wire.str8(a)) for a in (
        'http://192.0.2.7:3000/', 'https://192.0.2.7:3000', '192.0.2.7:3000',
        'http://user@192.0.2.7:3000', 'http://192.0.2.7:3000?a', 'http://192.0.2.7',
        'http://192.0.2.7:0', 'http://192.0.2.7:03000', 'http://192.0.2.7:65536')]
    return {
        'introductions': [{**vars(i), 'bytes': i.encode()} for i in INTRODUCTIONS],
        'introductions_refused': [{'note': n, 'bytes': b} for n, b in refused],
        'handshakes': [
            {'type': wire.XX1, **vars(INTRODUCTIONS[2]), 'commit': derive.commit(S_A, E_A, R_A),
             'bytes': good + derive.commit(S_A, E_A, R_A)},
            {'type': wire.XX2, **vars(INTRODUCTIONS[2]), 'r_B': R_B, 'bytes': good + R_B},
            {'type': wire.XX3, 'r_A': R_A, 'bytes': R_A},
            {'type': wire.KK1, **vars(INTRODUCTIONS[2]), 'bytes': good},
        ],
    }


def plaintexts() -> dict:
    box, text = wire.outbox(2**64 - 1, 3), wire.encode_text('grüezi')
    big = 2**63 + 5
    accepted = [
        ('empty', [], b''),
        ('one message', [('outbox', 2**64 - 1, 3), ('message', 3, text)],
         box + wire.message(3, text)),
        ('13 bytes before the padding', [('letter_ack', big, 9)], wire.letter_ack(big, 9)),
        ('ack without bitmap', [('ack', big, 4, b'')], wire.ack(big, 4, b'')),
        ('ack with bitmap', [('ack', big, 4, b'\x00\x81')], wire.ack(big, 4, b'\x00\x81')),
        ('slices: the least one, the last one', [
            ('outbox', 2**64 - 1, 3), ('part', 7, 0, 2, bytes(256)), ('part', 8, 1, 2, b'end')],
         box + wire.part(7, 0, 2, bytes(256)) + wire.part(8, 1, 2, b'end')),
        ('time', [('time', 1, 1_700_000_000_000, 12_345)],
         wire.encode_payload(wire.TIME, b'\x01' + (1_700_000_000_000).to_bytes(8, 'big')
                             + (12_345).to_bytes(8, 'big'))),
        ('five full blocks, so that a sixth is all padding',
         [('ack', epoch, 0, b'') for epoch in range(4)],
         b''.join(wire.ack(epoch, 0, b'') for epoch in range(4))),
    ]
    raw = [
        ('nothing at all', b''), ('zeros only', bytes(16)), ('17 bytes', b'\x80' + bytes(16)),
        ('a block too many', b'\x80' + bytes(31)), ('no 0x80', wire.pad(box)[:-5] + b'\x81' * 5),
        ('last byte 1', wire.pad(box)[:-1] + b'\x01'),
    ] + [(note, wire.pad(payloads)) for note, payloads in [
        ('kind 0', wire.encode_payload(0, b'')), ('kind 7', wire.encode_payload(7, b'')),
        ('message without outbox', wire.message(3, text)),
        ('message before outbox', wire.message(3, text) + box), ('two outboxes', box + box),
        ('outbox of 15 bytes', wire.encode_payload(wire.OUTBOX, bytes(15))),
        ('outbox of 17 bytes', wire.encode_payload(wire.OUTBOX, bytes(17))),
        ('message of 7 bytes', box + wire.encode_payload(wire.MESSAGE, bytes(7))),
        ('size beyond the end', b'\x01\x00\x11' + bytes(16)),
        ('half a payload header', b'\x01\x00'),
        ('part index = count', box + wire.part(7, 2, 2, bytes(256))),
        ('part count 0', box + wire.part(7, 0, 0, bytes(256))),
        ('first sequence below 0', box + wire.part(0, 1, 2, bytes(256))),
        ('slice of 255 that is not the last', box + wire.part(7, 0, 2, bytes(255))),
        ('last slice without a byte', box + wire.part(7, 1, 2, b'')),
        ('bitmap with a trailing zero byte', wire.ack(1, 0, b'\x01\x00')),
        ('bitmap of 129 bytes', wire.ack(1, 0, b'\x01' * 129)),
        ('bitmap size and n differ', wire.encode_payload(wire.ACK, bytes(16) + b'\x02\x01')),
        ('time event 2', wire.encode_payload(wire.TIME, b'\x02' + bytes(16))),
        ('letter ack of 15 bytes', wire.encode_payload(wire.LETTER_ACK, bytes(15))),
    ]]
    return {
        'plaintexts': [{'note': n, 'payloads': [named(p) for p in ps], 'plaintext': wire.pad(b)}
                       for n, ps, b in accepted],
        'plaintexts_refused': [{'note': n, 'plaintext': b} for n, b in raw],
    }


def contents() -> list[dict]:
    return [
        {'type': 'text', 'text': 'grüezi', 'bytes': wire.encode_text('grüezi')},
        {'type': 'text', 'text': '', 'bytes': wire.encode_text('')},
        {'type': 'file', 'name': 'Käse.txt', 'media_type': 'text/plain', 'data': b'abc',
         'bytes': wire.encode_file('Käse.txt', 'text/plain', b'abc')},
        {'type': 'file', 'name': '', 'media_type': '', 'data': b'',
         'bytes': wire.encode_file('', '', b'')},
        {'type': 'notice', 'epoch': 2**64 - 1, 'sequence': 5, 'reason': 1,
         'bytes': wire.encode_notice(2**64 - 1, 5, 1)},
    ]


def contents_refused() -> list[dict]:
    notice, text = wire.encode_notice(1, 2, 1), wire.str8('name')
    return [{'note': n, 'bytes': b} for n, b in (
        ('nothing', b''), ('type 0', b'\x00'), ('type 5', b'\x05abc'),
        ('text that is not UTF-8', b'\x01\xc3\x28'), ('file without media type', b'\x02' + text),
        ('file name that is not UTF-8', b'\x02\x02\xc3\x28' + text),
        ('file name longer than all', b'\x02\x09' + text), ('notice too short', notice[:-1]),
        ('notice too long', notice + b'\x00'))]


def payloads() -> dict:
    return {'comment': '§4.1, §8, §8.1. u64 are decimal strings. Payloads in the order of the '
                       'packet; `…_refused` is malformed as a whole, but of `contents_refused` '
                       'only the content: it is acknowledged and answered with a notice.',
            **introductions(), **plaintexts(), 'contents': contents(),
            'contents_refused': contents_refused()}


def packets() -> dict:
    body = {t: seed(f'body {t}') * 4 for t in wire.SIZES}
    body |= {t: body[t][:80] for t in (wire.XX3, wire.PSK3)}
    whole = {t: wire.header(t, 0x01020304, 2**64 - 2) + body[t] for t in wire.SIZES}
    transport = whole[wire.TRANSPORT]
    refused = [('empty', b''), ('type 0', b'\x00' + transport[1:]),
               ('type 12', b'\x0c' + transport[1:]), ('flags', b'\x0a\x01' + transport[2:]),
               ('reserved', b'\x0a\x00\x00\x01' + transport[4:]),
               ('header only', transport[:16]), ('transport of 47 bytes', transport[:47]),
               ('transport of 49 bytes', transport[:49]), ('half a header', transport[:6]),
               ('XX3 too short', whole[wire.XX3][:-1]), ('XX3 too long', whole[wire.XX3] + b'\0')]
    echo = derive.sha256(transport)[:8]
    return {
        'comment': '§4, §4.2: headers taken apart, before any cryptography; bodies are filler.',
        'packets': [{'type': p.type, 'index': p.index, 'counter': p.counter, 'header': p.header,
                     'body': p.body, 'packet': p.whole} for p in map(wire.decode_packet,
                                                                     whole.values())],
        'refused': [{'note': n, 'packet': p} for n, p in refused],
        'statuses': [{'code': c, 'about': transport, 'echo': echo,
                      'packet': wire.encode_status(c, echo)} for c in range(1, 5)],
        'statuses_refused': [{'note': n, 'packet': p} for n, p in (
            ('code 0', wire.encode_status(0, echo)), ('code 5', wire.encode_status(5, echo)),
            ('13 bytes', wire.encode_status(1, echo) + b'\0'),
            ('11 bytes', wire.encode_status(1, echo)[:-1]),
            ('reserved', b'\x0b\x01\x00\x01' + echo))],
    }


def bundle() -> dict:
    one, two = seed('packet one'), seed('packet two', 5)
    good = wire.encode_bundle([one, two])
    return {
        'comment': '§3. `refused`: nothing of it is processed. The limits: 4,096 packets of one '
                   'byte pass, 4,097 do not; 1,048,576 bytes pass, one more does not.',
        'bundles': [{'packets': p, 'bundle': wire.encode_bundle(p)} for p in
                    ([], [one], [one, two], [two, two], [b'\x00'])],
        'refused': [{'note': n, 'bundle': b} for n, b in (
            ('one byte', b'\x00'), ('a packet of 0 bytes', b'\x00\x00'),
            ('a packet of 0 bytes at the end', good + b'\x00\x00'),
            ('a byte too few', good[:-1]), ('a byte too many', good + b'\x00'),
            ('a length without packet', b'\xff\xff'))],
    }
