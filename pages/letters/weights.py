"""What L2 does to the weights of a network, beside the same network without it."""

import numpy as np
import streamlit as st

from core.charts.networks import weight_histograms
from core.fields import OneOf, named
from core.i18n import N_
from core.labs.letters import DEEP, WITH_L2
from core.networks.layers import Dense
from core.specs import RunSpec
from core.store import Run
from core.studies.experiment import Experiment
from pages.ui import fields, layout, networks, server, study
from pages.ui.choice import Choice
from pages.ui.text import _, duration


def specs_of(current: Choice) -> dict[str, RunSpec]:
    """The two networks, with the seed of the choice."""
    base = current.lab.on(current.spec.data)
    pair: tuple[Experiment, ...] = (DEEP, WITH_L2)
    return {one.label(_): one.spec(base) for one in pair}


def offer(missing: list[RunSpec]) -> None:
    """Train what is not there yet."""
    engine = server.engine()
    if any((claim := engine.store.claimed(spec.key)) and claim.alive for spec in missing):
        st.info(_("The networks are being trained. Look at it on the page Regularisation."))
        return
    seconds = sum(map(engine.seconds, missing))
    st.write(_("Two trained networks are compared here, and not both are there yet."))
    st.button(
        _("Train them, {time}").format(time=duration(seconds)),
        type="primary",
        icon=":material/play_arrow:",
        on_click=study.start,
        args=[missing],
    )
    if error := st.session_state.pop("start_error", None):
        layout.show_error(error)


def compare(found: dict[str, Run]) -> None:
    """The weights of one layer of each network, as a histogram."""
    rows = [row for row in next(iter(found.values())).layers if isinstance(row.layer, Dense)]
    names = {str(n): _("layer {n}").format(n=n) for n in range(1, len(rows))}
    names[str(len(rows))] = _("output")
    layer = OneOf("layer", N_("layer"), "1", named(names))
    number = int(fields.radio(layer, format_func=names.__getitem__))
    kernels = {name: kernel(run, number) for name, run in found.items()}
    st.plotly_chart(
        weight_histograms(kernels, _=_),
        key="weights",
        config=layout.STILL,
        alt=_("How many weights of the layer have which value"),
    )
    for name, values in kernels.items():
        st.write(
            _(
                "**{name}**: a weight is {size:.3f} from 0 in the mean, and {near:.0%} of them are "
                "nearer than 0.01."
            ).format(name=name, size=np.abs(values).mean(), near=(np.abs(values) < 0.01).mean())
        )
    for run in found.values():
        st.caption(f"{networks.name(run)}. {layout.provenance(run)}")


def kernel(run: Run, number: int) -> np.ndarray:
    """The weights, without biases, of a Dense layer of a run, counted from 1."""
    network = networks.network(run)
    pairs = zip(network.rows, network.weights, strict=True)
    kernels = [weights[0] for row, weights in pairs if isinstance(row.layer, Dense)]
    return kernels[number - 1].ravel()


current = layout.begin(_("What does L2 do to the weights?"), choice_of="data")
st.write(
    _(
        "L2 adds to the loss the square of each weight, times a small number: {strength:g} here. A "
        "weight that is not worth its price gets smaller. Small weights make a network whose "
        "answer changes little when the image changes little."
    ).format(strength=0.001)
)
specs = specs_of(current)
found = {name: run for name, spec in specs.items() if (run := server.find_run(spec.key))}
if len(found) < len(specs):
    offer([spec for name, spec in specs.items() if name not in found])
else:
    compare(found)
layout.next_step()
