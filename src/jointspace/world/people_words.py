"""People -> words: phrases, free captions, full descriptions and pseudo-texts that fill prompts from attributes.

Captions and descriptions use other words and other sentences than the pseudo-texts, so that no template leaks.
"""

from __future__ import annotations

import re

import numpy as np

from jointspace.data.draws import bits, key, uniform
from jointspace.world.people_truth import SLOTS, VIEWS, Sightings

PHRASES = ("person", "hair", "hat", "top", "bottom", "shoes", "carried")  # what has a phrase, in this order
SAID = {
    "man": ("man", "guy", "gentleman"),
    "woman": ("woman", "lady"),
    "boy": ("boy", "young boy", "schoolboy"),
    "girl": ("girl", "young girl", "schoolgirl"),
    "t-shirt": ("t-shirt", "tee", "short-sleeved top"),
    "shirt": ("shirt", "long-sleeved shirt"),
    "jacket": ("jacket", "open jacket"),
    "coat": ("coat", "long coat"),
    "hoodie": ("hoodie", "hooded top"),
    "tank top": ("tank top", "sleeveless top"),
    "trousers": ("trousers", "pants", "slacks"),
    "shorts": ("shorts", "short pants"),
    "skirt": ("skirt", "knee-length skirt"),
    "long skirt": ("long skirt", "ankle-length skirt"),
    "trainers": ("trainers", "sneakers"),
    "shoes": ("shoes", "low shoes"),
    "cap": ("cap", "baseball cap"),
    "woolly hat": ("woolly hat", "bobble hat"),
    "sun hat": ("sun hat", "wide-brimmed hat"),
    "backpack": ("backpack", "rucksack"),
    "handbag": ("handbag", "purse"),
    "suitcase": ("suitcase", "trolley case"),
    "checked": ("checked", "plaid"),
    "striped": ("striped", "stripy"),
    "dotted": ("dotted", "spotted"),
    "grey": ("grey", "gray"),
}
_SEEN = {
    "front": ("seen from the front", "coming towards us", "facing us"),
    "back": ("seen from behind", "walking away", "with the back to us"),
    "left": ("seen from the side", "walking to the left", "passing by to the left"),
    "right": ("seen from the side", "walking to the right", "passing by to the right"),
}
_OPEN = ("this is", "the picture shows", "here comes", "we see", "there goes", "the camera caught")
_PSEUDO_START = (
    "A {person} with {hair}", "A photo of a {person} who has {hair}", "The {person} has {hair} and",
    "A {person}", "An image of a {person} with {hair}", "The {person} in this image has {hair} and",
    "A pedestrian, a {person} with {hair},", "One {person} having {hair}",
)  # fmt: skip
_PSEUDO_WEAR = (
    "is wearing {top}, {bottom} and {shoes}", "wears {top} with {bottom}, and {shoes}",
    "is dressed in {top} and {bottom}",
    "has {top} on, along with {bottom} and {shoes}", "is in {top} and {bottom}, with {shoes} on the feet",
    "wears {hat}, {top} and {bottom}", "is wearing {hat}, {top}, {bottom} and {shoes}",
)  # fmt: skip
_TIES = (  # what goes with a place that stays empty, the longest first
    r"(?: and| while)? (?:is carrying|holding|has|carrying) \{X\}", r", with \{X\} on the feet",
    r",? and \{X\}(?=[ .])", r", along with \{X\}", r", \{X\}(?=[ ,.])", r" \{X\},", r" \{X\}",
)  # fmt: skip
_PSEUDO_HOLD = ("and is carrying {carried}", "and has {carried}", "while holding {carried}", "")


def phrase(slot: str, named: dict[str, str], number: int = 0) -> str:
    """What is said of a slot: "a striped red t-shirt", "blue trousers", "short black hair"; "" for none.

    number chooses among synonyms, 0 = the plain words.
    """

    def say(word: str) -> str:
        options = SAID.get(word, (word,))
        return options[number % len(options)]

    value = named[slot]
    if value == "none":
        return ""
    if slot == "person":
        return say(value)
    if slot == "hair":
        colour = say(named["hair_colour"])
        return {"bald": "a bald head", "ponytail": f"{_a(colour)} ponytail"}.get(value, f"{value} {colour} hair")
    pattern = named["top_pattern"] if slot == "top" and named["top_pattern"] != "plain" else ""
    words = f"{say(pattern)} {say(named[f'{slot}_colour'])} {say(value)}".strip()
    return words if slot == "shoes" or value in ("trousers", "shorts") else _a(words)


def phrases(sightings: Sightings, number: int = 0) -> list[dict[str, str]]:
    """All phrases of each sighting's person by slot, without the empty ones."""
    made = []
    for i in range(len(sightings)):
        named = sightings.attributes(i)
        said = {slot: phrase(slot, named, number) for slot in PHRASES}
        made.append({slot: text for slot, text in said.items() if text})
    return made


def captions(s: Sightings, variant: int) -> tuple[list[str], list[list[str]]]:
    """Free sentences, one a sighting: synonyms, any order, one to three things left unsaid; and the slots said."""
    drawn = _drawn(s, "caption", variant)
    texts, said = [], []
    for i in range(len(s)):
        d, named = drawn[i], s.attributes(i)
        there = [slot for slot in PHRASES[1:] if named[slot] != "none"]
        rank = d[1 : 1 + len(there)] % 997
        order = [there[j] for j in np.argsort(rank, kind="stable")]
        kept = order[: max(2, len(order) - 1 - int(d[8] % 3))]
        texts.append(_free(named, kept, VIEWS[s.view[i]], d[9:]))
        said.append(["person", *kept])
    return texts, said


def _free(named: dict[str, str], kept: list[str], view: str, d: np.ndarray) -> str:
    who = _a(phrase("person", named, int(d[0])))
    said = [f"{_VERB[slot][int(d[2 + j]) % 2]} {phrase(slot, named, int(d[9 + j]))}" for j, slot in enumerate(kept)]
    seen = _SEEN[view][d[1] % 3]
    body = f"{', '.join(said[:-1])} and {said[-1]}"
    form = int(d[8] % 4)
    if form == 0:
        return f"{who} {body}, {seen}"
    if form == 1:
        return f"{seen}: {who} {body}"
    if form == 2:
        return f"{who}, {seen}, {body}"
    return f"{_OPEN[d[16] % len(_OPEN)]} {who} {body}"


_VERB = {
    "hair": ("with", "having"),
    "hat": ("under", "with"),
    "top": ("in", "wearing"),
    "bottom": ("in", "with"),
    "shoes": ("in", "with"),
    "carried": ("carrying", "with"),
}


def descriptions(s: Sightings) -> list[str]:
    """Four to six sentences that tell everything: build, hair and hat, clothes, shoes, what is carried, the pose."""
    drawn = _drawn(s, "description", 0)
    out = []
    for i in range(len(s)):
        d, named = drawn[i], s.attributes(i)
        say = {slot: phrase(slot, named, int(d[j])) for j, slot in enumerate(PHRASES)}
        he, his = {"man": ("He", "his"), "boy": ("He", "his")}.get(named["person"], ("She", "her"))
        text = [f"{_OPEN[d[8] % len(_OPEN)].capitalize()} {_a(say['person'])}, {_SEEN[VIEWS[s.view[i]]][d[9] % 3]}."]
        text.append(
            f"{he} has {say['hair']}" + (f" under {say['hat']}." if say["hat"] else f" and nothing on {his} head.")
        )
        forms = (
            f"{he} wears {{0}} over {{1}}.",
            f"{he} is dressed in {{0}} and {{1}}.",
            f"{his} clothes are {{0}} and {{1}}.",
        )
        told = forms[d[10] % 3].format(say["top"], say["bottom"])
        text.append(told[0].upper() + told[1:])
        text.append((f"On {his} feet are {{0}}.", f"{he} walks in {{0}}.")[d[11] % 2].format(say["shoes"]))
        text.append(f"{he} carries {say['carried']}." if say["carried"] else f"{his.capitalize()} hands are empty.")
        out.append(" ".join(text))
    return out


def pseudo_texts(s: Sightings) -> tuple[list[str], list[list[str]]]:
    """Prompts filled with attribute phrases, as a labelling machine makes them, and the slots that are wrong there."""
    drawn = _drawn(s, "pseudo", 0)
    u = uniform(key(s.seed, s.keys, "pseudo errors"), len(PHRASES))
    texts, errors = [], []
    for i in range(len(s)):
        d, named = drawn[i], s.attributes(i)
        wrong = [slot for j, slot in enumerate(PHRASES) if u[i, j] < s.controls.pseudo_errors]
        for j, slot in enumerate(wrong):
            _mistake(named, slot, int(d[8 + j]))
        said = {slot: phrase(slot, named) for slot in PHRASES}
        form = " ".join((_PSEUDO_START[d[0] % 8], _PSEUDO_WEAR[d[1] % 7], _PSEUDO_HOLD[d[2] % 4])).strip() + "."
        texts.append(fill(form, said))
        used = [slot for slot in wrong if f"{{{slot}}}" in form and said[slot]]
        errors.append(used)
    return texts, errors


def fill(form: str, said: dict[str, str]) -> str:
    """A template with its phrases; a place without a phrase goes with the words that tie it in."""
    for slot in (slot for slot in PHRASES if not said.get(slot)):
        for tie in _TIES:
            form = re.sub(tie.replace("X", slot), "", form, count=1)
    return form.format(**said)


def short_captions(s: Sightings) -> list[str]:
    """A few words, as in a general collection of pictures: "a person in a red shirt"."""
    return [f"a person in {phrase('top', {**s.attributes(i), 'top_pattern': 'plain'})}" for i in range(len(s))]


def _mistake(named: dict[str, str], slot: str, d: int) -> None:
    """Another colour where the slot has one, else another value."""
    what = f"{slot}_colour" if named.get(f"{slot}_colour", "none") != "none" else slot
    others = [v for v in SLOTS[what] if v not in (named[what], "none", "bald")]
    named[what] = others[d % len(others)]
    if what == slot and f"{slot}_colour" in named:
        named[f"{slot}_colour"] = SLOTS[f"{slot}_colour"][d % len(SLOTS[f"{slot}_colour"])]


def _drawn(s: Sightings, what: str, variant: int) -> np.ndarray:
    """(B, 32) random integers of this sighting and use."""
    return (bits(key(s.seed, s.keys, what, variant), 32) >> np.uint64(34)).astype(np.int64)


def _a(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
