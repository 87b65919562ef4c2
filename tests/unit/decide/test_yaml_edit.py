from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fleetbench.decide.patch.unified import unified_diff
from fleetbench.decide.patch.yaml_edit import NotEditable, add_item, document_of, documents_of, drop_item, set_scalar
from fleetbench.ids import ObjectId

APP = ObjectId("Kustomization", "flux-system", "app")
DEPENDS_ON = ("spec", "dependsOn")
HEAD = "kind: Kustomization\nmetadata:\n  name: app # the app\n"


def drop(text: str, name: str) -> str:
    return drop_item(text, document_of(text, APP), DEPENDS_ON, {"name": (name,)})


def top(text: str) -> yaml.MappingNode:
    return documents_of(text)[0]


def test_an_item_goes_with_its_own_line_and_comments_stay():
    text = (
        HEAD
        + "spec:\n  # order\n  dependsOn:\n    - name: a # first\n    # about b\n    - name: b\n      namespace: x\n    - name: c\n\n  wait: true\n"
    )
    assert drop(text, "b") == text.replace("    - name: b\n      namespace: x\n", "")
    assert drop(text, "c") == text.replace("    - name: c\n", "")


def test_the_last_item_takes_the_key_with_it():
    text = HEAD + "spec:\n  interval: 1m\n  dependsOn:\n  - name: a\n  wait: true\n"
    assert drop(text, "a") == HEAD + "spec:\n  interval: 1m\n  wait: true\n"


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_a_flow_list_stays_one(name: str):
    text = HEAD + "spec: \n  dependsOn: [{name: a}, {name: b}, {name: c}] # order\n  wait: true\n"
    after = yaml.safe_load(drop(text, name))
    assert [d["name"] for d in after["spec"]["dependsOn"]] == [n for n in "abc" if n != name]
    assert "# order" in drop(text, name)


def test_an_item_that_a_patch_adds_elsewhere_is_said_not_guessed():
    with pytest.raises(NotEditable, match="patch elsewhere"):
        drop(HEAD + "spec:\n  dependsOn:\n  - name: a\n  - name: b\n", "z")


def test_of_several_documents_the_right_one_is_edited():
    one, two = HEAD.replace("app #", "other #") + "spec: {wait: true}\n", HEAD + "spec:\n  wait: true\n"
    text = one + "---\n" + two
    assert set_scalar(text, document_of(text, APP), ("spec", "wait"), "false") == one + "---\n" + two.replace(
        "true", "false"
    )


def test_a_missing_field_is_added_and_an_anchor_elsewhere_is_left_alone():
    text = HEAD + "spec:\n  interval: &i 1m\n  retryInterval: *i\n"
    assert set_scalar(text, document_of(text, APP), ("spec", "timeout"), "5m0s") == text.replace(
        "retryInterval: *i\n", "retryInterval: *i\n  timeout: 5m0s\n"
    )


KUSTOMIZATION_FILE = "# ours\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"


@pytest.mark.parametrize(
    ("listed", "rest"),
    [
        ("- a.yaml\n", ""),
        ("  - a.yaml\n", ""),
        ("- a.yaml\n# - b.yaml\n", "\n# who to ask: us\n"),
        ("    - a.yaml # first\n    # - b.yaml\n", "\n\n"),
    ],
)
def test_a_new_list_is_the_last_key_of_a_kustomization_file_and_its_dashes_stand_as_in_the_other_lists(listed, rest):
    text = KUSTOMIZATION_FILE + listed + rest
    dash = listed[: listed.index("-")] + "- "
    after = add_item(text, top(text), ("patches",), ["path: p.yaml"])
    assert after == KUSTOMIZATION_FILE + listed + f"patches:\n{dash}path: p.yaml\n" + rest


def test_a_new_key_stands_behind_a_block_of_text_and_before_the_next_document():
    first = "kind: Kustomization\npatches:\n- patch: |\n    a: 1\n    # no comment\n"
    after = add_item(first + "---\nkind: X\n", top(first), ("resources",), ["a.yaml"])
    assert after == first + "resources:\n- a.yaml\n---\nkind: X\n"


COMMENTED = "kind: X\npatches:\n  - # more workers - 10 of them\n    patch: |-\n      - op: add\n  - # - memory\n\n    path: b\n"


def test_behind_items_that_begin_with_a_comment_the_dash_of_a_new_one_stands_as_theirs():
    assert add_item(COMMENTED, top(COMMENTED), ("patches",), ["path: p"]) == COMMENTED + "  - path: p\n"


def test_an_item_that_begins_with_a_comment_goes_with_it():
    after = drop_item(COMMENTED, top(COMMENTED), ("patches",), {"path": ("b",)})
    assert after == COMMENTED[: COMMENTED.index("  - # - memory")]


def test_behind_an_alias_of_something_above_nothing_is_put():
    text = "kind: X\na: &a {path: b}\npatches:\n  - path: c\n  - *a\n"
    with pytest.raises(NotEditable, match="alias"):
        add_item(text, top(text), ("patches",), ["path: p"])
    with pytest.raises(NotEditable, match="alias"):
        drop_item(text, top(text), ("patches",), {"path": ("b",)})


def test_a_comment_above_the_next_key_stays_with_it():
    text = HEAD + "spec:\n  interval: 1m\n  # of the interval\n# the status\nstatus: {}\n"
    after = set_scalar(text, document_of(text, APP), ("spec", "wait"), "false")
    assert after == text.replace("# the status", "  wait: false\n# the status")


def test_a_new_key_of_a_file_with_windows_line_ends_and_no_last_one_gets_them():
    text = KUSTOMIZATION_FILE.replace("\n", "\r\n") + "- a.yaml"
    assert add_item(text, top(text), ("patches",), ["path: p"]) == text + "\r\npatches:\r\n- path: p\r\n"


def test_windows_line_ends_and_a_missing_last_newline_survive():
    text = (HEAD + "spec:\n  wait: true\n  dependsOn:\n  - name: a").replace("\n", "\r\n")
    after = add_item(text, document_of(text, APP), DEPENDS_ON, ["name: b"])
    assert after == text + "\r\n  - name: b\r\n"


@given(st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), unique=True, min_size=1), st.data())
def test_dropping_any_item_of_any_list_leaves_the_others(names, data):
    gone = data.draw(st.sampled_from(names))
    indent = data.draw(st.sampled_from(["", "  "]))
    comment = data.draw(st.sampled_from(["", " # why", "\n\n    # a line"]))
    text = (
        HEAD
        + "spec:\n  interval: 1m\n  dependsOn:\n"
        + "".join(f"  {indent}- name: {n}{comment}\n" for n in names)
        + "  wait: true\n"
    )
    spec = yaml.safe_load(drop(text, gone))["spec"]
    assert [d["name"] for d in spec.get("dependsOn", [])] == [n for n in names if n != gone]
    assert spec["wait"] is True and ("dependsOn" in spec) == (len(names) > 1)


def test_git_applies_the_diff_of_odd_files(tmp_path: Path):
    before = {"a b.yaml": "x: 1\n", "ü.yaml": "x: 1", "c\x0cd.yaml": "one\x0c\ntwo\r\nthree", "sub/e.yaml": ""}
    after = {
        "a b.yaml": "x: 2\n",
        "ü.yaml": "x: 2",
        "c\x0cd.yaml": "one\x0c\n2\r\nthree\n",
        "sub/e.yaml": "x\n",
        "new.yaml": "n\n",
    }
    for path, text in before.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(text.encode())
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    diff = unified_diff(before, after)
    subprocess.run(["git", "-C", str(tmp_path), "apply", "-"], input=diff.encode(), check=True)
    assert {path: (tmp_path / path).read_bytes().decode() for path in after} == after


VALUES = [
    "1", "", "|\n{pad}  text\n{pad}  # no comment", "[x, y]", "{{x: 1}}", "*known",
    "\n{pad}- one\n{pad}- *known", "\n{pad}  one: 1\n{pad}  two: *known", "'a\n\n{pad}  b'",
]  # fmt: skip


@given(
    st.lists(st.sampled_from(VALUES), max_size=3),
    st.sampled_from(["", "\n", "# end\n", "\n# end\n", "  # end\n\n\n"]),
    st.sampled_from(["", "    "]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_new_key_leaves_every_other_key_and_every_line_as_it_was(values, tail, pad, newline):
    inner = "".join(f"{pad}key-{n}: {value.format(pad=pad)}\n" for n, value in enumerate(values))
    text = (f"{'top:' if pad else ''}\n{pad}known: &known a\n" + inner + tail).replace("\n", newline)
    path = ("top", "new") if pad else ("new",)
    after = set_scalar(text, top(text), path, "1")
    before, found = yaml.safe_load(text), yaml.safe_load(after)
    assert (found["top"] if pad else found).pop("new") == 1
    assert found == before
    lines = [line for line in after.split("\n") if line.strip() != "new: 1"]
    assert lines == text.split("\n")


def test_an_item_of_a_list_is_edited_where_it_stands():
    item = "- kind: Kustomization\n  metadata: {name: %s}\n  spec:\n    wait: true\n"
    text = "kind: List\nitems:\n" + item % "other" + item % "app"
    edited = set_scalar(text, document_of(text, APP), ("spec", "wait"), "false")
    assert edited == "kind: List\nitems:\n" + item % "other" + (item % "app").replace("true", "false")
