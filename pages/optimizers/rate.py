"""The learning-rate finder: one short training in which the learning rate grows."""

from dataclasses import replace

import streamlit as st

from core.charts import surfaces as motion_charts
from core.fields import OneOf
from core.i18n import N_
from core.optimizers import finder
from core.optimizers.finder import HIGHEST, LOWEST, START, STEPS, Sweep
from core.specs import RunSpec, optimizer_spec
from core.specs.optimizers import OPTIMIZERS
from pages.ui import choice, fields, layout, server
from pages.ui.text import _


@st.cache_data(max_entries=200, show_spinner=False)
def sweep_of(key: str, _spec: RunSpec) -> Sweep:
    return server.engine().ask(finder.sweep, _spec)


def reading(name: str, sweep: Sweep) -> str:
    """What the curve of an optimizer says, in words."""
    if len(sweep.rates) < START:
        return _(
            "The loss is not a number (NaN) after {n} steps, while the rates are still tiny: "
            "this says nothing about the rate. Try another seed or batch size."
        ).format(n=len(sweep.rates))
    sentences = []
    if sweep.steepest is None or sweep.lowest is None:
        sentences.append(_("The loss shows **no clear fall** in this range."))
    else:
        steepest, lowest = sweep.rates[sweep.steepest], sweep.rates[sweep.lowest]
        sentences.append(
            _("The loss falls fastest near **{rate:.2g}**: begin there.").format(rate=steepest)
        )
        highest = (
            _("It is lowest near {rate:.2g}, which is too high already.")
            if sweep.rises
            else _("It is lowest near {rate:.2g}, and does not clearly rise after that.")
        )
        sentences.append(highest.format(rate=lowest))
    default = OPTIMIZERS[name].learning_rate
    sentences.append(_("Keras's default is {default:g}.").format(default=default))
    if sweep.diverged:
        last = sweep.rates[-1]
        sentences.append(_("Above {last:.2g} the training runs away.").format(last=last))
    if name == "adafactor":
        sentences.append(
            _(
                "Adafactor never uses more than 1/√t in step t: above {limit:.2g} a higher rate "
                "changes nothing in this sweep."
            ).format(limit=finder.adafactor_limit())
        )
    return " ".join(sentences)


def pick(spec: RunSpec) -> str:
    """The optimizer that is looked at, at first that of the choice."""
    titles = {name: known.title for name, known in OPTIMIZERS.items()}
    return fields.select(
        OneOf("finder", N_("optimizer"), spec.optimizer.name, titles),
        key=f"finder-{spec.optimizer.name}",
        width=260,
    )


def find(spec: RunSpec) -> None:
    """Sweep the learning rate of an optimizer, and say what the curve shows."""
    name = pick(spec)
    st.write(
        _(
            "A new network trains for up to {n} steps, and the learning rate grows with every "
            "step, from {low:g} to {high:g}. Where the loss falls, the network learns; where it "
            "rises, steps are too large."
        ).format(n=STEPS, low=LOWEST, high=HIGHEST)
    )
    wanted = finder.for_sweep(replace(spec, optimizer=optimizer_spec(name)))
    with st.spinner(_("Sweeping: some seconds, with a large network a minute")):
        sweep = sweep_of(wanted.key, wanted)
    st.plotly_chart(
        motion_charts.sweep_chart(sweep, _=_),
        key="sweep_chart",
        config=layout.STILL,
        alt=_("Loss against the learning rate"),
    )
    st.write(reading(name, sweep))
    st.caption(
        _(
            "One sweep of {layers} with {optimizer}, seed {seed}, batch {batch}: the finder "
            "narrows the choice, trainings decide. Compare rates in an own study on the page "
            "Optimizers. Method: Smith (2017), “Cyclical learning rates for training neural "
            "networks”."
        ).format(
            layers=layout.layers(spec.network),
            optimizer=OPTIMIZERS[name].title,
            seed=spec.train.seed,
            batch=spec.train.batch_size,
        )
    )


current = layout.begin(_("Which learning rate suits this network and optimizer?"), choice_of="data")
if current.spec.network.dense:
    find(current.spec)
else:
    st.info(_("The finder is for fully connected networks: choose another one in the sidebar."))
choice.mark_done()
layout.next_step()
