"""Training images whose label may be wrong: a class decides which, and trains without them."""

import numpy as np
import streamlit as st

from core.charts import pictures
from core.fields import OneOf, named
from core.i18n import N_
from core.specs import DataSpec, RunSpec
from core.store.students import Opinions
from core.studies import statistics
from core.studies.experiment import Experiment
from core.studies.study import Study
from core.training import doubts
from core.training.doubts import EPOCHS, FOLDS, NEURONS, Doubts
from core.training.images import used
from pages.ui import choice, comparison, fields, layout, record, server, study, study_tables
from pages.ui.choice import Choice
from pages.ui.study import Chosen
from pages.ui.text import _, plural

AT_ONCE = 24  # pictures
TILE, WIDTH = 112, 130  # pixels of a picture, and of the column with its words
REFRESH = 5  # seconds after which one sees what others have ticked

WHOSE = OneOf(
    "whose",
    N_("leave out"),
    "mine",
    {
        "mine": N_("The labels that I ticked"),
        "class": N_("Those that most of the class ticked"),
        "networks": N_("All that the networks doubt"),
    },
)


@st.cache_data(max_entries=20, show_spinner=False)
def doubts_of(key: str, _spec: RunSpec) -> Doubts:
    return server.engine().ask(doubts.find, _spec)


def find(current: Choice) -> Doubts:
    """The images whose label networks doubt, found once for all students."""
    spec = doubts.spec_for(DataSpec.of(current.data))
    with st.spinner(_("Training {n} networks and asking them: some seconds").format(n=FOLDS)):
        return doubts_of(spec.key, spec)


# Which labels are wrong


def explain(current: Choice, found: Doubts) -> None:
    """What was found, and what is to be decided."""
    definition = current.data.definition
    st.write(
        _(
            "Data sets have wrong labels too. Networks were shown training images that they had "
            "never seen, and for **{n:,}** of {images:,} they doubt the label. Who is right?"
        ).format(n=len(found.numbers), images=found.images)
    )
    if what := definition.instead(current.data.origin):
        text = _("These are {what}: their labels are right. What is doubted is only hard to read.")
        st.info(text.format(what=what(_)))


def pick(found: Doubts) -> range:
    """The places of the doubted images that are looked at, by the widget for it."""
    n = len(found.numbers)
    if n <= AT_ONCE:
        fields.pass_over("part")
        return range(n)
    parts = {
        str(first): f"{first}–{min(first + AT_ONCE - 1, n)}" for first in range(1, n + 1, AT_ONCE)
    }
    part = OneOf("part", N_("doubted labels"), "1", named(parts))
    first = int(fields.select(part, format_func=parts.__getitem__, width=160))
    return range(first - 1, min(first - 1 + AT_ONCE, n))


def gallery(current: Choice, found: Doubts, places: range, said: Opinions) -> None:
    """Doubted images, each with a box to tick."""
    st.write(
        _(
            "Below each image: **its label** → what a network takes it for, and how sure it is. "
            "Tick the labels that you call wrong. Beside them stands how many say so, of all "
            "students of this lesson who tick any."
        )
    )
    with st.container(horizontal=True, gap="small", key="doubted"):
        for place in places:
            picture(current, found, place, said)


def picture(current: Choice, found: Doubts, place: int, said: Opinions) -> None:
    """A doubted image with its label, what it is taken for, and the box to tick."""
    data, names = current.data, current.class_names
    number = int(found.numbers[place])
    label, taken_for = names[data.y_train[number]], names[found.predicted[place]]
    with st.container(width=WIDTH, gap="xsmall"):
        image = pictures.tile(data.x_train[number], TILE, negative=data.definition.negative)
        alt = _("Training image {number}, with the label {label}")
        st.image(image, alt=alt.format(number=number, label=label))
        st.markdown(f"**{label}** → {taken_for} {found.probabilities[place, 0]:.0%}")
        box, key = _("Not {label}").format(label=label), f"wrong-{data.digest}-{number}"
        if number in said.wrong:
            share = _("{n} of {students}").format(n=said.wrong[number], students=said.students)
            box = f"{box} · {share}"
        st.checkbox(
            box,
            (data.digest, number) in st.session_state.wrong_labels,
            key=key,
            on_change=judge,
            args=[data.digest, number, key],
        )


def judge(digest: str, number: int, key: str) -> None:
    """Note what the student says of a label."""
    record.judge(digest, number, st.session_state[key])


# Without them


def left_out(current: Choice, found: Doubts, said: Opinions) -> tuple[int, ...]:
    """Which of the doubted images the run leaves out, by whose decision that is."""
    of_run = used(current.data, current.spec.data)
    doubted = set(found.numbers[np.isin(found.numbers, of_run)].tolist())
    digest = current.data.digest
    ticked = {number for known, number in st.session_state.wrong_labels if known == digest}
    by = {"mine": doubted & ticked, "class": doubted.intersection(said.most), "networks": doubted}
    return tuple(sorted(by[fields.value(WHOSE)]))


def compared(current: Choice, without: tuple[int, ...]) -> Chosen:
    """The chosen run with all images, and without some, over several seeds."""
    n = len(without)
    left = plural("{name} image left out", "{name} images left out", n)
    rows = (
        Experiment("all", N_("All images")),
        Experiment(f"{n}", left, {"data": {"without": without}}),
    )
    about = Study("labels", N_("Wrong labels"), current.spec, rows)
    return Chosen(about, fields.value(study.SEEDS), current.data)


def train_without(current: Choice, chosen: Chosen) -> None:
    """Train both, and say what the difference is."""
    done = study.progress(chosen)
    study.controls(chosen, done)
    if not done.runs:
        return
    summaries = statistics.summarise(chosen.study, done.runs, chosen.seeds, chosen.data_spec)
    study_tables.figures(chosen, summaries)
    everything, without = summaries
    if difference := statistics.difference(without, everything):
        names = without.row.label(_), everything.row.label(_)
        st.write(comparison.verdict(*names, difference))
    st.caption(
        _(
            "The test images have wrong labels too, and a network that is right about one of them "
            "is counted as wrong. A few labels among {n:,} hardly change a network; but without "
            "them its batches are others, and that changes the figures as another seed does."
        ).format(n=layout.images_used(current.spec, current.data))
    )


def retrain(current: Choice, found: Doubts, said: Opinions) -> None:
    """Let the student choose what is left out, and train without it."""
    st.subheader(_("Is the network better without them?"))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        fields.radio(
            WHOSE, help=_("Most: more than half of the students of this lesson who tick any label.")
        )
        fields.number(study.SEEDS, width=140)
    without = left_out(current, found, said)
    if without:
        train_without(current, compared(current, without))
    else:
        st.info(_("Nothing is left out yet: tick labels above that are wrong."))


def board(current: Choice, found: Doubts, places: range, live: bool) -> None:
    """All that changes with what students tick, and while it is trained."""
    said = record.opinions(current.data.digest)
    if live != under_way(current, found, said):
        st.rerun()
    gallery(current, found, places, said)
    retrain(current, found, said)
    fields.write()


def under_way(current: Choice, found: Doubts, said: Opinions) -> bool:
    """True while one of the runs is trained or waits."""
    without = left_out(current, found, said)
    return bool(without and study.progress(compared(current, without)).alive)


def method(found: Doubts) -> None:
    """How the doubted labels were found."""
    with st.expander(_("How were they found?")):
        st.write(
            _(
                "{images:,} training images were dealt into {folds} parts; none of them equals an "
                "earlier one or a test image. For each part a new network ({neurons} neurons, "
                "Adam, {epochs} epochs) learned from the other parts and then named the class of "
                "each image of this one: for {agreed:.1%} it is that of the label. From how sure "
                "the networks are of each class cleanlab estimates how many labels are wrong, and "
                "lists so many, the least probable first. Method: Northcutt, Jiang and Chuang "
                "(2021), “Confident learning”."
            ).format(
                images=found.images,
                folds=FOLDS,
                neurons=NEURONS,
                epochs=EPOCHS,
                agreed=found.agreed,
            )
        )


current = layout.begin(_("Which labels are wrong, and does a network get better without them?"))
found = find(current)
explain(current, found)
if len(found.numbers):
    places = pick(found)
    live = under_way(current, found, record.opinions(current.data.digest))
    layout.fragment(run_every=1 if live else REFRESH)(board)(current, found, places, live)
else:
    fields.pass_over("part", WHOSE.name, study.SEEDS.name)
method(found)
choice.mark_done()
layout.next_step()
