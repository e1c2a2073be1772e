"""Prompts: templates, ensembles, the one rule of averaging, prompts of sources."""

import numpy as np
import pytest

from jointspace.data.prompts import TEMPLATES, class_vectors, ensemble, fill, instruct, prompt_of, templates
from jointspace.errors import ConfigError


def test_every_set_has_a_place_for_the_name():
    assert all("{}" in template for name in TEMPLATES for template in templates(name))
    assert templates(None) == ("{}",) and templates("a map of {}") == ("a map of {}",)
    with pytest.raises(ConfigError, match="no template set 'generel' .did you mean general"):
        templates("generel")
    with pytest.raises(ConfigError, match="'a photo' has no {}"):
        templates(["a photo"])


def test_ensemble_of_names():
    assert ensemble(["cat", ["dog", "hound"]], ["a {}", "{}!"]) == [
        ["a cat", "cat!"],
        ["a dog", "dog!", "a hound", "hound!"],
    ]
    assert fill("query: ", "a {b}") == "query: a {b}" and fill("a {} here", "x{}") == "a x{} here"
    assert instruct("Find it", "cat") == "Instruct: Find it\nQuery: cat"


def test_a_class_is_the_normalised_mean_of_normalised_prompts():
    vectors = np.array([[2.0, 0], [0, 5], [-3, 0], [1, 1]])
    got = class_vectors(vectors, [2, 1, 1])
    assert got == pytest.approx(np.array([[0.5**0.5] * 2, [-1, 0], [0.5**0.5] * 2]))
    assert class_vectors(3 * vectors, [2, 1, 1]) == pytest.approx(got)  # lengths do not count
    with pytest.raises(ValueError, match="4 vectors for 3 prompts"):
        class_vectors(vectors, [2, 1])


def test_prompt_of_a_source():
    assert prompt_of("q: ", "text") == "q: " and prompt_of(None, "text") is None
    roles = {"query": "q: ", "document": "d: ", "text_note": "n: "}
    fields = ("text", "text_query", "text_positive", "text_note")
    assert [prompt_of(roles, field) for field in fields] == ["q: ", "q: ", "d: ", "n: "]
    with pytest.raises(ConfigError, match="expected a string or"):
        prompt_of(3, "text")
