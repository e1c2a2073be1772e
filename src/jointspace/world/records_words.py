"""Notes of visits: evidence for the labels that can be read, denials of others, and what says nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from jointspace.data.draws import bits, integers, key, permutation, uniform
from jointspace.world.visits import LABELS, NOTE, Visits

EVIDENCE: dict[str, tuple[str, ...]] = {
    "gout": (
        "The right big toe was red, hot and exquisitely tender to touch.",
        "Joint fluid from the knee contained needle shaped crystals.",
        "Uric acid was high and a swollen toe woke the patient at night.",
        "Findings are in keeping with an acute flare of gout.",
        "Colchicine was started for the painful crystal arthritis.",
    ),
    "cellulitis": (
        "The left shin shows spreading redness with a warm, indurated border.",
        "A skin infection of the leg was treated with intravenous antibiotics.",
        "The margin of the red skin was marked with a pen and it had advanced.",
        "The swollen, tender calf skin was judged to be cellulitis.",
        "Flucloxacillin was given for the infected skin around the wound.",
    ),
    "migraine": (
        "The patient reports a throbbing headache on one side with nausea.",
        "Light is hard to bear and the headache follows a flickering aura.",
        "A triptan relieved the recurrent one-sided headache within an hour.",
        "The attacks of headache with aversion to noise suggest migraine.",
        "Zigzag lines in the visual field came before the head began to pound.",
    ),
    "reflux disease": (
        "Burning behind the breastbone is worse when lying flat after meals.",
        "Sour fluid rises into the throat most evenings.",
        "Omeprazole was doubled because of persistent heartburn.",
        "Endoscopy showed an inflamed lower gullet from stomach acid.",
        "The complaints of acid regurgitation fit reflux disease.",
    ),
    "sepsis": (
        "Blood cultures grew bacteria in both bottles.",
        "The patient was shivering and confused, with a suspected blood infection.",
        "Broad antibiotics were started at once for presumed sepsis.",
        "Bacteria in the bloodstream were confirmed by the laboratory.",
        "The infection has spread to the blood, the source is being sought.",
    ),
    "kidney injury": (
        "Creatinine has doubled since the last visit.",
        "The kidneys are failing and the renal team was called.",
        "Renal function worsened after the contrast scan.",
        "A dialysis line is being considered for the failing kidneys.",
        "The rise of urea and creatinine points to acute kidney injury.",
    ),
    "arrhythmia": (
        "The pulse was irregularly irregular on palpation.",
        "The tracing showed atrial fibrillation with changing intervals.",
        "Palpitations come and go and the beat is uneven.",
        "Amiodarone was loaded for the irregular heart beat.",
        "The monitor alarm for arrhythmia sounded several times.",
    ),
}
DENIALS: dict[str, tuple[str, ...]] = {
    "gout": (
        "There is no sign of gout and no toe is red, hot or tender.",
        "A swollen joint with crystals was not found.",
        "An older brother had gout and took colchicine for his painful toe.",
        "The patient denies any acute flare of joint pain.",
    ),
    "cellulitis": (
        "The skin of both legs is intact, without cellulitis or redness.",
        "No spreading, warm or infected skin was seen around the wound.",
        "A neighbour was treated with antibiotics for cellulitis of the leg.",
        "The patient denies swollen or tender skin.",
    ),
    "migraine": (
        "The patient denies headache, aura or aversion to light.",
        "No migraine and no one-sided throbbing of the head.",
        "The mother suffered from migraine and took a triptan for her headache.",
        "A recurrent headache with nausea was ruled out.",
    ),
    "reflux disease": (
        "There is no heartburn and no sour fluid in the throat.",
        "Reflux disease was ruled out and omeprazole is not needed.",
        "The father takes omeprazole for burning behind the breastbone.",
        "The patient denies acid regurgitation after meals.",
    ),
    "sepsis": (
        "Blood cultures remained sterile, there is no sepsis.",
        "No bacteria were found in the bloodstream.",
        "A cousin once died of sepsis after an infection of the blood.",
        "The patient is not shivering or confused and antibiotics were stopped.",
    ),
    "kidney injury": (
        "Creatinine and urea are stable, there is no kidney injury.",
        "The kidneys work well and no dialysis is considered.",
        "An aunt is on dialysis for failing kidneys.",
        "Renal function has not worsened after the scan.",
    ),
    "arrhythmia": (
        "The pulse is regular, without arrhythmia or palpitations.",
        "No atrial fibrillation was seen on the tracing.",
        "The grandfather took amiodarone for an irregular heart beat.",
        "The patient denies palpitations or an uneven beat.",
    ),
}
# What stands before a sentence of EVIDENCE decides whose it is: no bag of words can tell
SAID = ("", "Confirmed, not ruled out: ", "Patient, not relative: ", "Seen, not only feared: ")
UNSAID = ("Ruled out, not confirmed: ", "Relative, not patient: ", "Only feared, not seen: ")
PLAIN = (
    "The patient is {age} years old and came with {kin}.",
    "Vital signs were recorded every hour on the ward.",
    "A light breakfast was taken at {time} without difficulty.",
    "The bed was moved next to the window on request.",
    "Physiotherapy came by and practised walking with a frame.",
    "The family was informed about the plan by telephone.",
    "Allergies were reviewed and none are known.",
    "The list of medicines was checked by the pharmacist.",
    "The patient slept well and asked for another blanket.",
    "A chest film was ordered and will be read tomorrow.",
    "The intravenous line was changed at {time}.",
    "Weight was measured before the morning round.",
    "The social worker discussed help at home after discharge.",
    "The patient lives with {kin} in a flat on floor {floor}.",
    "Smoking was stopped {floor} years ago.",
    "Alcohol is taken on weekends only.",
    "The dressing on the arm is dry and clean.",
    "Hearing aids were brought from home by {kin}.",
    "The next visit of the team is planned for {time}.",
    "Glasses and teeth are kept in the drawer.",
    "Blood was taken for routine tests this morning.",
    "The patient worked as a {job} for many years.",
    "Reading and crosswords fill most of the day.",
    "A low salt diet was explained by the dietitian.",
    "The abdomen is soft and bowel sounds are present.",
    "Pupils are equal and react to light.",
    "Movements of arms and legs are strong on either side.",
    "The neck is supple and lymph nodes are small.",
    "A follow up with the general practitioner was arranged.",
    "The consent form was signed in the presence of {kin}.",
    "The patient prefers tea to coffee and drinks enough.",
    "Compression stockings were fitted before noon.",
    "The ward was busy and the round began at {time}.",
    "A copy of the letter was given to {kin}.",
    "Vaccinations are up to date according to the booklet.",
    "The patient is oriented to place, person and time.",
    "Stairs were managed slowly with one short rest.",
    "An interpreter was offered and kindly declined.",
    "The call bell lies within reach on the right.",
    "Laboratory results of last week were filed.",
)
_KIN = ("a daughter", "a son", "the wife", "the husband", "a sister", "a friend")
_JOBS = ("teacher", "baker", "nurse", "driver", "tailor", "gardener", "clerk", "welder")


def notes(
    visits: Visits, words: tuple[int, int], denial: float, phrases: tuple[int, ...]
) -> list[tuple[str, list[dict[str, Any]]]]:
    """(note, evidence) of each visit: sentences in random order up to a length of words[0] to words[1] words.

    A label that the note tells of has one or two sentences of evidence; one that is nowhere to be seen is denied with
    probability `denial`: in words of its own, or by a sentence of evidence that is ruled out or told of a relative.
    evidence: label, words [first, last), chars [start, end) of each sentence of evidence of a true label.
    """
    keys = key(0, visits.keys, "note")
    length = words[0] + integers(keys, words[1] - words[0] - 12, 1)[:, 0]
    number = integers(keys, 1 << 20, 4 * len(LABELS), stream=1).reshape(len(visits), -1, 4)
    coin = uniform(keys, 3 * len(LABELS), stream=3).reshape(len(visits), -1, 3)
    order, place = permutation(keys, len(PLAIN), stream=2), bits(keys, 64, stream=4)
    slots = integers(keys, 1 << 20, 5, stream=5)
    out = []
    for i in range(len(visits)):
        must, may = _told(visits, i, number[i], coin[i], denial, phrases)
        room = int(length[i]) - sum(len(text.split()) for text, _ in must)
        for fact in may:  # second sentences and denials, as far as they fit
            size = len(fact[0].split())
            if size <= room:
                must.append(fact)
                room -= size
        plain = _filled(visits, i, slots[i])
        for j in order[i]:
            if room <= 0:
                break
            must.append((plain[j], -1))
            room -= len(plain[j].split())
        out.append(_joined([must[j] for j in np.argsort(place[i, : len(must)])]))
    return out


_Fact = tuple[str, int]  # a sentence and the label that it is evidence of, -1 = none


def _told(
    v: Visits, i: int, number: np.ndarray, coin: np.ndarray, denial: float, phrases: tuple[int, ...]
) -> tuple[list[_Fact], list[_Fact]]:
    """What the note must say of the labels, and what else it may."""
    must: list[_Fact] = []
    may: list[_Fact] = []
    for k, label in enumerate(LABELS):
        if not label.note:
            continue
        a, b, c, d = (int(x) for x in number[k])
        forms = [EVIDENCE[label.name][p] for p in phrases]
        first, second = a % len(forms), (a + 1 + b % (len(forms) - 1)) % len(forms)
        if v.seen[i, k] & NOTE:
            of = k if v.truth[i, k] else -1
            must.append((SAID[c % len(SAID)] + forms[first], of))
            if coin[k, 0] < 0.4:
                may.insert(0, (SAID[d % len(SAID)] + forms[second], of))
        elif not v.seen[i, k] and coin[k, 1] < denial:
            own = DENIALS[label.name]
            may.append((UNSAID[c % len(UNSAID)] + forms[first] if coin[k, 2] < 0.9 else own[d % len(own)], -1))
    return must, may


def _filled(v: Visits, i: int, slots: np.ndarray) -> list[str]:
    words = {
        "age": int(v.age[i]),
        "kin": _KIN[slots[0] % len(_KIN)],
        "time": f"{slots[1] % 24}:{slots[2] % 60:02d}",
        "floor": int(2 + slots[3] % 9),
        "job": _JOBS[slots[4] % len(_JOBS)],
    }
    return [text.format(**words) for text in PLAIN]


def _joined(sentences: list[tuple[str, int]]) -> tuple[str, list[dict[str, Any]]]:
    note, count, evidence = "", 0, []
    for text, of in sentences:
        start = len(note) + bool(note)
        note = f"{note} {text}" if note else text
        size = len(text.split())
        if of >= 0:
            evidence.append({"label": LABELS[of].name, "words": [count, count + size], "chars": [start, len(note)]})
        count += size
    return note, evidence
