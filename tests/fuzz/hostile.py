"""Values that programs trip over."""

from __future__ import annotations

import math

ESCAPES = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://127.0.0.1:9/\x1b\\link\x1b]8;;\x1b\\",
    "\x9b2J",
    "\x7f\x08\x08",
)
"""What a terminal would obey: colours, a window title, a link, "clear the screen", rubbing out."""
FORGERIES = (
    "a\nb",
    "a\r\nError: forged",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "\u2028line",
    "\ufeffbom",
    "a\tb",
    "\u200bhidden",
)
"""What would break a line or show text in another order."""
MARKUP = (
    "<script>alert(1)</script>", "]]>", "--><b>", '"><img src=x onerror=alert(1)>', "</style>", "{{7*7}}", "[bold]x[/bold]",
    "|a|b|", "`id`", "](javascript:alert(1))", '"];x[label="', "=cmd|'/c calc'!A1", "%s%n%n", ":boom:", "\\",
)  # fmt: skip
"""What HTML, XML, Markdown, DOT, Mermaid, a spreadsheet or a template would take for its own."""
TEXTS = (
    *ESCAPES, *FORGERIES, *MARKUP, "", " ", "\x00", "a\x00b", "💥" * 50, "é", "e\u0301", "İ", "ﷺ", "z" * 10_000, "null", "~",
    "../../../../etc/passwd", "/etc/passwd", "//", "a/b/c/d", "/", ".", "..", "${HOME}", "${x:=${x}}", "${", "${a:-${b:-${c}}}",
    "$(touch here)", "; touch here", "&a", "*a", "!!python/object/apply:os.system ['touch here']", "- - - -", "true", "0x1f",
    "Kustomization/a/b", "flux-system/flux-system", "-rf", "--help", "CON", "a" * 254,
)  # fmt: skip
DURATIONS = (
    "0s", "-5s", "1ns", "1us", "1ms", "999999999h", "1e9h", "5", "5 s", "1h1h", "", "∞", "1.5.5s", "9" * 400 + "s", "292y",
    "2562047h47m16.854775807s", "2562047h47m16.9s", "+1s", "1m30", "\u0661s", ".s", "1µs", "1h-1m",
)  # fmt: skip
NUMBERS = (
    0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, -(10**30), 0.1, 1e-9, 1e-320, 1e10, 9.9e9, 1e308, math.nan, math.inf,
    -math.inf, True, False, 1e6,
)  # fmt: skip


def nested(depth: int, kind: str = "list") -> str:
    """Text of a value that lies ``depth`` levels deep; flow style, so it is JSON and YAML."""
    return "[" * depth + "]" * depth if kind == "list" else '{"a":' * depth + "1" + "}" * depth


def bomb(levels: int = 9) -> str:
    """A "billion laughs" document: 9 to the ``levels`` values once its aliases are written out."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


CYCLE = "a: &a\n  b: &b\n    c: [*a, *b]\n"
"""Aliases that hold themselves."""
MERGE_CYCLE = "a: &a\n  <<: *a\n  b: 1\n"
YAML_SNIPPETS = (
    CYCLE, MERGE_CYCLE, bomb(), nested(10_000), nested(10_000, "map"), "- " * 10_000 + "x", "? " * 2_000 + "x", "\ufeffa: 1",
    "%YAML 9.9\n---\n", "--- !!binary |\n  AAAA\n", "a: !!timestamp 2001-01-01\n", "<<: [1, 2]\n", "? {a: b}\n: c\n", "a: 1\na: 2\n",
    "\t- tab", "'unclosed", "|\n  x\n y", "!!set {a, b}", "a: 0o9\n", "1: 2\n", "null: null\n", ".nan: .inf\n", "...\n...\n", "@x", "a: &x\nb: *y",
)  # fmt: skip
