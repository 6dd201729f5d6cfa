"""An explanation in the terminal: the text, coloured by what each word says for or against a label.

Blue is for, orange against, stronger is more; the signs after a word say the same without colour.
"""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from models.explain import Explanation, Word
from stream.logs import escape

_STYLES = {
    3: "bold #ffffff on #0072b2",
    2: "#000000 on #7fbfe8",
    1: "#000000 on #d3e9f8",
    0: "",
    -1: "#000000 on #fbe5cc",
    -2: "#000000 on #f2b266",
    -3: "bold #ffffff on #b34a00",
}
"""Foreground and background are both set: readable on light and on dark terminals."""


def show(explanation: Explanation, top: int, console: Console) -> None:
    """Print label, probabilities, text and the `top` words that count most."""
    e = explanation
    chances = ", ".join(f"{name} {100 * p:.1f} %" for name, p in e.probabilities.items())
    about = f" about {_visible(e.target)}" if e.target else ""
    console.print(Text.assemble((e.predicted, "bold"), f"{about}: {chances}"))
    for note in e.notes:
        console.print(Text(f"note: {note}", "dim"))
    if not e.words:
        return
    console.print()
    console.print(_coloured(e))
    console.print()
    console.print(Text(f"For ⁺ and against ⁻ {e.label}, {_how(e)}:"))
    for word in e.top(top):
        value = f"{word.attribution:+7.2f}  "
        console.print(Text.assemble(value, (_visible(word.text), _style(e, word))))


def _coloured(explanation: Explanation) -> Text:
    text, (place, end) = explanation.text, explanation.seen
    shown = Text("… " if place > 0 else "")
    for word in explanation.words:
        shown.append(_blank(text[place : word.start]))
        shown.append(_visible(word.text), _style(explanation, word))
        strength = explanation.strength(word)
        shown.append(("⁺" if strength > 0 else "⁻") * max(0, abs(strength) - 1))
        place = word.end
    shown.append(_blank(text[place:end]) + (" …" if end < len(text) else ""))
    return shown


def _style(explanation: Explanation, word: Word) -> str:
    return _STYLES[explanation.strength(word)]


def _how(explanation: Explanation) -> str:
    if explanation.residual is None:
        return "each word left out in turn (occlusion)"
    return f"by integrated gradients (their sum is off by {abs(explanation.residual):.3f})"


def _visible(text: str) -> str:
    """What could move the cursor or turn the line round is spelt out; joiners of letters stay."""
    return "".join(char if char in "\u200c\u200d" else escape(char) for char in text)


def _blank(gap: str) -> str:
    return "".join(" " if char.isspace() else escape(char) for char in gap)
