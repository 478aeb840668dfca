"""What was received already: packets (§8), messages (§8.2), letters (§9). Sets, slow and plain."""

from wire import WINDOW_SIZE

EPOCHS_MAX = 16


class Replay:
    """Of one session's receiving counter. Call `accept` only with what has authenticated."""

    def __init__(self, size: int = WINDOW_SIZE):
        self.size, self.largest, self.seen = size, -1, set()

    def accept(self, counter: int) -> bool:
        if counter in self.seen or counter <= self.largest - self.size:
            return False
        self.seen.add(counter)
        self.largest = max(self.largest, counter)
        self.seen = {seen for seen in self.seen if seen > self.largest - self.size}
        return True


class Received:
    """The sequences of one epoch: `next`, and the marks above it."""

    def __init__(self, following: int = 0, marks: tuple[int, ...] = ()):
        self.next, self.marks = following, set(marks)

    def raise_to(self, lowest: int) -> None:
        self.next = max(self.next, lowest)
        self._settle()

    def judge(self, sequence: int) -> str:
        if sequence < self.next or sequence in self.marks:
            return 'repeat'
        return 'fresh' if sequence <= self.next + WINDOW_SIZE else 'beyond'

    def mark(self, sequence: int) -> None:
        self.marks.add(sequence)
        self._settle()

    def _settle(self) -> None:
        self.marks = {mark for mark in self.marks if mark >= self.next}
        while self.next in self.marks:
            self.marks.remove(self.next)
            self.next += 1

    def bitmap(self) -> bytes:
        """§8.3: bit i of byte j is `next + 1 + 8j + i`; no trailing zero bytes."""
        bits = sum(1 << (mark - self.next - 1) for mark in self.marks)
        return bits.to_bytes(WINDOW_SIZE // 8, 'little').rstrip(b'\x00')


class ReceivedLetters:
    """The sequences of one letter epoch: the largest and the 1,024 below it."""

    def __init__(self, seen: tuple[int, ...] = ()):
        self.seen = set(seen)

    def is_fresh(self, sequence: int) -> bool:
        return sequence not in self.seen and sequence >= max(self.seen, default=0) - WINDOW_SIZE

    def mark(self, sequence: int) -> None:
        self.seen.add(sequence)
        self.seen = {seen for seen in self.seen if seen >= max(self.seen) - WINDOW_SIZE}


def covered(following: int, bitmap: bytes, sequence: int) -> bool:
    """Whether an ACK says that `sequence` is received."""
    if sequence < following:
        return True
    bit = sequence - following - 1
    return 0 <= bit < 8 * len(bitmap) and bool(bitmap[bit // 8] >> bit % 8 & 1)


def remember(epochs: dict, epoch: int, new):
    """The state of an epoch, the last 16 of them; the oldest goes."""
    if epoch not in epochs:
        epochs[epoch] = new()
        while len(epochs) > EPOCHS_MAX:
            del epochs[next(iter(epochs))]
    return epochs[epoch]
