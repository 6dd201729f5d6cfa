"""Step 2: a brand is found wherever people name it, and nowhere else."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.catalogue import Brand, Catalogue, load_catalogue
from stream.errors import UsageError
from stream.folding import fold
from stream.match import Matcher, Mention

ACME = Brand(
    name="Acme",
    aliases=("Acme", "Acme Phone", "爱可美", "@acme", "아크미", "Café Acmé"),
    exclude=("acme climbing hall", "cartoon"),
    topics={"battery": ("batter*", "电池", "akku"), "delivery": ("delivery", "快递")},
)
BOLT = Brand(name="Bolt", aliases=("bolt", "ボルト"))
MATCHER = Matcher(Catalogue(brands=(ACME, BOLT)))


def names(text: str) -> list[str]:
    return [mention.brand for mention in MATCHER.match(text)]


@pytest.mark.parametrize(
    "text",
    [
        "I love Acme",
        "ACME!!!",
        "ＡＣＭＥ最高",  # full width
        "我的爱可美手机",  # no boundaries in Chinese
        "用acme的人",  # Latin beside Chinese
        "Acme's new phone",
        "#acme",
        "ask @Acme now",
        "아크미는 좋다",  # a Korean particle is written onto the name
        "a\u200bcme".replace("a\u200bcme", "ac\u200bme"),  # zero-width space inside
        "cafe\u0301 acme\u0301",  # decomposed accents
        "https://acme.example/x",
    ],
)
def test_a_name_is_found_in_every_dress(text: str) -> None:
    assert names(text) == ["Acme"]


@pytest.mark.parametrize(
    "text",
    [
        "acmeology",
        "placme",
        "acme_fan",
        "Acmé",  # another word: the accent belongs to it
        "the acme climbing hall",
        "Acme, the cartoon",  # an exclusion without the name silences the whole post
        "ボル",
        "",
        "\u0301",
    ],
)
def test_what_only_looks_like_a_name_is_not_found(text: str) -> None:
    assert names(text) == []


def test_an_exclusion_with_the_name_in_it_silences_only_itself() -> None:
    text = "Left the Acme climbing hall and bought an Acme."
    (mention,) = MATCHER.match(text)
    assert [text[start:end] for start, end in mention.spans] == ["Acme"]
    assert mention.spans[0][0] > 20


def test_a_brand_named_often_is_one_mention_with_all_its_places() -> None:
    text = "Acme Phone? acme! 爱可美"
    (mention,) = MATCHER.match(text)
    assert [text[start:end] for start, end in mention.spans] == ["Acme Phone", "acme", "爱可美"]


def test_brands_come_in_order_of_appearance() -> None:
    assert names("Bolt beats Acme") == ["Bolt", "Acme"]


def test_topics_are_those_of_the_brand_that_is_named() -> None:
    assert MATCHER.match("Acme batteries and 快递") == [
        Mention("Acme", ("battery", "delivery"), ((0, 4),))
    ]
    assert MATCHER.match("Bolt battery")[0].topics == ()
    assert MATCHER.match("acme, battlefield")[0].topics == ()


def test_a_handle_inside_an_address_is_no_mention_of_the_handle() -> None:
    assert names("@acme") == ["Acme"]
    matcher = Matcher(Catalogue(brands=(Brand(name="A", aliases=("@acme",)),)))
    assert matcher.match("me@acme.example") == []


def test_a_name_does_not_match_half_a_syllable() -> None:
    matcher = Matcher(Catalogue(brands=(Brand(name="가"),)))
    assert matcher.match("각") == []
    assert matcher.match("가")


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_name_between_spaces_is_found_at_its_place_whatever_stands_around(
    before: str, after: str
) -> None:
    text = f"{before} Bolt {after}"
    found = [mention for mention in MATCHER.match(text) if mention.brand == "Bolt"]
    assert (len(before) + 1, len(before) + 5) in found[0].spans


@given(
    st.text(st.sampled_from("aÅ\u0323\u0301\u0345\uff9e\u200bＡ電한ﬁß①"), max_size=8) | st.text()
)
def test_a_text_folds_as_its_characters_do(text: str) -> None:
    """However it is done: at once, where each character becomes one, or one by one."""
    parts = [fold(char).text for char in text]
    folded = fold(text)
    assert folded.text == "".join(parts)
    origin = [i for i, part in enumerate(parts) for _ in part]
    assert list(folded.origin) == [*origin, len(text)]


@given(st.text())
def test_folding_keeps_the_way_back(text: str) -> None:
    folded = fold(text)
    assert len(folded.origin) == len(folded.text) + 1
    assert list(folded.origin) == sorted(folded.origin)
    assert folded.origin[-1] == len(text)


@given(st.text())
def test_composed_and_decomposed_text_fold_alike(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    decomposed = unicodedata.normalize("NFD", text)
    same = unicodedata.normalize("NFKD", fold(composed).text)
    assert same == unicodedata.normalize("NFKD", fold(decomposed).text)


def test_a_hostile_text_costs_no_more_than_its_length() -> None:
    matcher = Matcher(Catalogue(brands=(Brand(name="a", aliases=("a", "aa", "aaa")),)))
    assert len(matcher.match("a" * 20_000)) == 0
    assert len(matcher.match("a " * 10_000)[0].spans) == 10_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("brands:\n  - name: [", "2: not YAML"),
        ("brands: []", "1: brands: the list is empty"),
        ("- a", "1: the file"),
        ("brands:\n  - name: A\n    colour: red", "3: brands.0.colour: no such field"),
        ("brands:\n  - aliases: [x]", "2: brands.0.name: Field required"),
        ("brands:\n  - name: A\n  - name: B\n    aliases: ['']", "4: brands.1.aliases.0"),
        ("brands:\n  - name: A\n  - name: a", "3: brands.1.name: 'a' stands in line 2"),
        ("brands:\n  - name: A\n    exclude: ['--']", "3: brands.0.exclude.0: '--' holds no"),
        ("brands:\n  - name: A\n    topics: {x: y}", "3: brands.0.topics.x"),
    ],
)
def test_a_bad_catalogue_is_refused_with_line_and_reason(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "brands.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_catalogue(file)
    assert f"brands.yaml:{says}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_catalogue_names_the_fix(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"config/brands\.yaml"):
        load_catalogue(tmp_path / "none.yaml")


def test_the_hash_follows_the_meaning_and_not_the_layout(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml"))
    first.write_text("brands: [{name: A}, {name: B}]", encoding="utf-8")
    second.write_text("# ours\nbrands:\n  - name: B\n  - name: A\n", encoding="utf-8")
    other.write_text("brands: [{name: A}, {name: B, aliases: [b]}]", encoding="utf-8")
    assert load_catalogue(first).hash == load_catalogue(second).hash
    assert load_catalogue(first).hash != load_catalogue(other).hash
