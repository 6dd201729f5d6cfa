"""An explanation as one HTML file: no script, nothing fetched, everything from the post escaped.

Colours are blue for the label and orange against it, which colour-blind readers tell apart; a solid
or dotted line below says the same without colour. Readable on light and on dark.
"""

import html
import re

from models.explain import Explanation, Word

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

_STYLE = """
:root { color-scheme: light dark; --for: 0 114 178; --against: 213 94 0; }
@media (prefers-color-scheme: dark) { :root { --for: 60 160 230; --against: 230 130 40; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
p.text { font-size: 1.25rem; line-height: 2; white-space: pre-wrap; overflow-wrap: anywhere; }
p.text { border-inline-start: 3px solid; padding-inline-start: 1rem; unicode-bidi: isolate; }
.f1, .f2, .f3 { border-bottom: 3px solid rgb(var(--for)); }
.a1, .a2, .a3 { border-bottom: 3px dotted rgb(var(--against)); }
.f1 { background: rgb(var(--for) / 0.12); } .a1 { background: rgb(var(--against) / 0.12); }
.f2 { background: rgb(var(--for) / 0.25); } .a2 { background: rgb(var(--against) / 0.25); }
.f3 { background: rgb(var(--for) / 0.4); font-weight: 600; }
.a3 { background: rgb(var(--against) / 0.4); font-weight: 600; }
table { border-collapse: collapse; } td, th { padding: 0.2rem 1rem 0.2rem 0; text-align: start; }
td.number { text-align: end; font-variant-numeric: tabular-nums; }
bdi { overflow-wrap: anywhere; } footer, .note { opacity: 0.75; font-size: 0.9rem; }
"""


def page(explanation: Explanation, top: int) -> str:
    """The whole document; it lists the `top` words that count most."""
    e = explanation
    about = f" about <bdi>{_safe(e.target)}</bdi>" if e.target else ""
    chances = ", ".join(f"{name} {100 * p:.1f} %" for name, p in e.probabilities.items())
    rows = "".join(
        f'<tr><td><bdi class="{_class(e, word)}">{_safe(word.text)}</bdi></td>'
        f'<td class="number">{word.attribution:+.2f}</td></tr>'
        for word in e.top(top)
    )
    notes = "".join(f'<p class="note">{_safe(note)}</p>' for note in e.notes)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Why {e.label}?</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Why {e.label}?</h1>
<p>The model says <strong>{e.predicted}</strong>{about}: {chances}.</p>
<p class="text" dir="auto">{_text(e)}</p>
<p><span class="f2">Solid and blue</span> speaks for {e.label}, \
<span class="a2">dotted and orange</span> against it.</p>
{notes}<table>
<tr><th>Word</th><th>For or against {e.label}</th></tr>
{rows}
</table>
<footer><p>{_how(e)} Numbers are logits: what a word adds to {e.label} over the mean of the other \
labels.</p></footer>
</body>
</html>
"""


def _text(explanation: Explanation) -> str:
    """The part of the text the model saw, every word in its colour."""
    text, (place, end) = explanation.text, explanation.seen
    parts = ["… " if place > 0 else ""]
    for word in explanation.words:
        parts.append(_safe(text[place : word.start]))
        kind = _class(explanation, word)
        shown = _safe(word.text)
        parts.append(
            f'<span class="{kind}" title="{word.attribution:+.2f}">{shown}</span>'
            if kind
            else shown
        )
        place = word.end
    parts.append(_safe(text[place:end]))
    parts.append(" …" if end < len(text) else "")
    return "".join(parts)


def _class(explanation: Explanation, word: Word) -> str:
    strength = explanation.strength(word)
    return f"{'f' if strength > 0 else 'a'}{abs(strength)}" if strength else ""


def _how(explanation: Explanation) -> str:
    if explanation.residual is None:
        return "By occlusion: each word was left out in turn."
    return (
        f"By integrated gradients in {explanation.steps} steps; the words sum to the margin, "
        f"{explanation.margin:.2f}, less the {explanation.margin_without_text:.2f} of no text, "
        f"within {abs(explanation.residual):.3f}."
    )


def _safe(text: str) -> str:
    """Escaped for any place in the document; what HTML does not allow shows as a lozenge."""
    return html.escape(_UNPRINTABLE.sub("\ufffd", text))
