"""Templates of sentences, at least eight for each kind of claim, and the words of predicates."""

from __future__ import annotations

PREDICATE_WORDS = {  # after "is" or behind a noun
    "left of": ("left of", "to the left of", "on the left of", "on the left side of"),
    "right of": ("right of", "to the right of", "on the right of", "on the right side of"),
    "above": ("above", "over", "higher up than", "further up than"),
    "below": ("below", "lower down than", "further down than"),
    "near": ("near", "close to", "not far from"),
    "larger than": ("larger than", "bigger than", "greater in size than"),
    "smaller than": ("smaller than", "less big than", "lesser in size than"),
    "same colour as": ("the same colour as", "of the same colour as", "coloured just like"),
    "same shape as": ("the same shape as", "of the same shape as", "shaped just like"),
    "inside": ("inside", "within", "enclosed by"),
    "around": ("around", "surrounding", "enclosing"),
    "on": ("on", "on top of", "resting on"),
    "under": ("under", "underneath", "supporting"),
    "touching": ("touching", "in contact with", "in touch with"),
    "holding": ("holding", "carrying", "keeping hold of"),
    "held by": ("held by", "carried by"),
    "in front of": ("in front of", "nearer than"),
    "behind": ("behind", "farther back than"),
}
PREFIXES = (
    "in this picture ",
    "one can see that ",
    "it is clear that ",
    "note that ",
    "as the picture shows, ",
    "here ",
    "clearly ",
)
_MORE_PLACES = ("stands", "lies", "is placed", "can be seen", "appears", "is drawn", "is found")
SPATIAL_PREDICATES = ("left of", "right of", "above", "below", "near", "inside", "on", "under", "in front of", "behind")

FORMS = {
    "exists": (
        "there is {a}.", "{a} is in the picture.", "the picture shows {a}.", "one can see {a}.", "{a} is visible.",
        "the picture contains {a}.", "somewhere in the picture there is {a}.", "among the things shown is {a}.",
        "you can see {a} here.",
    ),
    "absent": (
        "there is no {a}.", "no {a} is in the picture.", "the picture has no {a}.", "no {a} is visible.",
        "not a single {a} can be seen.", "the picture does not show a single {a}.", "one can see no {a}.",
        "you will find no {a} here.", "nowhere is there a single {a}.",
    ),
    "count": (
        "there {is} exactly {a}.", "exactly {a} {is} in the picture.", "the picture shows exactly {a}.",
        "one can count {a}.", "{a} can be counted.", "in all there {is} {a}.", "{a} in all {is} shown.",
        "looking closely, one counts exactly {a}.", "exactly {a} {is} visible.",
    ),
    "colour": (
        "{a} is {v}.", "the colour of {a} is {v}.", "{a} has the colour {v}.", "{a} is painted {v}.",
        "{a} is {v} in colour.", "{v} is the colour of {a}.", "{a} is coloured {v}.", "somebody painted {a} {v}.",
    ),
    "size": (
        "{a} is {v}.", "{a} is {v} in size.", "the size of {a} is {v}.", "in size, {a} is {v}.", "{a} looks {v}.",
        "{a} is drawn {v}.", "{a} is a {v} one.", "{a} appears {v}.",
    ),
    "texture": (
        "{a} is {v}.", "the surface of {a} is {v}.", "{a} has a {v} surface.", "{a} has a {v} texture.",
        "the pattern of {a} is {v}.", "the texture of {a} is {v}.", "{a} looks {v}.", "{a} is {v} all over.",
    ),
    "shape": (
        "{a} is {v}.", "{a} has the shape of {v}.", "the shape of {a} is that of {v}.", "{a} is shaped like {v}.",
        "{a} forms {v}.", "{a} is drawn as {v}.", "{a} is in fact {v}.", "in shape, {a} is {v}.",
    ),
    "part": (
        "{a} has {v}.", "{a} comes with {v}.", "{a} is fitted with {v}.", "{a} is equipped with {v}.",
        "on {a} one can see {v}.", "{a} is drawn with {v}.", "{a} features {v}.", "you can see {v} on {a}.",
    ),
    "place": (
        "{a} is in the {v}.", "{a} is found in the {v}.", "in the {v} one finds {a}.", "{a} occupies the {v}.",
        "{a} appears in the {v}.", "look in the {v} for {a}.", "{a} sits in the {v}.", "{a} stands in the {v}.",
    ),
    "material": (
        "{a} is made of {v}.", "{a} consists of {v}.", "{v} is what {a} is made of.", "the material of {a} is {v}.",
        "somebody made {a} of {v}.", "{a} is a thing of {v}.", "{a} looks as if made of {v}.", "{a} was made from {v}.",
    ),
    "mark": (
        "{a} is marked with {v}.", "{a} bears {v}.", "on {a} there is {v}.", "{v} is written on {a}.",
        "{a} has {v} on its front.", "{a} shows {v}.", "you can read {v} on {a}.", "{v} is seen on {a}.",
    ),
    "orientation": (
        "{a} is {v}.", "{a} stands {v}.", "{a} is drawn {v}.", "{a} has been put {v}.", "{a} can be seen {v}.",
        "{a} appears {v}.", "somebody put {a} {v}.", "you see {a} {v}.",
    ),
    "background": (
        "the background is {v}.", "behind the objects there is {v}.", "all this stands before {v}.",
        "the ground of the picture is {v}.", "as background one sees {v}.", "{v} forms the background.",
        "the scene is set against {v}.", "everything is placed on {v}.",
    ),
    "relation": ("{a} is {r} {b}.", *(prefix + "{a} is {r} {b}." for prefix in PREFIXES)),
    "spatial": (
        "{a} is {r} {b}.", *("{a} " + verb + " {r} {b}." for verb in _MORE_PLACES), "one finds {a} {r} {b}.",
        "if you look {r} {b}, you see {a}.",
    ),
}  # fmt: skip

QUESTIONS = {
    "exists": ("is there {a}", "can you see {a}", "does the picture show {a}", "is {a} in the picture"),
    "count": (
        "how many {a} are there",
        "how many {a} can you see",
        "what is the number of {a}",
        "what is the count of {a}",
    ),
    "more": ("are there more {a} than {b}", "do the {a} outnumber the {b}", "is the number of {a} above that of {b}"),
    "same number": ("are there as many {a} as {b}", "is the number of {a} the same as that of {b}"),
    "attribute": ("is {a} {v}", "is it true that {a} is {v}", "would you say that {a} is {v}"),
    "relation": ("is {a} {r} {b}", "does {a} stand {r} {b}", "is it true that {a} is {r} {b}"),
    "colour": ("what colour is {a}", "what is the colour of {a}", "which colour does {a} have"),
    "shape": ("what shape is {a}", "what is the shape of {a}", "which shape does {a} have"),
    "texture": ("what texture is {a}", "what is the pattern of {a}", "which surface does {a} have"),
    "size": ("what size is {a}", "how large is {a}", "what is the size of {a}"),
    "material": ("what is {a} made of", "what is the material of {a}", "which material is {a}"),
    "part": ("what is attached to {a}", "which part does {a} have", "what is fixed to {a}"),
    "mark": ("what is written on {a}", "which sign does {a} bear", "what sign is on {a}"),
    "orientation": ("which way is {a} turned", "how is {a} turned", "in what position is {a}"),
}
