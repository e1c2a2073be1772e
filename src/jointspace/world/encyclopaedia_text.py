"""Pages of the encyclopaedia in words: sections of sentences, each sentence one fact or none, links at their place."""

from __future__ import annotations

from dataclasses import dataclass

from jointspace.world.encyclopaedia import WORKS, Fact, Land
from jointspace.world.language.dice import Dice
from jointspace.world.language.words import with_article

SECTIONS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {  # kind -> heading, relations told below it
    "region": (
        ("", ("area", "capital")),
        ("Geography", ("border", "mountain")),
        ("Economy", ("product", "second product")),
        ("Towns", ("town",)),
    ),
    "town": (
        ("", ("region", "population", "capital of")),
        ("Geography", ("on river", "near mountain")),
        ("History", ("founded", "native")),
        ("Culture", ("craft", "festival", "building")),
    ),
    "river": (
        ("", ("length",)),
        ("Course", ("source", "passes")),
        ("In the arts", ("painter's subject", "composer's subject", "botanist's subject", "poet's subject")),
    ),
    "mountain": (
        ("", ("lies in", "height")),
        ("Ascents", ("climber", "climbed in")),
        ("Waters", ("spring of",)),
        ("In the arts", ("painter's subject", "composer's subject", "botanist's subject", "poet's subject")),
    ),
    "person": (
        ("", ("profession", "born in", "born")),
        ("Life", ("teacher", "home")),
        ("Work", ("built", "climbed", "work")),
        ("Legacy", ("pupil", "honoured by")),
    ),
    "building": (("", ("stands in", "height")), ("History", ("architect", "completed")), ("Use", ("use",))),
    "festival": (("", ("held in", "month")), ("Origin", ("honours", "since")), ("Customs", ("dish",))),
}
TELL = {  # relation -> sentences; {t} the page, {v} the value
    "area": ("{t} covers {v}.", "the area of {t} is {v}.", "{t} extends over {v}."),
    "capital": ("its capital is {v}.", "{t} is governed from {v}.", "the capital of {t} is {v}."),
    "border": ("{t} has a border with {v}.", "{v} is a neighbour of {t}."),
    "mountain": ("{v} rises in {t}.", "one of the mountains of {t} is {v}."),
    "product": ("{t} lives mainly on {v}.", "the chief product of {t} is {v}."),
    "second product": ("{v} is also exported.", "next in importance is {v}."),
    "town": ("{v} is a town of {t}.", "among the towns of {t} is {v}."),
    "region": ("{t} is a town in {v}.", "{t} is situated in {v}.", "{t} belongs to {v}."),
    "population": ("{t} has {v} inhabitants.", "the population of {t} is {v}."),
    "capital of": ("{t} is the capital of {v}.", "{v} is governed from {t}."),
    "on river": ("{t} lies on {v}.", "{v} flows through {t}."),
    "near mountain": ("{v} can be seen from {t}.", "not far from {t} stands {v}."),
    "founded": ("{t} was founded in {v}.", "the foundation of {t} dates from {v}."),
    "native": ("{v} was born in {t}.", "{t} is the birthplace of {v}."),
    "craft": ("{t} is known for its {v}.", "the craftsmen of {t} make {v}."),
    "festival": ("every year {t} celebrates the {v}.", "the {v} takes place in {t}."),
    "building": ("a landmark of {t} is the {v}.", "the {v} stands in {t}."),
    "length": ("{t} is {v} long.", "the length of {t} is {v}.", "{t} is a river of {v}."),
    "source": ("{t} rises on {v}.", "the source of {t} is on {v}."),
    "passes": ("{t} passes {v}.", "{v} lies on {t}."),
    "lies in": ("{t} is a mountain of {v}.", "{t} rises in {v}."),
    "height": ("{t} is {v} high.", "the height of {t} is {v}.", "{t} reaches {v}."),
    "climber": ("{v} was the first to climb {t}.", "the first ascent of {t} was made by {v}."),
    "climbed in": ("the first ascent took place in {v}.", "{t} was first climbed in {v}."),
    "spring of": ("{v} rises on {t}.", "the waters of {t} feed {v}."),
    "profession": ("{t} was {v}.", "{t} became known as {v}."),
    "born in": ("{t} was born in {v}.", "the birthplace of {t} is {v}."),
    "born": ("{t} was born in the year {v}.", "{v} is the year of birth of {t}."),
    "teacher": ("{t} was taught by {v}.", "{t} learnt from {v}.", "the teacher of {t} was {v}."),
    "home": ("later {t} lived in {v}.", "{t} settled in {v}.", "the house of {t} was in {v}."),
    "built": ("{t} built the {v}.", "the {v} was designed by {t}."),
    "climbed": ("{t} was the first on top of {v}.", "{t} made the first ascent of {v}."),
    "work": ("{t} left {v}.", "the best-known work of {t} is {v}."),
    "pupil": ("{v} was a pupil of {t}.", "{t} taught {v}."),
    "honoured by": ("the {v} is held in honour of {t}.", "{t} is honoured by the {v}."),
    "stands in": ("the {t} stands in {v}.", "the {t} is a building in {v}."),
    "architect": ("{v} was the architect.", "the plans were drawn by {v}."),
    "completed": ("the {t} was completed in {v}.", "the work came to an end in {v}."),
    "use": ("today the {t} serves as {v}.", "the {t} is now used as {v}."),
    "held in": ("the {t} is held in {v}.", "the {t} takes place in {v}."),
    "month": ("it is celebrated in {v}.", "the {t} begins in {v}."),
    "honours": ("the {t} honours {v}.", "it is held in memory of {v}."),
    "since": ("the {t} has been held since {v}.", "it was first celebrated in {v}."),
    "dish": ("{v} is eaten.", "the visitors are served {v}."),
    "painter's subject": ("{v} painted {t}.", "a painting by {v} shows {t}."),
    "composer's subject": ("{v} wrote a song about {t}.", "a song by {v} is about {t}."),
    "botanist's subject": ("{v} wrote a study of {t}.", "the plants of {t} were studied by {v}."),
    "poet's subject": ("{v} wrote a poem on {t}.", "{t} is the theme of a poem by {v}."),
}
ASK = {  # relations of which a page has one value at most
    "area": "How large is {t}?",
    "capital": "What is the capital of {t}?",
    "product": "What is the chief product of {t}?",
    "region": "In which region lies {t}?",
    "population": "How many people live in {t}?",
    "on river": "On which river lies {t}?",
    "founded": "When was {t} founded?",
    "craft": "What do the craftsmen of {t} make?",
    "length": "How long is {t}?",
    "source": "Where is the source of {t}?",
    "lies in": "In which region is {t}?",
    "height": "How high is {t}?",
    "climber": "Who was the first to climb {t}?",
    "climbed in": "When was {t} first climbed?",
    "profession": "What was the profession of {t}?",
    "born in": "Where was {t} born?",
    "born": "In which year was {t} born?",
    "teacher": "Who taught {t}?",
    "home": "Where did {t} settle?",
    "stands in": "In which town is the {t}?",
    "architect": "Who built the {t}?",
    "completed": "When was the {t} completed?",
    "use": "What is the {t} used as today?",
    "held in": "In which town is the {t} held?",
    "month": "In which month is the {t} celebrated?",
    "honours": "Whom does the {t} honour?",
    "since": "Since when has the {t} been held?",
    "dish": "What is eaten at the {t}?",
}
ASIDES = (  # sentences that say nothing in particular
    "visitors often speak well of it.", "many letters and diaries mention this.", "little else is recorded.",
    "older books tell it in other words.", "the local archive keeps several documents.", "opinions on this differ.",
    "a small exhibition is devoted to the subject.", "school books still repeat it.", "few records have survived.",
    "a plaque recalls this.", "scholars have written about it at length.", "this is remembered to the present day.",
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A sentence of a section: its characters there, the fact it tells (None = nothing in particular), and where in the
    section the title of the page it links to stands (-1 = no link)."""

    start: int
    end: int
    fact: Fact | None
    link: int = -1


@dataclass(frozen=True)
class Section:
    """heading is empty for the introduction; what is linked is `fact.target`, its title stands at `link`."""

    heading: str
    text: str
    sentences: tuple[Told, ...]


def sections(land: Land, p: int, dice: Dice, most: int, length: tuple[int, int]) -> list[Section]:
    """The introduction and up to `most` further sections of page p, `length` = least and most sentences of each."""
    found: list[Section] = []
    for heading, relations in SECTIONS[land.kinds[p]]:
        facts = [fact for relation in relations for fact in land.values(p, relation)]
        if facts and len(found) <= most:
            found.append(_section(land, p, heading, facts[: length[1]], dice, length))
    return found


def _section(land: Land, p: int, heading: str, facts: list[Fact], dice: Dice, length: tuple[int, int]) -> Section:
    want = max(len(facts), length[0] + dice.number(length[1] - length[0] + 1))
    order: list[Fact | None] = [*facts]
    for aside in [None] * (want - len(facts)):  # the first sentence always tells a fact
        order.insert(1 + dice.number(len(order)), aside)
    asides = iter(dice.shuffled(ASIDES))
    text, told = "", []
    for fact in order:
        start = len(text) + (1 if text else 0)
        said, link = (next(asides, ASIDES[0]), -1) if fact is None else _say(land, p, fact, dice)
        text += (" " if text else "") + said[0].upper() + said[1:]
        told.append(Told(start, len(text), fact, -1 if link < 0 else start + link))
    return Section(heading, text, tuple(told))


def _say(land: Land, p: int, fact: Fact, dice: Dice) -> tuple[str, int]:
    """A fact as a sentence, and where in it the linked title stands."""
    value = fact.value
    if fact.relation in ("use", "profession"):
        value = with_article(value)
    if fact.relation == "work":
        value = f"{WORKS[land.values(p, 'profession')[0].value]} {value}"
    before, _, after = dice.pick(TELL[fact.relation]).partition("{v}")
    title = land.titles[p]
    said = before.format(t=title) + value
    link = len(said) - len(fact.value) if fact.target >= 0 else -1
    return said + after.format(t=title), link


def categories(land: Land, p: int) -> list[str]:
    """`Towns`, `Towns of Bolaranland`; people also by profession."""
    names = {"person": "People", "town": "Towns", "river": "Rivers", "mountain": "Mountains", "building": "Buildings"}
    kind = names.get(land.kinds[p], f"{land.kinds[p].capitalize()}s")
    found = [kind] if land.kinds[p] == "region" else [kind, f"{kind} of {land.titles[land.regions[p]]}"]
    found += [f"{fact.value.capitalize()}s" for fact in land.values(p, "profession")]
    return found
