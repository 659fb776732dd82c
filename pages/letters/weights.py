"""What L2 does to the weights of a network, beside the same network without it."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.charts.networks import weight_histograms
from core.fields import OneOf, named
from core.i18n import N_
from core.labs.letters import L2
from core.networks.layers import Dense
from core.store import Run
from pages.ui import choice, fields, layout, networks, study
from pages.ui.choice import Choice
from pages.ui.study import Chosen, Progress
from pages.ui.text import _

NONE, *STRENGTHS = L2.rows
STRENGTH = OneOf("strength", N_("strength of L2"), "0.01", named(row.name for row in STRENGTHS))
NEAR = 0.01


def explain() -> None:
    """What L2 is."""
    st.write(
        _(
            "L2 adds to the loss the square of each weight, times a small number: its strength. A "
            "weight that is not worth its price gets smaller. Small weights make a network whose "
            "answer changes little when the image changes little."
        )
    )


def pick(current: Choice) -> Chosen:
    """Two networks of the study of L2: one without it, and one with a strength of it."""
    name = fields.radio(STRENGTH)
    rows = (NONE, next(row for row in STRENGTHS if row.name == name))
    return Chosen(replace(L2, rows=rows), 1, current.data)


def board(chosen: Chosen, done: Progress) -> None:
    """The weights, once both networks are trained."""
    if done.missing:
        study.controls(chosen, done)
        st.caption(_("When both networks are trained, their weights are shown here."))
        fields.pass_over("layer")
        return
    rows = zip(chosen.study.rows, done.wanted, strict=True)
    compare({row.label(_): done.runs[spec.key] for row, spec in rows})
    choice.mark_done()


def compare(found: dict[str, Run]) -> None:
    """The weights of one layer of each network."""
    number = pick_layer(next(iter(found.values())))
    weights = {name: kernel(run, number) for name, run in found.items()}
    st.plotly_chart(
        weight_histograms(weights, _=_),
        key="weights",
        config=layout.STILL,
        alt=_("How many weights of the layer have which value"),
    )
    text = _(
        "- **{name}**: a weight is {size:.3f} from 0 in the mean, and {near:.0%} are nearer than "
        "{limit:g}. Test accuracy {accuracy:.4f}."
    )
    st.markdown(
        "\n".join(
            text.format(
                name=name,
                size=np.abs(values).mean(),
                near=(np.abs(values) < NEAR).mean(),
                limit=NEAR,
                accuracy=found[name].test_accuracy,
            )
            for name, values in weights.items()
        )
    )
    for name, run in found.items():
        st.caption(f"{name}: {layout.provenance(run)}")


def pick_layer(run: Run) -> int:
    """Which of the Dense layers is looked at, counted from 1."""
    layers = sum(isinstance(row.layer, Dense) for row in run.layers)
    names = {str(n): _("layer {n}").format(n=n) for n in range(1, layers)}
    names[str(layers)] = _("output")
    return int(fields.radio(OneOf("layer", N_("layer"), "1", names), format_func=names.__getitem__))


def kernel(run: Run, number: int) -> npt.NDArray[np.float32]:
    """The weights of a Dense layer, counted from 1, without its biases."""
    network = networks.network(run)
    pairs = zip(network.rows, network.weights, strict=True)
    kernels = [weights[0] for row, weights in pairs if isinstance(row.layer, Dense)]
    return kernels[number - 1].ravel()


current = layout.begin(_("What does L2 do to the weights?"), choice_of="data")
explain()
study.live(board, pick(current))
layout.next_step()
