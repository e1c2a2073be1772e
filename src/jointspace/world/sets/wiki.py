"""`world/wiki`: small linked encyclopaedias of made-up lands, as three tables: pages, sections, links."""

from __future__ import annotations

import textwrap
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from jointspace.errors import ConfigError
from jointspace.world.base import Columns, WorldSet, check_range
from jointspace.world.encyclopaedia import SMALLEST, Land, land
from jointspace.world.encyclopaedia_text import ASK, Section, categories, sections
from jointspace.world.language.dice import dice
from jointspace.world.panel import INK, PALE, blank, font, form


@dataclass(frozen=True)
class WikiControls:
    """pages: pages of one encyclopaedia, at least 40. sections: most sections of a page beside its introduction, 0 to
    3. length: least and most sentences of a section; more facts than that are left out.
    """

    pages: int = 200
    sections: int = 3
    length: tuple[int, int] = (2, 6)

    def __post_init__(self) -> None:
        check_range("wiki", "pages", self.pages, SMALLEST, 100_000)
        check_range("wiki", "sections", self.sections, 0, 3)
        if len(self.length) != 2 or not 1 <= self.length[0] <= self.length[1] <= 40:
            raise ConfigError(f"world/wiki: length must be two rising numbers of 1 to 40, got {list(self.length)}")


class _Wiki(WorldSet):
    """All tables: encyclopaedia e has the pages e * pages .. (e + 1) * pages - 1."""

    name = "wiki"
    Controls = WikiControls
    BLOCK = 200

    def land(self, page: int) -> tuple[Land, int]:
        """The truth behind a page, and its number there."""
        number, at = divmod(int(page), self.controls.pages)
        return land(self.seed, number, self.controls.pages), at

    def sections(self, page: int) -> list[Section]:
        """The text of a page with the facts and links of every sentence."""
        return _sections(self.seed, int(page), self.controls)


@lru_cache(maxsize=4096)
def _sections(seed: int, page: int, controls: WikiControls) -> list[Section]:
    number, at = divmod(page, controls.pages)
    rolled = dice(seed, [page], "wiki page")[0]
    return sections(land(seed, number, controls.pages), at, rolled, controls.sections, controls.length)


class WikiSet(_Wiki):
    """The pages. Row i is page i; `pages` rows make an encyclopaedia, a pure function of (seed, its number, controls),
    and link to each other alone. `tables()` holds whole encyclopaedias: up to the end of the last that n reaches into.
    """

    FIELDS = {
        "page": "number of the page, int64",
        "title": "its title, no other page has it",
        "kind": "region, town, river, mountain, person, building or festival",
        "categories": "categories, the kind first",
        "text": "introduction and sections with their headings",
        "facts": "relation, value, target (page, -1 = none), section, start, end (characters of that section's text)",
        "questions": "question, answer, section, start, end of the sentence that holds it",
    }

    def tables(self) -> dict[str, WorldSet]:
        whole = self.controls.pages * -(-self.n // self.controls.pages)
        return {
            "pages": WikiSet(whole, self.seed, self.controls, self.fields),
            "sections": SectionSet(whole, self.seed, self.controls),
            "links": LinkSet(whole, self.seed, self.controls),
        }

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        pages = np.asarray(indices, dtype=np.int64)
        where = [self.land(page) for page in pages]
        return {
            "page": pages,
            "title": [known.titles[p] for known, p in where],
            "kind": [known.kinds[p] for known, p in where],
            "categories": [categories(known, p) for known, p in where],
            "text": [_text(self.sections(page)) for page in pages],
            "facts": [self._facts(page) for page in pages] if "facts" in fields else [],
            "questions": [self._questions(page) for page in pages] if "questions" in fields else [],
        }

    def _facts(self, page: int) -> list[dict[str, Any]]:
        first = int(page) // self.controls.pages * self.controls.pages
        return [
            {
                "relation": told.fact.relation,
                "value": told.fact.value,
                "target": first + told.fact.target if told.fact.target >= 0 else -1,
                "section": s,
                "start": told.start,
                "end": told.end,
            }
            for s, section in enumerate(self.sections(page))
            for told in section.sentences
            if told.fact is not None
        ]

    def _questions(self, page: int) -> list[dict[str, Any]]:
        known, p = self.land(page)
        return [
            {"question": ASK[fact["relation"]].format(t=known.titles[p]), "answer": fact["value"]}
            | {name: fact[name] for name in ("section", "start", "end")}
            for fact in self._facts(page)
            if fact["relation"] in ASK
        ]

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        return _sheet(row["title"], row["text"])

    def words(self, row: Mapping[str, Any]) -> str:
        return ", ".join([row["title"], *row.get("categories", [])[1:]])


def _sheet(title: str, text: str) -> np.ndarray:
    """A title and the beginning of a text, wide enough to be read when made small: (220, 600, 3) uint8."""
    sheet, pen = blank(600, 220)
    pen.text((16, 8), title, fill=INK, font=font(28))
    pen.line((16, 46, 584, 46), fill=PALE)
    lines = [line for part in text.split("\n") if part for line in textwrap.wrap(part, 66)]
    for j, line in enumerate(lines[:8]):
        pen.text((16, 54 + 20 * j), line, fill=INK, font=font(17))
    return np.asarray(sheet)


def _text(parts: Sequence[Section]) -> str:
    return "\n\n".join(f"{s.heading}\n{s.text}" if s.heading else s.text for s in parts)


class _Rows(_Wiki):
    """A table with several rows a page: n counts pages, the rows are those of these pages, in order."""

    def __init__(self, n: int = 200, seed: int = 0, controls: Any = None, fields: Sequence[str] | None = None):
        super().__init__(n, seed, controls, fields)
        self._made = [row for page in range(n) for row in self.rows_of(page)]
        self.n = len(self._made)

    @abstractmethod
    def rows_of(self, page: int) -> list[dict[str, Any]]:
        """The rows of one page."""

    def block(self, indices: np.ndarray, fields: Sequence[str]) -> Columns:
        rows = [self._made[i] for i in indices]
        return {name: [row[name] for row in rows] for name in self.FIELDS}

    def words(self, row: Mapping[str, Any]) -> str:
        return ", ".join(f"{name}: {value}" for name, value in row.items())


class SectionSet(_Rows):
    """The sections of the first n pages, in order."""

    FIELDS = {
        "page": "number of the page, int64",
        "section": "number in the page, 0 = introduction, int64",
        "level": "depth of the heading, 1 = introduction, int64",
        "heading": "heading, empty for the introduction",
        "text": "the section without its heading",
        "links": "titles of the linked pages, in order",
    }

    def rows_of(self, page: int) -> list[dict[str, Any]]:
        return [
            {
                "page": page,
                "section": number,
                "level": 2 if section.heading else 1,
                "heading": section.heading,
                "text": section.text,
                "links": [told.fact.value for told in section.sentences if told.fact is not None and told.link >= 0],
            }
            for number, section in enumerate(self.sections(page))
        ]

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        return _sheet(row["heading"] or "Introduction", row["text"])


class LinkSet(_Rows):
    """The links of the first n pages, in the order of the text."""

    FIELDS = {
        "source": "page that holds the link, int64",
        "target": "page that it leads to, int64",
        "section": "section of the source, int64",
        "start": "first character of the target's title in the section's text, int64",
        "end": "the character behind it, int64",
        "relation": "what the source says of the target",
    }

    def rows_of(self, page: int) -> list[dict[str, Any]]:
        first = page // self.controls.pages * self.controls.pages
        return [
            {
                "source": page,
                "target": first + told.fact.target,
                "section": number,
                "start": told.link,
                "end": told.link + len(told.fact.value),
                "relation": told.fact.relation,
            }
            for number, section in enumerate(self.sections(page))
            for told in section.sentences
            if told.fact is not None and told.link >= 0
        ]

    def portrait(self, row: Mapping[str, Any]) -> np.ndarray:
        titles = [self.land(row[end])[0].titles[self.land(row[end])[1]] for end in ("source", "target")]
        return form([("from", titles[0]), ("to", titles[1]), ("relation", row["relation"])], columns=1)
