"""modiste's random numbers in numpy: Philox4x32-10, each number a function of its position.

Written from the published algorithm (Salmon, Moraes, Dror, Shaw, SC 2011) and from the addresses
that `crates/spec/src/random.rs` documents, so that both sides start from the same numbers.
"""
import numpy as np

INITIALISATION, DROPOUT, BOOTSTRAP = 1, 4, 6
LOW = np.uint64(0xFFFFFFFF)


def blocks(seed, purpose, item, time, count):
    """The first `count` blocks of four random words, (count, 4)."""
    counter = [
        np.arange(count, dtype=np.uint64),
        np.full(count, purpose << 24 | item, dtype=np.uint64),
        np.full(count, time & 0xFFFFFFFF, dtype=np.uint64),
        np.full(count, time >> 32, dtype=np.uint64),
    ]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = counter[0] * np.uint64(0xD2511F53), counter[2] * np.uint64(0xCD9E8D57)
        counter = [
            (b >> np.uint64(32)) ^ counter[1] ^ np.uint64(key[0]), b & LOW,
            (a >> np.uint64(32)) ^ counter[3] ^ np.uint64(key[1]), a & LOW,
        ]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(counter, axis=1)


def words(seed, purpose, item, time, count):
    """The first `count` numbers of 32 random bits."""
    return blocks(seed, purpose, item, time, -(-count // 4)).ravel()[:count]


def units(seed, purpose, item, time, count):
    """The first `count` numbers in [0, 1)."""
    return words(seed, purpose, item, time, count).astype(np.float64) / 2.0**32


def below(seed, purpose, item, time, count, bound):
    """The first `count` whole numbers under `bound`."""
    return (words(seed, purpose, item, time, count) * np.uint64(bound)) >> np.uint64(32)


def dropout_keeps(seed, node, step, count, rate):
    """Whether each of `count` elements is kept; a word decides two elements, the lower half first."""
    drawn = words(seed, DROPOUT, node, step, -(-count // 2))
    halves = np.stack([drawn & np.uint64(0xFFFF), drawn >> np.uint64(16)], axis=1)
    return halves.ravel()[:count] >= np.uint64(int(np.floor(rate * 65536 + 0.5)))
