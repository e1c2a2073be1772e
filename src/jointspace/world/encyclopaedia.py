"""A made-up land as facts: regions, towns, rivers, mountains, people, buildings and festivals that fit together."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from jointspace.world.language.dice import Dice, dice
from jointspace.world.language.names import made_up, person

KINDS = ("region", "town", "river", "mountain", "person", "building", "festival")
_CYCLE = (
    "town", "person", "river", "person", "town", "mountain", "building", "person", "town", "festival", "person",
    "building", "town", "river", "person", "mountain", "town", "person", "building",
)  # fmt: skip
SMALLEST = 40  # pages: fewer have not every kind in every region
PAGES_A_REGION = 40
_TITLES = {
    "region": "{0}land",
    "town": "{0}",
    "river": "River {0}",
    "mountain": "Mount {0}",
    "festival": "{0} Festival",
}
PROFESSIONS = ("architect", "climber", "painter", "composer", "botanist", "poet")
WORKS = {"painter": "a painting of", "composer": "a song about", "botanist": "a study of", "poet": "a poem on"}
PRODUCTS = ("wool", "copper", "salt", "timber", "honey", "silk", "barley", "marble", "cheese", "tin", "apples", "wine")
CRAFTS = ("pottery", "lace", "clocks", "glass", "knives", "paper", "organs", "carpets", "boats", "hats", "candles")
USES = ("museum", "library", "school", "theatre", "archive", "hospital", "market hall", "observatory")
BUILDINGS = ("Tower", "Hall", "Palace", "Library", "House", "Mill", "Gate")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
DISHES = ("plum cake", "bean stew", "smoked trout", "onion bread", "roast chestnuts", "barley soup", "apple fritters")


@dataclass(frozen=True)
class Fact:
    """`relation` of a page: a value as it stands in the text, and the page it names, -1 = none."""

    relation: str
    value: str
    target: int = -1


@dataclass(frozen=True)
class Land:
    """All that one encyclopaedia knows. Lists by page, 0 .. pages - 1; targets are numbers of the same land."""

    kinds: list[str]
    titles: list[str]
    regions: list[int]  # page of the region that each page belongs to
    facts: list[list[Fact]] = field(repr=False)

    def of_kind(self, kind: str, region: int = -1) -> list[int]:
        """Pages of a kind, of one region if it is named."""
        return [p for p, k in enumerate(self.kinds) if k == kind and region in (-1, self.regions[p])]

    def say(self, p: int, relation: str, value: str | int, target: int = -1) -> None:
        """Add a fact to page p."""
        self.facts[p].append(Fact(relation, str(value), target))

    def link(self, p: int, relation: str, target: int, back: str = "") -> None:
        """Add a fact that names another page, and its counterpart there."""
        self.say(p, relation, self.titles[target], target)
        if back:
            self.say(target, back, self.titles[p], p)

    def values(self, p: int, relation: str) -> list[Fact]:
        """The facts of page p under a relation."""
        return [fact for fact in self.facts[p] if fact.relation == relation]


@lru_cache(maxsize=8)
def land(seed: int, number: int, pages: int) -> Land:
    """Land `number` of `pages` pages (at least `SMALLEST`): a pure function of these and the seed."""
    d = dice(seed, [number], f"land {pages}")[0]
    count = max(1, pages // PAGES_A_REGION)
    kinds = ["region" if p < count else _CYCLE[(p - count) // count % len(_CYCLE)] for p in range(pages)]
    titles = [_title(kind, number * pages + p, d) for p, kind in enumerate(kinds)]
    made = Land(kinds, titles, [p if p < count else (p - count) % count for p in range(pages)], [[] for _ in kinds])
    for tell in (_regions, _mountains, _towns, _people, _buildings, _festivals, _works):
        tell(made, d)
    return made


def _title(kind: str, number: int, d: Dice) -> str:
    if kind == "person":
        return person(number * 7)  # sevens: first names vary from page to page
    return _TITLES.get(kind, "{0} " + d.pick(BUILDINGS)).format(made_up(number, "wiki"))


def _regions(land: Land, d: Dice) -> None:
    regions = land.of_kind("region")
    for p in regions:
        land.link(p, "capital", d.pick(land.of_kind("town", p)), "capital of")
        land.say(p, "area", f"{d.number(90) + 10},{d.number(10)}00 square kilometres")
        first, second = d.shuffled(PRODUCTS)[:2]
        land.say(p, "product", first)
        land.say(p, "second product", second)
    for a, b in zip(regions, regions[1:], strict=False):
        land.link(a, "border", b, "border")


def _mountains(land: Land, d: Dice) -> None:
    for p in land.of_kind("mountain"):
        land.link(p, "lies in", land.regions[p], "mountain")
        land.say(p, "height", f"{1000 + d.number(3000)} metres")
    for p in land.of_kind("river"):
        land.link(p, "source", d.pick(land.of_kind("mountain", land.regions[p])), "spring of")
        land.say(p, "length", f"{40 + d.number(700)} kilometres")


def _towns(land: Land, d: Dice) -> None:
    for p in land.of_kind("town"):
        region = land.regions[p]
        land.link(p, "region", region, "town")
        land.say(p, "population", f"{2 + d.number(90)},{d.number(1000):03d}")
        land.say(p, "founded", 900 + d.number(700))
        land.link(p, "on river", d.pick(land.of_kind("river", region)), "passes")
        land.link(p, "near mountain", d.pick(land.of_kind("mountain", region)))
        land.say(p, "craft", d.pick(CRAFTS))


def _people(land: Land, d: Dice) -> None:
    people = land.of_kind("person")
    born = {p: 1600 + d.number(350) for p in people}
    at = {region: 0 for region in land.of_kind("region")}
    for p in people:
        region = land.regions[p]  # the first two professions are found in every region: others need them
        land.say(p, "profession", PROFESSIONS[at[region] % len(PROFESSIONS)])
        at[region] += 1
        land.say(p, "born", born[p])
        land.link(p, "born in", d.pick(land.of_kind("town", region)), "native")
        older = [q for q in people if 20 <= born[p] - born[q] <= 60]
        if older:
            land.link(p, "teacher", d.pick(older), "pupil")
        land.link(p, "home", d.pick(land.of_kind("town")))


def _with_profession(land: Land, profession: str, region: int) -> list[int]:
    return [p for p in land.of_kind("person", region) if land.values(p, "profession")[0].value == profession]


def _buildings(land: Land, d: Dice) -> None:
    for p in land.of_kind("building"):
        architect = d.pick(_with_profession(land, "architect", land.regions[p]))
        land.link(p, "stands in", d.pick(land.of_kind("town", land.regions[p])), "building")
        land.link(p, "architect", architect, "built")
        land.say(p, "completed", int(land.values(architect, "born")[0].value) + 25 + d.number(35))
        land.say(p, "height", f"{12 + d.number(80)} metres")
        land.say(p, "use", d.pick(USES))
    for p in land.of_kind("mountain"):
        climber = d.pick(_with_profession(land, "climber", land.regions[p]))
        land.link(p, "climber", climber, "climbed")
        land.say(p, "climbed in", int(land.values(climber, "born")[0].value) + 20 + d.number(25))


def _festivals(land: Land, d: Dice) -> None:
    for p in land.of_kind("festival"):
        land.link(p, "held in", d.pick(land.of_kind("town", land.regions[p])), "festival")
        land.say(p, "month", d.pick(MONTHS))
        honoured = d.pick(land.of_kind("person", land.regions[p]))
        land.link(p, "honours", honoured, "honoured by")
        land.say(p, "since", int(land.values(honoured, "born")[0].value) + 90 + d.number(10))
        land.say(p, "dish", d.pick(DISHES))


def _works(land: Land, d: Dice) -> None:
    for p in land.of_kind("person"):
        profession = land.values(p, "profession")[0].value
        if profession in WORKS:
            subject = d.pick(land.of_kind("mountain") + land.of_kind("river"))
            land.link(p, "work", subject, f"{profession}'s subject")
