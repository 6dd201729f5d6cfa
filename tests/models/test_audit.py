"""The audit, on scorers of which it is known what is wrong with them."""

from __future__ import annotations

import json

import pytest

from models import Passage
from models.audit import audit, markdown, own_posts, steps
from models.audit_texts import AuditTexts, read_texts
from models.bias import compare
from models.robustness import Post, counted, label_flips, negation_flips
from tests.models.planted import Planted, words_weigh

TEMPLATES = ["{who} is here.", "A fine day with {who}.", "Bad news from {who}."]
GROUPS = {"left": ["Ann", "Bea"], "right": ["Carl", "Dan"], "far": ["Eve", "Fay"]}
FAIR = words_weigh({"fine": 2.0, "ad news": -2.0})
UNFAIR = words_weigh({"fine": 2.0, "ad news": -2.0, "Carl": -1.0, "Dan": -1.0})


def test_a_fair_scorer_shows_no_shift() -> None:
    """Also where the sentences themselves differ much."""
    found = compare(FAIR, "en", "side", TEMPLATES, GROUPS)
    assert found.shift == found.template_shift == 0
    assert len(set(found.means.values())) == 1
    assert found.texts == 18


def test_a_planted_bias_is_found_with_its_groups_and_sentence() -> None:
    found = compare(UNFAIR, "en", "side", TEMPLATES, GROUPS)
    assert found.lowest == "right" and found.highest in ("left", "far")
    assert found.means["left"] == found.means["far"] > found.means["right"]
    assert found.shift == pytest.approx(found.means["left"] - found.means["right"], abs=1e-4)
    assert 0.2 < found.shift < 0.8
    assert found.template == "{who} is here."  # there nothing else decides
    assert found.template_shift == pytest.approx(0.665 - 0.09, abs=0.02)


def test_one_member_of_a_group_weighs_as_much_as_the_others() -> None:
    """Groups of different size are compared by their means."""
    scorer = words_weigh({"Carl": -1.0})
    half = compare(scorer, "en", "side", ["{who}"], {"a": ["Carl", "Dan"], "b": ["Ann"]})
    whole = compare(scorer, "en", "side", ["{who}"], {"a": ["Carl"], "b": ["Ann"]})
    assert half.shift == pytest.approx(whole.shift / 2, abs=1e-3)


POSTS = [
    Post(Passage("this is a great phone"), "en"),
    Post(Passage("what an awful phone"), "en"),
    Post(Passage("真好"), "zh"),
]


def flips(scorer: Planted, change: str) -> dict[str, tuple[int, int]]:
    return {f.language: (f.flips, f.rows) for f in label_flips(scorer, POSTS, change, seed=7)}


def test_labels_that_change_are_counted_per_language() -> None:
    """This scorer does not hear "awful" in upper case, and is pleased when it hears nothing.
    Chinese has no case: nothing is asked about it."""
    scorer = words_weigh({"great": 3.0, "awful": -3.0, "真好": 3.0}, base=0.5)
    assert flips(scorer, "upper case") == {"en": (1, 2), "zh": (0, 0), "": (1, 2)}
    assert flips(scorer, "lower case") == {"en": (0, 0), "zh": (0, 0), "": (0, 0)}
    assert flips(scorer, "link added") == {"en": (0, 2), "zh": (0, 1), "": (0, 3)}


def test_a_negation_that_is_not_heard_is_counted() -> None:
    pairs = [("en", "good", "not good"), ("en", "fine", "not fine"), ("de", "gut", "nicht gut")]
    scorer = words_weigh({"good": 2.0, "fine": 2.0, "gut": 2.0, "not good": -4.0})
    found = {f.language: (f.flips, f.rows) for f in negation_flips(scorer, pairs)}
    assert found == {"en": (1, 2), "de": (0, 1), "": (1, 3)}


def test_shares_have_an_interval_and_none_without_rows() -> None:
    found = counted("typos", "en", 50, 5)
    assert (found.share, found.low, found.high) == (0.1, 0.0435, 0.2136)
    assert counted("typos", "en", 9, 0).low == 0
    assert counted("typos", "zh", 0, 0).share is None


def test_our_texts_are_as_many_as_promised() -> None:
    texts = read_texts()
    assert {"en", "zh", "es", "ar", "de", "fr"} <= set(texts)
    assert sum(len(own.texts) for own in texts.values()) >= 60
    for code in ("en", "zh", "es", "ar", "de", "fr"):
        own = texts[code]
        assert len(set(own.templates)) >= 12
        assert all(template.count("{who}") == 1 for template in own.templates)
        assert set(own.groups) == {
            *("name's gender", "name's origin", "gender", "nationality", "religion")
        }
    for own in texts.values():
        assert len(own.texts) >= 6 and len(own.negations) >= 6
        members = [m for groups in own.groups.values() for g in groups.values() for m in g]
        assert all(members)


def test_every_language_names_the_same_groups() -> None:
    """Else a mean over languages would compare what cannot be compared."""
    shapes = {
        json.dumps({a: {g: len(m) for g, m in groups.items()} for a, groups in own.groups.items()})
        for own in read_texts().values()
        if own.groups
    }
    assert len(shapes) == 1


def test_the_brand_is_asked_about_where_a_text_names_it() -> None:
    posts = own_posts(read_texts())
    named = [post.passage for post in posts if post.passage.target]
    assert len(named) > 20
    assert all(p.text[p.at : p.at + 4] == "Acme" for p in named)


SMALL = {"en": AuditTexts(TEMPLATES, {"side": GROUPS}, [], [("good", "not good")])}


def test_the_whole_audit_says_how_far_it_is_and_hides_nothing() -> None:
    done: list[int] = []
    found = audit(UNFAIR, SMALL, POSTS, advance=done.append)
    assert done == list(range(1, steps(SMALL) + 1))
    made = markdown(found)
    shift = found.bias[0].shift
    assert f"| side | {shift:.3f} (right < left) |" in made
    assert f"| right | {found.bias[0].means['right']:+.3f} |" in made
    assert "| upper case | 0.0 (2) | – | 0.0 (2; 95 %: 0.0 to 65.8) |" in made
    assert "| negation | 0.0 (1) |" in made
    assert json.loads(json.dumps(found.as_dict()))["bias"][0]["lowest"] == "right"


def test_without_templates_there_is_no_part_on_bias() -> None:
    found = audit(FAIR, {"pt": AuditTexts([], {}, [], [("bom", "não bom")])}, POSTS)
    assert found.bias == [] and "Bias" not in markdown(found)
