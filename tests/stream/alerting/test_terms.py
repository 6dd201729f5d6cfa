"""Leading terms: said more than usual, in any script, compared within a language."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.alerting.terms import LEAST_Z, Saying, leading_terms

USUAL = [f"the phone number {i} is fine and so is its screen" for i in range(60)]


def said(*texts: str, lang: str = "en") -> list[Saying]:
    return [Saying(text, lang) for text in texts]


def terms(now: list[Saying], usual: list[Saying]) -> list[str]:
    return [term.term for term in leading_terms(now, usual)]


def test_what_is_new_leads_and_what_is_everywhere_does_not() -> None:
    now = [
        f"the phone is overheating, überhitzt, see https://x.example/fire @fire {i}" for i in "ab"
    ]
    found = leading_terms(said(*now * 4, "cleaning cleaning"), said(*USUAL))
    assert {term.term for term in found} == {"overheating", "überhitzt", "see"}
    assert {(term.texts, term.usual_texts) for term in found} == {(8, 0)}
    assert all(term.z >= LEAST_Z for term in found)


@pytest.mark.parametrize(
    ("lang", "usual", "now", "term"),
    [
        ("zh", "屏幕很好看，价格也不错{}", "这个电池过热了真的很危险{}", "电池过热"),
        ("ja", "画面がきれいで気に入っている{}", "バッテリーが発火しました{}", "バッテリーが発火"),
        ("th", "หน้าจอสวยมาก{}", "แบตเตอรี่ระเบิด{}", "แบตเตอรี่ระเบิด"),
        ("ko", "화면이 예뻐요 {}", "배터리가 폭발했어요 {}", "배터리"),
    ],
)
def test_a_script_without_spaces_gives_whole_terms(
    lang: str, usual: str, now: str, term: str
) -> None:
    """Runs of 2 to 4 characters are grown to the longest that their texts share."""
    fill = "abcdefghij"
    found = terms(
        said(*(now.format(letter) for letter in fill), lang=lang),
        said(*(usual.format(letter) for letter in fill * 4), lang=lang),
    )
    assert any(term in one for one in found)
    assert not any(one != other and one in other for one in found for other in found)


def test_a_term_is_no_longer_than_what_its_texts_share() -> None:
    ends = "了吗呢吧啊呀哦嘛"
    now = [f"{a}电池过热{b}" for a, b in zip("我你他她它咱谁某", ends, strict=True)]
    assert terms(said(*now, lang="zh"), said(*["屏幕很好看"] * 40, lang="zh")) == ["电池过热"]


def test_another_language_than_usual_brings_no_everyday_words() -> None:
    """Chinese is compared with Chinese, however little of it there was."""
    chinese = [f"我觉得这个手机还可以{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    things = ("手机", "电脑", "耳机", "音箱", "相机", "手表", "平板", "键盘", "鼠标", "屏幕")
    now = [f"我觉得这个{thing}漏电" for thing in things]
    found = terms(said(*now, lang="zh"), [*said(*USUAL * 4), *said(*chinese, lang="zh")])
    assert found == ["漏电"]


def test_without_a_past_nothing_is_known_to_be_new() -> None:
    assert leading_terms(said("it burns") * 9, []) == []
    assert leading_terms([], said(*USUAL)) == []


def test_the_same_talk_as_ever_has_no_leading_terms() -> None:
    """Halves of one crowd: few lists have a term at all."""
    draw = random.Random(1)
    words = [f"word{'abcdefghijklmnopqrstuvwxyz'[i % 26]}{'xyz' * (i // 26)}" for i in range(70)]
    lists = 0
    for _ in range(20):
        texts = [" ".join(draw.sample(words, 8)) for _ in range(200)]
        lists += bool(terms(said(*texts[:40]), said(*texts[40:])))
    assert lists <= 4


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.text(alphabet="ab电池过热了 热", max_size=12), max_size=12),
    st.lists(st.text(alphabet="ab电池过热了 热", max_size=12), max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_order_of_texts_makes_no_difference(
    now: list[str], usual: list[str], mix: random.Random
) -> None:
    """… and every term stands in so many texts as is told, surest first."""
    found = leading_terms(said(*now), said(*usual))
    mixed = mix.sample(now, len(now))
    assert leading_terms(said(*mixed), said(*reversed(usual))) == found
    assert [term.z for term in found] == sorted((term.z for term in found), reverse=True)
    assert all(term.texts == sum(term.term in text for text in now) for term in found)
