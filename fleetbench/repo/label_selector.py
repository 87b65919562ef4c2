"""Label selectors as text, as Kubernetes reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_TERM = re.compile(
    r"\s*(?:(?P<no>!)?\s*(?P<key>[\w./-]+)\s*(?:(?P<op>==?|!=)\s*(?P<value>[\w.-]*)|(?P<in>in|notin)\s*\((?P<values>[^)]*)\))?)\s*(?:,|$)"
)


class Term(NamedTuple):
    """One condition of a label selector."""

    key: str
    values: frozenset[str] | None
    """None = any."""
    wanted: bool
    """False: the label must not be there, or must have none of the values."""

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels meets it."""
        found = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return found is self.wanted


def selector(text: str) -> tuple[Term, ...] | None:
    """A label selector as Kubernetes reads it (apimachinery pkg/labels/selector.go Parse); None where it is none.

    >>> selector("!sharding.fluxcd.io/key, app=web")[1]
    Term(key='app', values=frozenset({'web'}), wanted=True)
    """
    terms, at = [], 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None or (match["no"] and (match["op"] or match["in"])):
            return None
        values = None
        if match["op"]:
            values = frozenset({match["value"]})
        elif match["in"]:
            values = frozenset(value.strip() for value in match["values"].split(","))
        terms.append(Term(match["key"], values, not (match["no"] or match["op"] == "!=" or match["in"] == "notin")))
        at = match.end()
    return tuple(terms)


def meets(text: str, labels: Mapping[str, str]) -> bool:
    """Whether labels, or annotations, meet a selector; nothing meets one that cannot be read.

    >>> meets("app in (a, b), !old", {"app": "b"}), meets("app ~ b", {"app": "b"})
    (True, False)
    """
    terms = selector(text)
    return terms is not None and all(term.holds(labels) for term in terms)
