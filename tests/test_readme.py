"""README's "How to add to it", followed letter by letter in a copy of the lab."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


def blocks() -> dict[str, list[str]]:
    """The Python code of README below each of its bold words."""
    text = (ROOT / "README.md").read_text()
    text = text[text.index("## How to add to it") :]
    parts = re.split(r"^\*\*An? (.+?)\*\*", text, flags=re.MULTILINE)[1:]
    return {
        name: re.findall(r"```python\n(.*?)```", part, flags=re.DOTALL)
        for name, part in zip(parts[::2], parts[1::2], strict=True)
    }


BLOCKS = blocks()


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the lab with what README adds to it, and images of three shapes."""
    copy = tmp_path_factory.mktemp("lab")
    for name in ("core", "pages", ".streamlit"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", copy)
    [data], [lab], [experiment] = BLOCKS["data set"], BLOCKS["lab"], BLOCKS["experiment"]
    [page], [layer] = BLOCKS["page"], BLOCKS["layer"]
    (copy / "core/data/shapes.py").write_text(data)
    with_experiment = lab.replace("EXPERIMENTS = (\n", f"EXPERIMENTS = (\n{experiment.strip()},\n")
    assert with_experiment != lab
    (copy / "core/labs/shapes.py").write_text(with_experiment)
    (copy / "pages/shapes").mkdir()
    (copy / "pages/shapes/means.py").write_text(page)
    with (copy / "core/networks/layers.py").open("a") as file:
        file.write(f"\n\n{layer}")
    (copy / "cache/datasets").mkdir(parents=True)
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for part, count in (("train", 300), ("test", 60)):
        labels = np.arange(count, dtype=np.uint8) % 3
        images = random.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        for label in range(3):
            images[labels == label, 9 * label : 9 * label + 9] += 190
        arrays |= {f"x_{part}": images, f"y_{part}": labels}
    np.savez(copy / "cache/datasets/shapes.npz", allow_pickle=False, **arrays)
    return copy


def run(folder: Path, *arguments: str) -> str:
    """What Python prints in the copy, whose cache is its own."""
    environment = {name: text for name, text in os.environ.items() if name != "LAB_CACHE"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_command_line_has_the_data_set_the_lab_and_the_experiment(shapes: Path) -> None:
    listed = run(shapes, "-m", "core", "data")
    assert "Shapes (shapes)" in listed
    assert "images: 300 to train, 60 to test" in listed
    wide = ("train", "--lab", "shapes", "--experiment", "wide", "--json")
    found = json.loads(run(shapes, "-m", "core", *wide))
    assert found["spec"]["model"]["hidden"] == [512]
    assert (found["spec"]["train"]["epochs"], found["spec"]["train"]["batch_size"]) == (2, 32)
    assert found["dataset"]["classes"] == 3
    assert found["test_accuracy"] > 0.9


LIBRARY = """
import core, json
from core import labs
from core.data import definition
rows = core.study("shapes", seeds=1)
runs = {row.row.name: row.runs[0] for row in rows}
known = definition("shapes")
print(json.dumps({
    "trained on": {name: run.dataset["train"] for name, run in runs.items()},
    "hidden": {name: run.spec.network.hidden for name, run in runs.items()},
    "rates": {name: run.spec.optimizer.learning_rate for name, run in runs.items()},
    "lesson": len(labs.lesson(labs.LABS["shapes"].base.data)),
    "accuracy": runs["deep"].test_accuracy,
}))
"""


@pytest.mark.slow
def test_the_study_changes_network_optimizer_training_and_data(shapes: Path) -> None:
    found = json.loads(run(shapes, "-c", LIBRARY).splitlines()[-1])
    assert found["trained on"] == {"wide": 240, "small": 240, "deep": 240, "slow": 240, "few": 80}
    assert found["hidden"]["deep"] == [64, 32]
    assert found["rates"]["slow"] == 0.0001
    assert found["lesson"] == 2
    assert found["accuracy"] > 0.9


LAYER = """
import numpy as np
from core.networks.build import build
from core.networks.layers import LAYERS, Channel, GlobalMaxPooling2D
from core.specs import NetworkSpec
from core.networks.structure import rows
from core.networks.summary import keras_code
network = NetworkSpec((Channel(), GlobalMaxPooling2D()))
assert NetworkSpec.from_list(network.to_list()) == network
found = rows(network, (9, 7), 3)
assert "keras.layers.GlobalMaxPooling2D()," in keras_code(found)
model = build(found, 0)
images = np.random.default_rng(0).random((4, 9, 7, 1), dtype=np.float32)
ours = found[1].layer.forward(images, ())
np.testing.assert_allclose(ours, np.asarray(model.layers[1](images)), atol=1e-6)
assert ours.shape[1:] == found[1].shape
print("ok")
"""


@pytest.mark.slow
def test_the_layer_is_keras_s(shapes: Path) -> None:
    assert run(shapes, "-c", LAYER).splitlines()[-1] == "ok"


PAGE = """
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("app.py", default_timeout=120)
app.query_params["lab"] = "shapes"
app.run()
assert not app.exception, app.exception
assert app.selectbox(key="dataset").value == "shapes"
assert app.selectbox(key="variant").value == "wide"
app.switch_page("pages/shapes/means.py").run()
assert not app.exception, app.exception
assert app.title[0].value == "Mean images", app.title
print("ok")
"""


def test_the_page_opens_in_its_lab(shapes: Path) -> None:
    assert run(shapes, "-c", PAGE).splitlines()[-1] == "ok"


OPTIMIZER = """
from core.optimizers.rules import formula, rules_for, symbols
from core.specs import optimizer_spec
from core.specs.optimizers import OPTIMIZERS
assert list(OPTIMIZERS)[-1] == "adamax"
[rule] = rules_for(optimizer_spec("adamax"))
assert "beta_1" in formula(rule)
print(*(symbol.name for symbol in symbols("adamax", rule)))
"""


def test_an_optimizer_is_an_entry_and_a_function(shapes: Path) -> None:
    """Both are in the lab: they are taken out of the copy, and put back as README says."""
    entry, rule = BLOCKS["optimizer"]
    entries, rules = shapes / "core/specs/optimizers.py", shapes / "core/optimizers/rules.py"
    without = entries.read_text().replace(entry, "")
    assert "adamax" not in without
    end = '}\n"""By their Keras name'
    assert end in without
    entries.write_text(without.replace(end, entry + end))
    without = rules.read_text().replace(rule, "")
    assert "def adamax" not in without
    rules.write_text(f"{without}\n\n{rule}")
    assert run(shapes, "-c", OPTIMIZER).split() == [
        *"wgmut", "abs", "learning_rate", "beta_1", "beta_2", "epsilon",
    ]  # fmt: skip
