"""Train the chosen network and watch it learn; a finished run is read and compared at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core import labs
from core.charts import networks as network_charts
from core.charts import runs as charts
from core.errors import UsageError
from core.fields import OneOf, Text
from core.i18n import N_
from core.labs import Variation
from core.networks.frozen import Pretrained
from core.specs import RunSpec, training_images
from core.specs import fields as run_fields
from core.store import Claim, Run
from core.studies import reading
from core.training.epochs import Epoch
from pages.ui import choice, download, fields, layout, networks, own_settings, server, training
from pages.ui.choice import Choice
from pages.ui.text import _, duration, plural

# When a training is watched again, in seconds: of an epoch, and of all of them.
REPLAYED_EPOCH = 0.5
REPLAYED = (3, 8)


# What there is before the start


def offer(current: Choice, claim: Claim | None) -> None:
    """The button that starts, and the network; after an earlier attempt what is known of it."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        base = current.spec.network.base
        if isinstance(base, Pretrained):
            download.missing_weights(base.name)
        training.button(_("Start again") if claim else _("Start training"), claim, "primary")
        plan(current)
        frozen_part(current)
    if claim and claim.epochs:
        st.caption(_("The training ended early. This is how far it came:"))
        curves(claim.epochs, current.spec.train.epochs)
        return
    with right:
        diagram(current)


def plan(current: Choice) -> None:
    """What the training will do, in numbers."""
    train = current.spec.train
    images = layout.images_used(current.spec, current.data)
    trained_on = training_images(images, train.validation_split)
    steps = math.ceil(trained_on / train.batch_size)
    kept = images - trained_on
    text = _(
        "**What will happen:** In each epoch the network sees {images:,} images, {batch:,} at a "
        "time: {steps:,} steps. After each step the weights change a little, to make the loss "
        "smaller. In all {all:,} steps in {epochs}: {time} on this machine."
    )
    tried = _(
        "After each epoch the network is tried on {n:,} validation images that it never trains on."
    )
    if not kept:
        tried = _("After each epoch the network is tried on the {n:,} test images.")
    st.write(
        text.format(
            images=trained_on,
            batch=train.batch_size,
            steps=steps,
            all=steps * train.epochs,
            epochs=plural("{n} epoch", "{n} epochs", train.epochs).format(n=train.epochs),
            time=duration(server.engine().seconds(current.spec)),
        )
    )
    st.write(tried.format(n=kept or len(current.data.x_test)))
    if train.schedule:
        st.write(_(train.schedule.meaning))
    if train.early_stopping:
        st.write(
            plural(
                "It ends earlier if the validation loss does not fall for {n} epoch; the weights "
                "of the best epoch are kept.",
                "It ends earlier if the validation loss does not fall for {n} epochs; the weights "
                "of the best epoch are kept.",
                train.early_stopping,
            ).format(n=train.early_stopping)
        )


def frozen_part(current: Choice) -> None:
    """What is computed once for a network that begins with a frozen one."""
    spec, data = current.spec, current.data
    if not spec.network.base:
        return
    used = layout.images_used(spec, data)
    copied = spec.train.copies * training_images(used, spec.train.validation_split)
    own = 0 if data.split is None else len(data.whole.x_test)
    text = _(
        "**Frozen: {base}.** Training leaves it as it is. What it makes of each of {n:,} images, "
        "those of the test included, is computed once, before the first epoch, and kept: the next "
        "time the first epoch begins at once."
    )
    images = used + copied + len(data.x_test) + own
    st.write(text.format(base=layout.base_text(spec.network.base), n=images))
    if spec.train.copies:
        text = plural(
            "Augmentation makes {n} changed copy of each training image beforehand.",
            "Augmentation makes {n} changed copies of each training image beforehand; the epochs "
            "take one after the other.",
            spec.train.copies,
        )
        st.write(text.format(n=spec.train.copies))


def diagram(current: Choice) -> None:
    """The network that is to be trained."""
    st.plotly_chart(
        network_charts.network_diagram(current.layers, current.class_names, _=_),
        key="diagram",
        width=600,
        config=layout.STILL,
        alt=_("The network that will be trained: {total:,} weights").format(
            total=sum(row.weights for row in current.layers)
        ),
    )


# While it trains


@layout.fragment(run_every=1)
def watch(key: str, total: int) -> None:
    """A run that is under way. When it ends, the whole page is drawn anew."""
    claim = server.engine().store.claimed(key)
    if not training.goes_on(claim):
        training.ended()
    assert claim
    training.progress(claim)
    curves(claim.epochs, total)
    if claim.epochs:
        epoch_table(claim.epochs)


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
    if any(epoch.learning_rate is not None for epoch in epochs):
        st.plotly_chart(
            charts.learning_rates(epochs, total, _=_),
            key="learning_rates",
            config=layout.STILL,
            alt=_("Learning rate at the end of each epoch"),
        )


def epoch_table(epochs: Sequence[Epoch]) -> None:
    """Every figure of every epoch; a loss that is not a number is called diverged."""
    penalty = epochs[0].penalty is not None
    rows = [
        {
            _("Epoch"): row.epoch,
            _("Loss"): layout.figure(row.loss),
            _("Accuracy"): layout.figure(row.accuracy),
            _("Validation loss"): layout.figure(row.val_loss),
            _("Validation accuracy"): layout.figure(row.val_accuracy),
            **({_("Part from L1 and L2"): layout.figure(row.penalty)} if penalty else {}),
            **(
                {_("Learning rate"): f"{row.learning_rate:.3g}"}
                if row.learning_rate is not None
                else {}
            ),
            _("Seconds"): f"{row.seconds:.2f}",
        }
        for row in epochs
    ]
    content = pd.DataFrame(rows)
    with st.expander(_("The numbers of every epoch")):
        st.dataframe(
            content,
            hide_index=True,
            column_config=layout.numbers_right(content),
            height="content",
            alt=_("Table of epochs"),
        )
    extremes(epochs)


def extremes(epochs: Sequence[Epoch]) -> None:
    """The lowest, the highest and the last value of each curve."""
    lines = {
        _("Loss"): [row.loss for row in epochs],
        _("Accuracy"): [row.accuracy for row in epochs],
        _("Validation loss"): [row.val_loss for row in epochs if row.val_loss is not None],
        _("Validation accuracy"): [
            row.val_accuracy for row in epochs if row.val_accuracy is not None
        ],
    }
    with st.expander(_("Lowest, highest and last value of each curve")):
        layout.extremes({name: values for name, values in lines.items() if values})


# When it is done


def finished(run: Run, ideas: Sequence[Variation]) -> None:
    """A finished run: its figures and curves, and what can be read from them."""
    layout.result_tiles(run)
    curves(run.epochs, run.spec.train.epochs)
    watch_again(len(run.epochs))
    st.markdown("\n".join(f"- {sentence.text(_)}" for sentence in reading.sentences(run)))
    if ideas:
        try_next(ideas, run.key)
    choice.mark_done()


@layout.fragment()
def watch_again(epochs: int) -> None:
    """Draw the curves once more, epoch by epoch: on a few images nobody can watch the training.

    The browser alone uncovers what it has. Each time the animation has another name: one of the
    same name would not begin anew.
    """
    if not st.button(_("Watch again"), icon=":material/replay:", key="again"):
        return
    times = st.session_state.times_watched = st.session_state.get("times_watched", 0) + 1
    least, most = REPLAYED
    seconds = min(max(least, REPLAYED_EPOCH * epochs), most)
    hidden, shown = "inset(-12px calc(100% - 12px) -12px -12px)", "inset(-12px)"
    st.html(
        f"<style>@keyframes watched-{times} {{ from {{ clip-path: {hidden}; }} to {{ clip-path: "
        f"{shown}; }} }} .st-key-loss .scatterlayer, .st-key-accuracy .scatterlayer {{ animation: "
        f"watched-{times} {seconds}s steps({max(2, epochs)}, jump-none); }}</style>"
    )


def try_next(ideas: Sequence[Variation], key: str) -> None:
    """Runs that differ in one thing from the one of that key, each then compared with it."""
    st.markdown(_("**Try next**, and compare it with this run:"))
    with st.container(horizontal=True):
        for number, one in enumerate(ideas):
            st.button(
                _(one.title).format(value=one.value),
                icon=":material/science:",
                key=f"next-{number}",
                on_click=take,
                args=(one, key),
            )


def take(one: Variation, key: str) -> None:
    """Choose and start a run, and compare it with the one of that key."""
    own_settings.take(one.spec)
    st.session_state["with"] = key
    training.start(one.spec)


# Beside another run


@dataclass(frozen=True)
class OtherRun(Text):
    """The key of a finished run of the same images as `spec`; empty for none."""

    spec: RunSpec

    def parse(self, text: str) -> str:
        self.check(text)
        return text

    def check(self, value: str) -> None:
        run = server.find_run(value) if value not in ("", self.spec.key) else None
        if value and (run is None or run.spec.data.digest != self.spec.data.digest):
            raise UsageError(
                N_("There is no finished run {value} of these images to compare with."),
                value=value,
            )


def other_run(current: Choice, ideas: Sequence[Variation]) -> Run | None:
    """The run that the student compares with, of those of the lab and what was to be tried next."""
    name, term = "with", N_("compare with")
    chosen = fields.value(OtherRun(name, term, "", current.spec))
    base = current.lab.on(current.spec.data)
    specs = [one.spec(base) for one in current.lab.experiments]
    specs += [one.spec for one in ideas]
    keys = dict.fromkeys([chosen, *(spec.key for spec in specs)])
    found = {key: run for key in keys if key != current.spec.key and (run := server.find_run(key))}
    if not chosen and not (found and current.run):
        return None
    names = {"": _("no other run")} | {key: networks.name(run) for key, run in found.items()}
    picker = OneOf(name, term, "", names)
    return found.get(fields.select(picker, format_func=names.__getitem__))


def comparison(current: Choice, run: Run, other: Run) -> None:
    """Two runs side by side: what differs, their figures and their curves."""
    left, right = st.columns(2, gap="large")
    with left:
        st.write(reading.difference(run, other).text(_))
        st.dataframe(
            both(current, run, other),
            hide_index=True,
            height="content",
            alt=_("What differs between the two runs, and their figures"),
        )
    right.plotly_chart(
        charts.compared_curves([(_("this run"), run), (_("other run"), other)], _=_),
        key="compared",
        config=layout.STILL,
        alt=_("Accuracy of both runs on images they were not trained on, after each epoch"),
    )


def both(current: Choice, *runs: Run) -> pd.DataFrame:
    """A column for each of two runs: the settings in which they differ, then their figures."""
    settings = [
        {
            **layout.network_settings(run.spec),
            _("Optimizer"): run.spec.optimizer.text,
            **layout.training_settings(run.spec, current.data),
            run_fields.SEED.label(_): f"{run.spec.train.seed}",
        }
        for run in runs
    ]
    figures = [
        {
            _("Test accuracy"): layout.figure(run.test_accuracy),
            _("Test loss"): layout.figure(run.test_loss),
            run_fields.EPOCHS.label(_): f"{len(run.epochs)}",
            _("Training time"): _("{n:.1f} s").format(n=run.train_seconds),
        }
        for run in runs
    ]
    differing = [name for name in settings[0] if settings[0][name] != settings[1][name]]
    names = dict.fromkeys([*differing, *figures[0]])
    here, there = (
        [(one | two)[name] for name in names] for one, two in zip(settings, figures, strict=True)
    )
    return pd.DataFrame({"": list(names), _("This run"): here, _("Other run"): there})


def state(current: Choice) -> None:
    """The run of the choice: finished, under way, or to be started."""
    key, ideas = current.spec.key, labs.variations(current)
    body, beside = st.container(), st.container()
    with beside:
        other = other_run(current, ideas)
    run = current.run
    with body:
        if run:
            finished(run, ideas)
            training.keep_focus("again")
        elif training.goes_on(claim := server.engine().store.claimed(key)):
            watch(key, current.spec.train.epochs)
            training.keep_focus("stop")
        else:
            offer(current, claim)
            training.keep_focus("start")
    if not run:
        return
    if other:
        with beside:
            comparison(current, run, other)
    epoch_table(run.epochs)
    st.caption(layout.provenance(run))
    layout.next_step()


current = layout.begin(
    _(
        "**Accuracy** is the share of images that the network gets right; **loss** is how far its "
        "answers are from the right ones, and training makes it smaller. Do both improve on images "
        "that it never trains on?"
    )
)
state(current)
