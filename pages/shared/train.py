"""Train the chosen network and watch it learn; a finished run is shown at once."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.charts import runs as charts
from core.store import Claim, Run
from core.training.epochs import Epoch
from pages.ui import layout, server, training
from pages.ui.choice import Choice
from pages.ui.text import _


def curves(epochs: Sequence[Epoch], total: int) -> None:
    """Loss and accuracy, training and validation, over all epochs to come."""
    left, right = st.columns(2)
    left.plotly_chart(
        charts.learning_curves(epochs, "loss", total, _=_),
        key="loss",
        config=layout.STILL,
        alt=_("Loss of training and validation after each epoch"),
    )
    right.plotly_chart(
        charts.learning_curves(epochs, "accuracy", total, _=_),
        key="accuracy",
        config=layout.STILL,
        alt=_("Accuracy of training and validation after each epoch"),
    )


def epoch_table(epochs: Sequence[Epoch]) -> None:
    """Every figure of every epoch; a loss that is not a number is called diverged."""
    rows = [
        {
            _("Epoch"): row.epoch,
            _("Loss"): layout.figure(row.loss),
            _("Accuracy"): layout.figure(row.accuracy),
            _("Validation loss"): layout.figure(row.val_loss),
            _("Validation accuracy"): layout.figure(row.val_accuracy),
            _("Seconds"): f"{row.seconds:.2f}",
        }
        for row in epochs
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content", alt=_("Table of epochs"))


def finished(run: Run) -> None:
    """A finished run: its test figures, its curves and its table."""
    layout.result_tiles(run)
    curves(run.epochs, run.spec.train.epochs)
    epoch_table(run.epochs)
    st.caption(layout.provenance(run))
    layout.next_step()


def offer(claim: Claim | None, total: int) -> None:
    """The button that starts, after an earlier attempt with what is known of it."""
    training.button(_("Start again") if claim else _("Start training"), claim, "primary")
    if claim and claim.epochs:
        st.caption(_("What the attempt that ended early had reached:"))
        curves(claim.epochs, total)
    elif not claim:
        st.caption(_("The curves appear here while the network trains, epoch by epoch."))


@layout.fragment(run_every=1)
def watch(key: str, total: int) -> None:
    """A run that is under way. When it ends, the whole page is drawn anew."""
    claim = server.engine().store.claimed(key)
    if not training.goes_on(claim):
        st.rerun()
    assert claim
    training.progress(claim)
    curves(claim.epochs, total)
    if claim.epochs:
        epoch_table(claim.epochs)


def state(current: Choice) -> None:
    """The run of the choice: finished, under way, or to be started."""
    key, epochs = current.spec.key, current.spec.train.epochs
    if run := current.run:
        finished(run)
        return
    claim = server.engine().store.claimed(key)
    if training.goes_on(claim):
        watch(key, epochs)
    else:
        offer(claim, epochs)


current = layout.begin(
    _("How do loss and accuracy change, and does it still improve on images it never trains on?")
)
state(current)
