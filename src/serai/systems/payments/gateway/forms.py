"""Bodies as Stripe's clients write them: form-encoded, with nesting in brackets (`metadata[order]=7`, `expand[]=x`).

Anything that is not well formed is refused here, so that nothing behind it meets half a structure.
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from serai.systems.payments.gateway.errors import InvalidRequest

PAIRS_MAX = 500
DEPTH_MAX = 5

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_STEP = re.compile(r"\[([^\[\]]*)\]")


def pairs(body: bytes) -> list[tuple[str, str]]:
    """The body's names and values in order, decoded, nesting not yet resolved."""
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=bool(body), errors="strict", max_num_fields=PAIRS_MAX
        )
    except ValueError as error:
        raise InvalidRequest(
            f"Invalid request body: it is not well-formed form data of at most {PAIRS_MAX} fields."
        ) from error


def nest(flat: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The pairs as a tree: dictionaries of strings, lists where the brackets are empty or count from 0."""
    root: dict[str, Any] = {}
    for name, value in flat:
        _place(root, _steps(name), value, name)
    return {name: _lists(value) for name, value in root.items()}


def _steps(name: str) -> list[str]:
    if "[" not in name and "]" not in name and name:
        return [name]
    match = _NAME.fullmatch(name)
    if match is None or match[2].count("[") >= DEPTH_MAX:
        raise InvalidRequest(f"Invalid parameter name: {name[:100]}", code="parameter_unknown", param=name[:100])
    return [match[1], *_STEP.findall(match[2])]


def _place(root: dict[str, Any], steps: list[str], value: str, name: str) -> None:
    node = root
    for step in steps[:-1]:
        child = node.setdefault(step or str(len(node)), {})
        if not isinstance(child, dict):
            raise InvalidRequest(f"Invalid parameter: {name} is given both as a value and as an object", param=name)
        node = child
    last = steps[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise InvalidRequest(f"Invalid parameter: {name} is given both as a value and as an object", param=name)
    node[last] = value


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    tree = {key: _lists(value) for key, value in node.items()}
    return list(tree.values()) if tree and all(key == str(i) for i, key in enumerate(tree)) else tree
