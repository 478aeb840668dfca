"""A line that babbles: makes a pseudo terminal, tells its name, and writes into it as fast as it
is read: python3 babble.py KIND SECONDS, KIND being noise, text or frames. Tells how much went."""
import os, pty, random, select, sys, time, tty, zlib


def cobs(data):
    out, run = bytearray(), bytearray()
    for byte in data:
        if byte == 0:
            out += bytes([len(run) + 1]) + run
            run = bytearray()
        else:
            run.append(byte)
            if len(run) == 254:
                out += b"\xff" + run
                run = bytearray()
    return bytes(out + bytes([len(run) + 1]) + run)


def hello():
    body = bytes([0x11, 0, 0, 0, 0]) + os.urandom(8) + bytes(8) + b"\x08\x00" + b"babbler"
    return b"\0" + cobs(body + zlib.crc32(body).to_bytes(4, "big")) + b"\0"


kind, seconds = sys.argv[1], float(sys.argv[2])
near, far = pty.openpty()
tty.setraw(far)
os.set_blocking(near, False)
print(os.ttyname(far), flush=True)
sys.stdin.readline()
began, written, pending = time.monotonic(), 0, b""
while time.monotonic() - began < seconds:
    if not pending:
        if kind == "noise":
            pending = os.urandom(4096)
        elif kind == "text":
            pending = b"rst:0x1 boot\x1b[2J " * 200 + b"\r\n"
        else:
            pending = b"".join(hello() for _ in range(50))
    select.select([near], [near], [], 0.1)
    try:
        written += (size := os.write(near, pending[:4096]))
        pending = pending[size:]
    except BlockingIOError:
        pass
    try:
        os.read(near, 65536)
    except BlockingIOError:
        pass
print(written, time.monotonic() - began, flush=True)
sys.stdin.readline()
