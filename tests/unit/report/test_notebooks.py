"""The notebooks: parameterised, without logic, small, and every one runs.

Executing all of them takes about two minutes: ``pytest -m notebook tests/unit/report/test_notebooks.py``.
"""

import ast
import json
from pathlib import Path

import pytest

from fleetbench.report.notebooks import NAMES
from tests.unit.report import runs

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
LOGIC = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try, ast.Lambda)


def cells(name, kind="code"):
    document = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())
    return [cell for cell in document["cells"] if cell["cell_type"] == kind]


def test_the_five_notebooks_are_there():
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_holds_no_logic(name):
    for cell in cells(name):
        tree = ast.parse("".join(cell["source"]))
        assert [type(node).__name__ for node in ast.walk(tree) if isinstance(node, LOGIC)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_parameterised_by_runs_and_seed(name):
    (parameters,) = [c for c in cells(name) if "parameters" in c["metadata"].get("tags", [])]
    source = "".join(parameters["source"])
    assert "runs = " in source and "samples = " in source and "seed = 0" in source


@pytest.mark.parametrize("name", NAMES)
def test_papermill_understands_every_parameter(name):
    papermill = pytest.importorskip("papermill")
    from fleetbench.report.notebooks import parameters_of

    file = NOTEBOOKS / f"{name}.ipynb"
    assert set(papermill.inspect_notebook(str(file))) == parameters_of(file)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_committed_with_fresh_outputs_and_small(name):
    code = cells(name)
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert outputs and not [o for o in outputs if o["output_type"] == "error"]
    assert any("image/png" in o.get("data", {}) for o in outputs)
    assert (NOTEBOOKS / f"{name}.ipynb").stat().st_size < 400_000


@pytest.mark.notebook
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_executes_and_exports_as_a_page_without_network(name):
    from fleetbench.report.notebooks import export

    page = export(name, [], samples=6, seed=1)
    assert page.count('alt="') == page.count("<img")
    assert page.startswith("<!doctype html>") and "data:image/png" in page and "<script" not in page
    assert "http://" not in page.split("<main")[1] and "default-src 'none'" in page


@pytest.mark.notebook
def test_a_notebook_shows_the_runs_it_is_given():
    from fleetbench.report.notebooks import export

    page = export("02", [runs.TRACES / "waves-c4.json.gz"], samples=5)
    assert "waves-c4" in page and "fine-c4" not in page


@pytest.mark.notebook
def test_hostile_names_are_text_in_a_notebook(tmp_path):
    from fleetbench.graph.document import from_document
    from fleetbench.model.assemble import Choice
    from fleetbench.prediction.strategies import predict_strategies
    from fleetbench.report.folder import write_prediction
    from fleetbench.report.notebooks import export

    names = [n.replace("/", "|") for n in runs.HOSTILE.values()]
    fleet = from_document({"kustomizations": [{"id": f"flux-system/{n}"} for n in names]}, "x")
    write_prediction(tmp_path / "run", predict_strategies(fleet, Choice(), samples=2))
    page = export("05", [tmp_path / "run"], samples=2)
    assert "<script" not in page and "<img src=x" not in page and "&lt;script&gt;" in page


@pytest.mark.notebook
def test_a_notebook_that_cannot_show_a_run_says_why(tmp_path):
    from fleetbench.errors import InputError
    from fleetbench.report.notebooks import export

    with pytest.raises(InputError, match=r"^notebook [^:]+: [^:]*: (no such run|holds no run)"):
        export("02", [tmp_path / "none"], samples=2)
