"""Rules that somebody sent, to be tried: text from strangers, read with care.

Nobody is told of a trial, so receivers are passed over, and with them every file and environment
variable that they could name. What could make little text much work is refused.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from stream.errors import UsageError
from stream.rules import Rules
from stream.rules_file import checked

DEEPEST: Final = 12
_OF_RECEIVERS: Final = ("receivers", "escalation")

_BEGINS = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_ENDS = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


def rules_in(text: str, name: str) -> Rules:
    """The rules of the text, as in an alerts.yaml.

    Raises UsageError: one line with `name`, the line, the place and the fix.
    """
    try:
        _look_over(text, name)
        root, values = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"{name}:{line}: cannot be read as YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{name}: cannot be read as YAML: {reason}") from None
    rules = values.get("rules") if isinstance(values, dict) else None
    if not isinstance(rules, list) or not rules:
        raise UsageError(f"{name}: holds no rules; give the text of an alerts.yaml")
    given = {**values, "rules": [_told_to_nobody(rule) for rule in rules]}
    given.pop("receivers", None)
    return checked(given, root, name)


def _look_over(text: str, name: str) -> None:
    """Refuse what is deep or refers to itself, before it is made into anything."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        depth += isinstance(token, _BEGINS) - isinstance(token, _ENDS)
        line = token.start_mark.line + 1
        if depth > DEEPEST:
            raise UsageError(f"{name}:{line}: nested too deeply to be rules")
        if isinstance(token, yaml.AliasToken):
            raise UsageError(f"{name}:{line}: a YAML alias; write out what it stands for")


def _told_to_nobody(rule: Any) -> Any:
    if not isinstance(rule, dict):
        return rule
    return {key: value for key, value in rule.items() if key not in _OF_RECEIVERS}
