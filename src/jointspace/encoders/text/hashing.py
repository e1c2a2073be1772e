"""Texts -> hashed character n-grams and words, vectorised over a whole batch, equal on every platform.

A text is brought to NFKC form (and lower case); spaces, punctuation and control characters part its words; a
boundary stands on both sides of each. An n-gram lies within one word and its boundaries, as in fastText (Bojanowski
et al., TACL 2017, arXiv 1607.04606). Its 64-bit hash is that of its code points, mixed one after the other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from jointspace.data.draws import key

_SALT = key(0x6E6772616D, "n-gram")
_WORD = key(0x6E6772616D, "word")
_BOUNDARY = np.uint64(0)
_UNKNOWN = 255
_parts = np.full(0x110000, _UNKNOWN, dtype=np.uint8)  # 1 = parts words, 0 = does not; filled as code points turn up


def normalise(text: str, lowercase: bool = True) -> str:
    """NFKC form, lower case."""
    text = unicodedata.normalize("NFKC", text)
    return text.lower() if lowercase else text


def ngram_ids(
    texts: Sequence[str], n_min: int, n_max: int, buckets: int, *, words: bool = True, longest: int = 1024
) -> list[np.ndarray]:
    """For each (normalised) text its ids of 0 .. buckets - 1, int32, in reading order, at most `longest`.

    words: also the hash of each word too long to be an n-gram itself, boundaries included.
    """
    if not texts:
        return []
    codes, owner = _code_points(texts)
    parts = _parts_words(codes)
    codes[parts] = _BOUNDARY
    before = np.concatenate([[0], np.cumsum(parts)])  # boundaries among the first i symbols
    hashes, starts, owners = [], [], []
    rolling = key(_SALT, codes)
    for n in range(1, n_max + 1):
        if n > 1:
            rolling = key(rolling[:-1], codes[n - 1 :])
        if n < n_min or len(rolling) == 0:
            continue
        first = np.arange(len(rolling))
        if n == 1:
            inside = ~parts
        elif n == 2:
            inside = ~(parts[:-1] & parts[1:])
        else:
            inside = before[first + n - 1] == before[first + 1]  # no boundary between its two ends
        first = first[inside]
        hashes.append(rolling[inside])
        starts.append(first)
        owners.append(owner[first + parts[first]])  # one that begins with a boundary belongs to the word after it
    if words:
        begin, length, value = _words(codes, parts)
        new = length + 2 > n_max
        hashes.append(value[new])
        starts.append(begin[new])
        owners.append(owner[begin[new]])
    order = np.argsort(np.concatenate(starts), kind="stable")
    ids = _bucket(np.concatenate(hashes)[order], buckets)
    counts = np.bincount(np.concatenate(owners), minlength=len(texts))
    return [part[:longest] for part in np.split(ids, np.cumsum(counts)[:-1])]


def _code_points(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """All texts in one array of code points, a line break before, between and after; whose each symbol is."""
    joined = "\n" + "\n".join(texts) + "\n"
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    lengths = np.fromiter((len(text) for text in texts), dtype=np.int64, count=len(texts))
    owner = np.repeat(np.arange(len(texts)), lengths + 1)
    return codes, np.concatenate([[0], owner])


def _parts_words(codes: np.ndarray) -> np.ndarray:
    """bool: which symbols are spaces, punctuation or control characters."""
    index = codes.astype(np.int64)
    found = _parts[index]
    if (found == _UNKNOWN).any():
        for code in np.unique(index[found == _UNKNOWN]).tolist():
            category = unicodedata.category(chr(code))
            # format characters (Cf) join letters in Indic and Arabic scripts
            _parts[code] = category[0] in "ZP" or category in ("Cc", "Cs")
        found = _parts[index]
    return found == 1


def _words(codes: np.ndarray, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, length and hash of every word: a sum over its symbols, each mixed with its place."""
    edge = np.diff(np.concatenate([[True], parts, [True]]).astype(np.int8))
    begin, end = np.flatnonzero(edge == -1), np.flatnonzero(edge == 1)
    if len(begin) == 0:
        return begin, begin, np.zeros(0, np.uint64)
    began = np.repeat(begin, np.diff(np.append(begin, len(codes))))  # of the word a symbol belongs to
    place = np.arange(begin[0], len(codes)) - began
    mixed = key(_WORD, codes[begin[0] :], place)
    mixed[parts[begin[0] :]] = 0
    value = key(_WORD, np.add.reduceat(mixed, begin - begin[0]))
    return begin, end - begin, value


def _bucket(hashes: np.ndarray, buckets: int) -> np.ndarray:
    """The upper 32 bits, spread over the buckets."""
    return (((hashes >> np.uint64(32)) * np.uint64(buckets)) >> np.uint64(32)).astype(np.int32)
