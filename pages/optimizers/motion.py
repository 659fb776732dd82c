"""Watch optimizers walk downhill on a loss surface of two dimensions."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.charts import surfaces as motion_charts
from core.data import Dataset
from core.errors import LabError
from core.fields import (
    LIMITS,
    Limit,
    Number,
    OneOf,
    SeveralOf,
    Switch,
    WholeNumber,
    check_number,
)
from core.i18n import N_
from core.networks.layers import ACTIVATIONS, BatchNormalization
from core.optimizers import surfaces as motion
from core.optimizers.rules import FORMS
from core.optimizers.surfaces import RATE, REACH, STEPS, SURFACES, Floats, Path, Plane
from core.specs import NetworkSpec, OptimizerSpec, optimizer_spec
from core.specs.optimizers import BELOW_ONE, OPTIMIZERS, Value
from core.store import Run
from core.training import images as run_images
from pages.ui import choice, fields, layout, networks, server
from pages.ui.choice import Choice
from pages.ui.text import _

NETWORK = "network"  # the surface that is the loss of a trained network
MOST = 8  # walkers on one picture
KEPT = 1000  # paths


class Typed(Number):
    """A number that is refused below its field, and not by it.

    A browser keeps back what lies outside of a widget's limits, and the picture would silently stay
    as it was.
    """

    def check(self, value: float) -> None:
        if not (isinstance(value, float) and math.isfinite(value)):
            super().check(value)


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


SURFACE = OneOf(
    "surface",
    N_("surface"),
    "ravine",
    {
        **{name: surface.title for name, surface in SURFACES.items()},
        NETWORK: N_("Loss of a trained network"),
    },
)
COMPARED = SeveralOf(
    "walkers",
    N_("optimizer"),
    ["sgd", "sgd with momentum", "rmsprop", "adam"],
    {walker: title(walker) for walker in WALKERS},
    MOST,
)
WALKED = WholeNumber("steps", N_("steps"), 100, STEPS)


@dataclass(frozen=True)
class Ground:
    """What the optimizers walk on."""

    surface: str
    """A choice of SURFACE."""
    key: str
    """Equal for equal grounds."""
    plane: Plane | None
    """Of a trained network."""
    losses: tuple[Floats, Floats, Floats]
    """As surfaces.grid."""
    goal: tuple[str, tuple[float, float]]
    """The best point that is known, and what it is."""
    x: Limit
    y: Limit
    start: tuple[float, float]
    rates: dict[str, float]
    """Learning rates of optimizers that want another one than RATE."""


def pick_ground() -> Ground:
    """The surface that is picked, with what is to be known of it."""
    picked = fields.select(SURFACE)
    if picked != NETWORK:
        return classic(picked)
    current = layout.required_choice()
    return trained(pick_network(current), current.data)


def pick_network(current: Choice) -> Run:
    """The network whose loss is walked on. If there is none, says so and ends the page."""
    runs = {
        key: run
        for key, run in networks.finished(current).items()
        if has_plane(run.spec.network)
        and run.spec.data.digest == current.data.digest  # else its loss is of other images
        and not run.epochs[-1].diverged
    }
    if not runs:
        st.info(_("No network is trained yet. Train one; then its loss appears here."))
        layout.link("train", _("Go to Train"))
        raise layout.PageEnds
    titles = {key: networks.name(run) for key, run in runs.items()}
    network = OneOf("network", N_("network"), next(iter(runs)), titles)
    key = fields.select(network, key="motion_network", format_func=titles.__getitem__)
    return runs[key]


def has_plane(network: NetworkSpec) -> bool:
    """True for fully connected networks with one activation, not normalised: see plane_loss."""
    plain = BatchNormalization() not in network.layers
    return network.dense and plain and network.activation in ACTIVATIONS


def classic(name: str) -> Ground:
    """A surface from textbooks, shown with its formula."""
    surface = SURFACES[name]
    st.latex(surface.formula)
    st.write(_(surface.lesson))
    goal = (_("minimum"), surface.minimum)
    sides = (surface.x, surface.y, surface.start)
    return Ground(name, name, None, motion.grid(surface), goal, *sides, surface.rates)


def trained(run: Run, data: Dataset) -> Ground:
    """The loss around a trained network, with what its axes mean."""
    plane = plane_of(run.key, run, data)
    with st.spinner(_("Measuring the loss around the trained weights, a few seconds")):
        losses = losses_of(run.key, plane)
    st.write(
        _(
            "The loss of this network on {n:,} of its training images, in a plane through its "
            "weights: in the middle the trained network, along x and y two random directions. One "
            "unit changes each neuron by as much as its weights are large. The optimizers move in "
            "this plane alone; in training they move {weights:,} weights."
        ).format(n=len(plane.images), weights=sum(k.size + b.size for k, b in plane.layers))
    )
    st.caption(layout.provenance(run))
    goal = (_("the trained network"), (0.0, 0.0))
    sides = (Limit(-REACH, REACH), Limit(-REACH, REACH), (-0.8, 0.7))
    rates = {"adadelta": 10.0, "lion": 0.02, "adafactor": 0.3}
    return Ground(NETWORK, run.key, plane, losses, goal, *sides, rates)


@st.cache_resource(max_entries=8, show_spinner=False)
def plane_of(key: str, _run: Run, _data: Dataset) -> Plane:
    network = _run.spec.network
    arrays = run_images.chosen(_data, _run.spec.data)
    images, labels = arrays.x_train[: motion.PLANE_IMAGES], arrays.y_train[: motion.PLANE_IMAGES]
    layers = [(weights[0], weights[1]) for weights in _run.network().weights if weights]
    return motion.plane(layers, network.activation, images, labels)


@st.cache_data(max_entries=32, show_spinner=False)
def losses_of(key: str, _plane: Plane) -> tuple[Floats, Floats, Floats]:
    return server.engine().ask(motion.plane_losses, _plane)


@st.cache_resource
def walked() -> dict[tuple[object, ...], Path]:
    """The last paths that anybody asked for."""
    return {}


def paths_of(
    ground: Ground, optimizers: list[OptimizerSpec], start: tuple[float, float], steps: int
) -> list[Path]:
    """The path of each optimizer. What is not known goes to a worker at once: a plane is large."""
    known, key = walked(), ground.key
    # Asked for once only: others, who share them, may make one go at any moment.
    found = {
        spec: path
        for spec in optimizers
        if (path := known.get((key, spec, start, steps))) is not None
    }
    missing = [spec for spec in optimizers if spec not in found]
    if missing:
        surface = ground.plane or ground.surface
        new = server.engine().ask(motion.paths, surface, missing, start, steps)
        found |= dict(zip(missing, new, strict=True))
        known.update({(key, spec, start, steps): found[spec] for spec in missing})
        for old in list(known)[:-KEPT]:
            known.pop(old, None)
    return [found[spec] for spec in optimizers]


def step_of(value: float, high: float) -> float:
    """How much the buttons of a number field change: less than the value, or its gap to 1."""
    size = min(value, (1 - value) / 2) if high == BELOW_ONE and value else abs(value)
    return float(10 ** math.floor(math.log10(size))) if size else 0.1


def number(one: Typed, **options: Any) -> float:
    """A number to type. Raises UsageError outside of its limits."""
    step = step_of(one.default, one.limit.high)
    options |= {"min_value": None, "max_value": None, "step": step, "format": "%g"}
    found = float(fields.number(one, label=one.term, **options))
    check_number(one.term, found, one.limit, whole=False)
    return found


def settings(surface: str, walker: str, rate: float) -> OptimizerSpec:
    """The learning rate and every parameter of a walker. Raises UsageError outside of limits."""
    name, preset = WALKERS[walker]
    values: dict[str, Value] = {}
    field = Typed(f"{walker}-rate", "learning_rate", rate, LIMITS["learning rate"])
    learning_rate = number(field, key=f"{surface}-{field.name}")
    for key, (default, low, high, meaning) in OPTIMIZERS[name].parameters.items():
        start, of_walker = preset.get(key, default), f"{walker}-{key}"
        options = {"key": f"{surface}-{of_walker}", "help": _(meaning)}
        if isinstance(default, bool):
            switch = Switch(of_walker, key, bool(start))
            values[key] = fields.checkbox(switch, label=key, **options)
        else:
            field = Typed(of_walker, key, float(start), Limit(low, high))
            values[key] = number(field, **options)
    return optimizer_spec(name, learning_rate, values)


def pick_walk(ground: Ground) -> tuple[tuple[float, float], int]:
    """Where the optimizers start, and how many steps they make."""
    start_x, start_y = ground.start
    left, right = st.columns(2)
    with left:
        x = Number("x", N_("x"), start_x, ground.x)
        start_x = fields.slider(x, key=f"{ground.surface}-x", label=_("Start x"))
    with right:
        y = Number("y", N_("y"), start_y, ground.y)
        start_y = fields.slider(y, key=f"{ground.surface}-y", label=_("Start y"))
    return (start_x, start_y), fields.slider(WALKED, step=10)


def pick_walkers() -> list[str]:
    """The optimizers that walk."""
    walkers = fields.several(COMPARED, label=_("Optimizers"), format_func=title)
    if not walkers:
        st.info(_("No optimizer is chosen: choose at least one."))
    return walkers


def all_settings(ground: Ground, walkers: list[str]) -> dict[str, OptimizerSpec]:
    """Every walker with its parameters. One whose values are refused stays at home."""
    chosen: dict[str, OptimizerSpec] = {}
    refused: list[str] = []
    with st.expander(_("Learning rates and parameters")):
        for place, walker in zip(st.columns(4) * 2, walkers, strict=False):
            rate = ground.rates.get(walker.split(" ")[0], RATE)
            with place:
                st.markdown(f"**{title(walker)}**")
                try:
                    chosen[walker] = settings(ground.surface, walker, rate)
                except LabError as error:
                    refused.append(f"{title(walker)}: {layout.sentence(error)}")
    for sentence in refused:
        st.error(sentence, icon=":material/warning:")
    return chosen


def show_map(ground: Ground, paths: list[tuple[str, Path]]) -> None:
    """The paths on the ground."""
    st.plotly_chart(
        motion_charts.paths_chart(ground.losses, paths, ground.goal, _=_),
        key="paths",
        config=layout.STILL,
        alt=_("Paths of the optimizers over the surface"),
    )


def show_ends(paths: list[tuple[str, Path]]) -> None:
    """The losses on the paths, and where they end."""
    if paths:
        st.plotly_chart(
            motion_charts.losses_chart(paths, _=_),
            key="losses",
            config=layout.STILL,
            alt=_("Loss of each optimizer at each step"),
        )
        st.dataframe(
            figures(paths), hide_index=True, height="content", alt=_("Where each optimizer ends")
        )
    st.caption(
        _(
            "Keras's optimizers make these steps. Learning rates are chosen for this surface, not "
            "Keras's defaults, which suit networks; change them above. Which optimizer is best "
            "here says little about training a network."
        )
    )


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


layout.head(_("Why does one optimizer arrive where another crawls, swings or runs away?"))
controls, place = st.columns([2, 3], gap="medium")
with controls:
    ground = pick_ground()
    walkers = pick_walkers()
    start, steps = pick_walk(ground)
chosen = all_settings(ground, walkers)
with place:
    with st.spinner(_("Walking: the first time a worker starts, some seconds")):
        found = paths_of(ground, list(chosen.values()), start, steps)
    paths = list(zip(map(title, chosen), found, strict=True))
    show_map(ground, paths)
show_ends(paths)
choice.mark_done()
layout.next_step()
