"""Runs noise.py against the published vectors of its four patterns, test/vectors/noise_*.json."""

import json
import pathlib

from noise import PATTERNS, CipherState, HandshakeState

VECTORS = pathlib.Path(__file__).resolve().parent.parent / 'vectors'


def unhex(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def side(vector: dict, initiator: bool) -> HandshakeState:
    prefix = 'init_' if initiator else 'resp_'
    field = {key: vector.get(prefix + key) for key in ('static', 'ephemeral', 'remote_static')}
    psk = vector.get(prefix + 'psks', [None])[0]
    return HandshakeState(vector['protocol_name'].split('_')[1], initiator,
                          unhex(vector[prefix + 'prologue']), unhex(field['static']),
                          unhex(field['ephemeral']), unhex(field['remote_static']), unhex(psk))


def check(vector: dict, pattern: str) -> None:
    initiator, responder = side(vector, True), side(vector, False)
    ciphers = None
    for i, message in enumerate(vector['messages']):
        payload, ciphertext = unhex(message['payload']), unhex(message['ciphertext'])
        forward = i % 2 == 0 or pattern == 'K'
        if initiator.messages:
            writer, reader = (initiator, responder) if forward else (responder, initiator)
            assert writer.write_message(payload) == ciphertext
            assert reader.read_message(ciphertext) == payload
        else:
            ciphers = ciphers or [CipherState(key) for key in initiator.keys]
            assert ciphers[0 if forward else 1].encrypt(b'', payload) == ciphertext
    assert initiator.h == responder.h == unhex(vector['handshake_hash'])
    assert initiator.keys == responder.keys


for name in PATTERNS:
    vectors = json.loads((VECTORS / f'noise_{name.lower()}.json').read_text())['vectors']
    assert vectors, name
    for one in vectors:
        check(one, name)
    print(f'{name}: {len(vectors)} vectors pass')
