"""Watch optimizers walk downhill on a loss surface of two dimensions."""

import math

import numpy as np
import pandas as pd
import streamlit as st

from core import inference, motion, motion_charts, specs
from core.motion import RATE, STEPS, SURFACES, Floats, Path, Plane
from core.optimizers import OPTIMIZERS, Value
from core.rules import FORMS
from core.runs import Run
from core.specs import LIMITS, OptimizerSpec
from pages.ui import frame, lab, networks
from pages.ui.lab import Choice
from pages.ui.text import _

NETWORK = "network"  # the surface that is the loss of a trained network

# Every optimizer that can move two numbers, and SGD with momentum beside it. Muon needs a matrix.
WALKERS: dict[str, tuple[str, dict[str, Value]]] = {
    **{name: (name, {}) for name in OPTIMIZERS if name != "muon"},
    "sgd with momentum": ("sgd", FORMS["sgd"]["with momentum"]),
    "sgd with Nesterov momentum": ("sgd", FORMS["sgd"]["with Nesterov momentum"]),
}


def title(walker: str) -> str:
    """The name of a walker in words."""
    name, _parameters = WALKERS[walker]
    if walker == name:
        return OPTIMIZERS[name].title
    return f"{OPTIMIZERS[name].title} {_(walker.removeprefix(f'{name} '))}"


def surface_of(current: Choice) -> tuple[str, Run | None]:
    """The surface that is picked; for the loss of a network also the run."""
    names = {key: _(surface.title) for key, surface in SURFACES.items()}
    names[NETWORK] = _("Loss of a trained network")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.selectbox(
            _("Surface"),
            list(names),
            format_func=names.__getitem__,
            key="surface",
            persist_state="session",
            width=300,
        )
        if picked != NETWORK:
            return picked, None
        runs = {
            key: run
            for key, run in networks.finished(current.data.name).items()
            if run.spec.model.kind == "dense" and not run.epochs[-1].diverged
        }
        if not runs:
            st.info(_("No network is trained yet. Train one; then its loss appears here."))
            frame.link("train", _("Go to Train"))
            st.stop()
        key = st.selectbox(
            _("Network"),
            list(runs),
            format_func=lambda key: networks.name(runs[key]),
            key="motion_network",
            persist_state="session",
            width=520,
        )
    return picked, runs[key]


@st.cache_resource(max_entries=8, show_spinner=False)
def plane_of(key: str, _run: Run, _choice: Choice) -> Plane:
    arrays = _choice.data.arrays
    images, labels = arrays.x_train[: motion.PLANE_IMAGES], arrays.y_train[: motion.PLANE_IMAGES]
    return motion.plane(inference.weights(_run), _run.spec.model.activation, images, labels)


@st.cache_data(max_entries=32, show_spinner=False)
def ground_of(key: str, _plane: Plane) -> tuple[Floats, Floats, Floats]:
    return lab.engine().ask(motion.plane_losses, _plane)


@st.cache_data(max_entries=1000, show_spinner=False)
def path_of(
    key: str,
    spec: OptimizerSpec,
    start: tuple[float, float],
    steps: int,
    _plane: Plane | None,
) -> Path:
    [path] = lab.engine().ask(motion.paths, _plane or key, [spec], start, steps)
    return path


def number(label: str, low: float, high: float, value: float, key: str) -> float:
    """A number field that takes small steps of the value."""
    step = 10 ** math.floor(math.log10(abs(value))) if value else 0.1
    return st.number_input(
        label, float(low), float(high), float(value), float(step), format="%g", key=key
    )


def settings(walker: str, rate: float) -> OptimizerSpec:
    """The learning rate and every parameter of a walker."""
    name, preset = WALKERS[walker]
    low, high = LIMITS["learning rate"]
    values: dict[str, Value] = {}
    learning_rate = number("learning_rate", low, high, rate, f"{current_key}-{walker}-rate")
    for key, (default, low, high, meaning) in OPTIMIZERS[name].parameters.items():
        start, field = preset.get(key, default), f"{current_key}-{walker}-{key}"
        if isinstance(default, bool):
            values[key] = st.checkbox(key, bool(start), key=field, help=_(meaning))
        else:
            values[key] = type(default)(number(key, low, high, float(start), field))
    return specs.optimizer_spec(name, learning_rate, values)


def figures(paths: list[tuple[str, Path]]) -> pd.DataFrame:
    """Where each path ends, and at what loss."""
    rows = []
    for name, path in paths:
        finite = np.isfinite(path.losses)
        ended = (
            _("diverged in step {n}").format(n=int(np.argmin(finite))) if not finite.all() else ""
        )
        x, y = path.points[-1]
        rows.append(
            {
                _("Optimizer"): name,
                _("Loss at the end"): ended or f"{path.losses[-1]:.4g}",
                _("Lowest loss"): f"{np.nanmin(path.losses):.4g}",
                _("Ends at"): "–" if ended else f"({x:.3f}, {y:.3f})",
            }
        )
    return pd.DataFrame(rows)


current = frame.begin(
    _("Why does one optimizer arrive where another crawls, swings or runs away?"), choice_of="none"
)
current_key, run = surface_of(current)
if run is None:
    surface = SURFACES[current_key]
    plane, ground, goal = None, motion.grid(surface), (_("minimum"), surface.minimum)
    (low_x, high_x), (low_y, high_y), rates = surface.x, surface.y, surface.rates
    start_x, start_y = surface.start
    st.latex(surface.formula)
    st.write(_(surface.lesson))
else:
    current_key = run.key
    plane = plane_of(current_key, run, current)
    with st.spinner(_("Measuring the loss around the trained weights, a few seconds")):
        ground = ground_of(current_key, plane)
    goal = (_("the trained network"), (0.0, 0.0))
    rates = {"adadelta": 10.0, "lion": 0.02, "adafactor": 0.3}
    low_x, high_x, low_y, high_y = -1.0, 1.0, -1.0, 1.0
    start_x, start_y = -0.8, 0.7
    st.write(
        _(
            "The loss of this network on {n:,} of its training images, in a plane through its "
            "weights: in the middle the trained network, along x and y two random directions. One "
            "unit changes each neuron by as much as its weights are large. The optimizers move in "
            "this plane alone; in training they move {weights:,} weights."
        ).format(n=len(plane.images), weights=sum(k.size + b.size for k, b in plane.layers))
    )
    st.caption(frame.provenance(run))

walkers = st.multiselect(
    _("Optimizers"),
    list(WALKERS),
    ["sgd", "sgd with momentum", "rmsprop", "adam"],
    format_func=title,
    max_selections=8,
    key="walkers",
    persist_state="session",
)
left, middle, right = st.columns(3)
x = left.slider(_("Start x"), low_x, high_x, start_x, key=f"{current_key}-x")
y = middle.slider(_("Start y"), low_y, high_y, start_y, key=f"{current_key}-y")
steps = right.slider(
    _("Steps"), int(STEPS.low), int(STEPS.high), 100, 10, key="steps", persist_state="session"
)
with st.expander(_("Learning rates and parameters")):
    chosen: dict[str, OptimizerSpec] = {}
    for place, walker in zip(st.columns(4) * 2, walkers, strict=False):
        with place:
            st.markdown(f"**{title(walker)}**")
            chosen[walker] = settings(walker, rates.get(walker.split(" ")[0], RATE))
with st.spinner(_("Walking: the first time a worker starts, some seconds")):
    paths = [
        (title(walker), path_of(current_key, spec, (x, y), steps, plane))
        for walker, spec in chosen.items()
    ]
st.plotly_chart(
    motion_charts.paths_chart(ground, paths, goal, _=_),
    key="paths",
    config=frame.STILL,
    alt=_("Paths of the optimizers over the surface"),
)
if paths:
    st.plotly_chart(
        motion_charts.losses_chart(paths, _=_),
        key="losses",
        config=frame.STILL,
        alt=_("Loss of each optimizer at each step"),
    )
    st.dataframe(
        figures(paths), hide_index=True, height="content", alt=_("Where each optimizer ends")
    )
st.caption(
    _(
        "Keras's optimizers make these steps. Learning rates are chosen for this surface, not "
        "Keras's defaults, which suit networks; change them above. Which optimizer is best here "
        "says little about training a network."
    )
)
frame.next_step()
