"""Made-up names by number: the same number has the same name everywhere, and no two numbers share one."""

from __future__ import annotations

from functools import cache

from jointspace.data.draws import key, permutation

_HEADS = "ba be bi bo da de di do fa fe fi fo ga gi go ka ke ki ko la le li lo ma me mi mo na ne ni no pa pe po ra re ri ro sa se si so ta te ti to va ve vi vo za zo".split()  # noqa: E501
_MIDDLES = "la le lo ma mi na ne ri ro ru sa so ta ti va vo".split()
_TAILS = "bar del den fan gor kan lin mar mer nor pel ran rid sen tal tor van ver vin zar".split()
FIRST_NAMES = (
    "Ada", "Ben", "Cora", "Dan", "Elsa", "Finn", "Gina", "Hugo", "Ines", "Jon", "Kira", "Leo", "Mira", "Nils", "Olga",
    "Paul", "Rosa", "Sven", "Tara", "Udo", "Vera", "Wim", "Xenia", "Yann", "Zoe", "Arno", "Britt", "Carl", "Dora",
    "Emil", "Frida", "Georg",
)  # fmt: skip
SIZE = len(_HEADS) * len(_MIDDLES) * len(_TAILS)


@cache
def _order(kind: str) -> tuple[int, ...]:
    return tuple(permutation(key(0, "names", kind), SIZE).tolist())


def made_up(number: int, kind: str = "") -> str:
    """A capitalised word, one of 16,960 in an order that belongs to `kind`; beyond them a numeral follows."""
    turn, at = divmod(number, SIZE)
    at = _order(kind)[at]
    at, tail = divmod(at, len(_TAILS))
    head, middle = divmod(at, len(_MIDDLES))
    return (_HEADS[head] + _MIDDLES[middle] + _TAILS[tail]).capitalize() + (f" {turn + 1}" if turn else "")


def person(number: int) -> str:
    """`Elsa Nolatal`: 540,000 different ones, then with numerals."""
    last, first = divmod(number, len(FIRST_NAMES))
    return f"{FIRST_NAMES[first]} {made_up(last, 'person')}"
