"""`undertone explain`: what it prints, and what it says to a wrong call."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from models import Passage
from models.explain import Explainer
from stream.cli.explain_screen import show
from tests.models.conftest import build
from tests.models.planted import words_weigh
from tests.stream.calling import Call

GREAT = Explainer(words_weigh({"great": 2.0, "slow": -1.0, "差": -3.0}))


@pytest.fixture
def call(undertone: Call) -> Call:
    return undertone


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build(tmp_path_factory.mktemp("model") / "tiny"))


def screen(passage: Passage, colour: bool = False, top: int = 5) -> str:
    terminal = Console(
        file=io.StringIO(),
        width=80,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        highlight=False,
    )
    show(GREAT.explain(passage), top, terminal)
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


def test_words_are_marked_without_colour() -> None:
    """Two signs for the strongest, one for the middling; the rest is only coloured."""
    shown = screen(Passage("great but slow"))
    assert shown.startswith("positive: negative 9.0 %, neutral 24.5 %, positive 66.5 %\n")
    assert "great⁺⁺ but slow⁻\n" in shown
    assert re.search(r"\+3\.00  great\n +-1\.50  slow\n", shown)


def test_colours_are_blue_for_and_orange_against() -> None:
    shown = screen(Passage("great but slow"), colour=True)
    assert "48;2;0;114;178mgreat" in shown
    assert "48;2;242;178;102mslow" in shown


def test_chinese_stays_in_one_piece() -> None:
    shown = screen(Passage("质量太差了，失望"))
    assert shown.startswith("negative")
    assert "质量太差⁺⁺了，失望" in shown


def test_what_could_move_the_cursor_is_spelt_out() -> None:
    shown = screen(
        Passage("great\x1b[2J [bold]slow[/] \u202eevil\ud800 👩\u200d💻\nend", "\x1b]0;x\x07")
    )
    assert "\x1b" not in shown and "\u202e" not in shown and "\ud800" not in shown
    assert "\\x1b" in shown and "[bold]slow" in shown and "👩\u200d💻" in shown
    shown.encode()


def test_the_number_of_words_listed_may_be_chosen() -> None:
    assert "slow\n" in screen(Passage("great but slow"), top=2)
    assert "-1.50" not in screen(Passage("great but slow"), top=1)


def test_json_has_the_words_with_their_places(call: Call, tiny: str) -> None:
    text = "Acme is great 差"
    code, out, _ = call("explain", text, "--target", "Acme", "--model", tiny, "--json")
    found = json.loads(out)
    assert code == 0
    assert set(found) == {
        *("text", "target", "label", "predicted", "probabilities", "margin", "method", "words"),
        *("seen", "margin_without_text", "residual", "steps", "notes"),
    }
    assert (
        found["label"]
        == found["predicted"]
        == max(found["probabilities"], key=lambda label: found["probabilities"][label])
    )
    assert [text[word["start"] : word["end"]] for word in found["words"]] == [
        *("Acme", "is", "great", "差")
    ]
    assert all(isinstance(word["attribution"], float) for word in found["words"])
    if found["method"] == "gradients":
        total = sum(word["attribution"] for word in found["words"])
        gap = found["margin"] - found["margin_without_text"] + found["residual"]
        assert total == pytest.approx(gap, abs=1e-2)
    assert found["seen"] == [0, len(text)] and found["notes"] == []


@pytest.mark.parametrize("text", ["", "😀😀😀", " \n", "a\0\ud800b", "差" * 20_000])
def test_any_text_is_answered(call: Call, tiny: str, text: str) -> None:
    for form in ((), ("--json",)):
        code, out, err = call("explain", text, "--model", tiny, "--method", "occlusion", *form)
        assert (code, err) == (0, "") and out


def test_a_page_is_written(call: Call, tiny: str, tmp_path: Path) -> None:
    file = tmp_path / "why.html"
    arguments = ["explain", "<b>great", "--model", tiny, "--label", "negative"]
    code, out, _ = call(*arguments, "--html", str(file))
    assert code == 0 and "great" in out
    page = file.read_text(encoding="utf-8")
    assert "Why negative?" in page and "<b>" not in page
    code, _, err = call(*arguments, "--html", str(file / "why.html"))
    assert code == 1 and "why.html/why.html: " in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--label", "angry"], "use one of negative, neutral, positive"),
        (["--method", "shap"], "choose auto, gradients, occlusion"),
        (["--model", "nowhere"], "nowhere: no such model directory"),
        (["--device", "tpu"], "choose auto, cpu or cuda"),
        (["--top", "-1"], "--top"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    call: Call, tiny: str, arguments: list[str], says: str
) -> None:
    model = [] if "--model" in arguments else ["--model", tiny]
    code, _, err = call("explain", "ok", *model, *arguments)
    assert code == 2 and says in re.sub(r"\s+", " ", err)


def test_the_audit_is_printed_and_written(call: Call, tiny: str, tmp_path: Path) -> None:
    out = tmp_path / "new" / "audit"
    code, printed, _ = call("audit", "--model", tiny, "--lang", "en", "--out", str(out))
    assert code == 0
    assert "| religion |" in printed and "| typos |" in printed and "| negation |" in printed
    assert (out / "audit.md").read_text(encoding="utf-8") == printed
    record = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    assert set(record) == {"model_hash", "seed", "bias", "robustness", "negation"}
    assert {c["language"] for c in record["bias"]} == {"en"}
    code, printed, _ = call("audit", "--model", tiny, "--lang", "en", "--json")
    assert json.loads(printed) == record


def test_the_audit_takes_rows_of_ones_own(call: Call, tiny: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"text": f"phone {n}", "label": "neutral", "lang": "pt"} for n in range(9)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    arguments = ["audit", "--model", tiny, "--lang", "pt", "--json", "--data", str(file)]
    code, printed, _ = call(*arguments, "--each", "4")
    found = json.loads(printed)
    assert code == 0 and found["bias"] == []
    assert [f["rows"] for f in found["robustness"] if f["change"] == "link added"] == [4, 4]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--lang", "xx"], "--lang xx: no texts; use en, zh"),
        (["--data", "none.jsonl"], "none.jsonl: cannot be read"),
    ],
)
def test_an_audit_of_nothing_says_what_is_wrong(
    call: Call, tiny: str, arguments: list[str], says: str
) -> None:
    code, _, err = call("audit", "--model", tiny, *arguments)
    assert code == 2 and says in err
