"""Whatever a line of JSON says, the answer is three finite probabilities that sum to 1."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models import Classifier
from models.lines import BadLines, parse_lines
from models.rows import passage_of

LINES = {
    "empty text": r'{"text": "", "target": "Acme"}',
    "20,000 characters": json.dumps({"text": "Acme broke. " * 1667, "target": "Acme"}),
    "20,000 characters without a space": json.dumps({"text": "质" * 20_000, "target": "量"}),
    "only emoji": json.dumps({"text": "😡😡👎🏽👨‍👩‍👧🇩🇪", "target": "Acme"}),
    "NUL": r'{"text": "Acme\u0000is\u0000fine", "target": "Ac\u0000me"}',
    "lone surrogates": r'{"text": "Acme \ud83d is \udc4e fine", "target": "\ud83d"}',
    "a language never seen": json.dumps({"text": "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᎣᏍᏓ", "target": "ᏣᎳᎩ"}),
    "no target": '{"text": "Acme is fine"}',
    "a target of null": '{"text": "Acme is fine", "target": null}',
    "an empty target": '{"text": "Acme is fine", "target": ""}',
    "a target that does not occur": '{"text": "Acme is fine", "target": "Zenith"}',
    "a target of 20,000 characters": json.dumps({"text": "Acme", "target": "Zenith " * 2857}),
    "right to left marks": r'{"text": "\u202e\u2066enif si emcA", "target": "Acme"}',
}


@pytest.fixture(params=["tiny", "shipped"])
def classifier(request: pytest.FixtureRequest) -> Classifier:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Classifier)
    return found


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_every_readable_line_gets_finite_probabilities(classifier: Classifier, line: str) -> None:
    (passage,) = parse_lines([(1, line.encode())], "line ", passage_of, BadLines(skip=False))
    found = classifier.score([passage])
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
