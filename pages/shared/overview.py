"""What the lab is, what to do next, and what is trained already."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from core.data import DATASETS
from core.labs.contract import Lab, Step
from core.labs.steps import DRAW, OVERVIEW, TRAIN
from core.specs import RunSpec
from core.studies.experiment import Experiment, Shown
from pages.ui import choice, fields, layout, record, server, training
from pages.ui.choice import Choice
from pages.ui.text import _


def question(lab: Lab) -> str:
    """What the lab is about, by what its data sets show."""
    shown = dict.fromkeys(_(DATASETS[name].many) for name in lab.datasets)
    return _(
        "Train a neural network to recognise {things}, then look at what it gets right and wrong. "
        "Choose a data set and a row of the table, then follow the steps."
    ).format(things=_(" or ").join(shown))


def begin_here(current: Choice) -> None:
    """One button for what comes next, and the way to the page that needs no training."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        next_thing(current)
        link_to_draw(current)
        record.choose_name()
    if error := st.session_state.pop("start_error", None):
        layout.show_error(error)


def next_thing(current: Choice) -> None:
    """The button that starts the choice, or leads to what is not done of it."""
    if current.run:
        step = next_undone(current)
        label = _("Go on: {page}").format(page=_(step.title))
        if step.file == TRAIN.file:
            label = _("Look at the curves")
        go, icon = partial(leave_for, step.name), step.icon
    elif training.goes_on(server.engine().store.claimed(current.spec.key)):
        label = _("Watch: {name}").format(name=current.name)
        go, icon = partial(leave_for, TRAIN.name), TRAIN.icon
    else:
        label = _("Start {name}").format(name=current.name)
        if not current.experiment:
            label = _("Start your own settings")
        go, icon = partial(start, current.spec), TRAIN.icon
    st.button(f"**{label}**", type="primary", icon=icon, on_click=go, key="go")


def next_undone(current: Choice) -> Step:
    """What a student has not seen of a trained network: first of all the curves."""
    steps = [step for step in current.lab.steps if step is not OVERVIEW]
    steps.sort(key=lambda step: step.file != TRAIN.file)
    return next((step for step in steps if not choice.is_marked(step)), steps[0])


def start(spec: RunSpec) -> None:
    """Train it, and watch."""
    training.start(spec)
    if "start_error" not in st.session_state:
        leave_for(TRAIN.name)


def leave_for(page: str) -> None:
    st.session_state.leave_for = page


def link_to_draw(current: Choice) -> None:
    """The way to Draw, where some network can read a drawing and the button leads elsewhere."""
    known, lab = current.data.definition, current.lab
    has_page = any(step.name == DRAW.name for step in lab.steps)
    leads_there = current.run and next_undone(current).name == DRAW.name
    if has_page and (lab.drawing_model or current.run) and not leads_there:
        label = _("Or draw {one} at once") if lab.drawing_model else _("Or draw {one}")
        if known.ink is None:
            label = _("Or bring a photograph of {one}")
        layout.link("draw", label.format(one=_(known.one)))


def experiments(current: Choice) -> None:
    """The table of the lab sheet; a tapped row is chosen."""
    listed = [one for one in current.lab.experiments if one.shown]
    if not listed:
        return
    st.subheader(_(current.lab.title))
    st.write(
        _("Tap a row to choose it. This page's address carries the choice: share it as a link.")
    )
    names = [one.name for one in listed]
    chosen = current.experiment.name if current.experiment else ""
    # A key for each choice: whoever chooses in the sidebar sees that row marked here.
    key = f"experiments-{current.lab.name}-{chosen}-{st.session_state.get('unchecked', 0)}"
    rows = [names.index(chosen)] if chosen in names else []
    content = table(current, listed)
    st.dataframe(
        content,
        hide_index=True,
        column_config=layout.numbers_right(content),
        height="content",
        key=key,
        on_select=partial(choose_row, key, names),
        selection_mode=["single-row", "single-cell"],
        selection_default={"selection": {"rows": rows}},
        alt=_("The experiments of the lab, and the test accuracy of those that are trained"),
    )
    text = _(
        "When a row is trained, its test accuracy stands here: one run with seed {n}, on the "
        "images named above."
    )
    if any(one.published for one in listed) and not current.data.complete:
        text += " " + _("Published: on the full set, which these images are not.")
    st.caption(text.format(n=current.lab.base.train.seed))


def table(current: Choice, listed: Sequence[Experiment]) -> pd.DataFrame:
    """A row for each experiment; a setting that all of them share has no column."""
    specs = [one.spec(current.lab.on(current.spec.data)) for one in listed]
    runs = [server.find_run(spec.key) for spec in specs]
    content = {_(current.lab.word): [layout.short_name(one) for one in listed]}
    if any(runs):
        content[_("Test accuracy")] = [
            layout.figure(run.test_accuracy if run else None) for run in runs
        ]
    if any(one.published for one in listed):
        content[_("Published")] = [layout.figure(one.published) for one in listed]
    rows = [
        settings(spec, one.shown or Shown(), current)
        for spec, one in zip(specs, listed, strict=True)
    ]
    for name in rows[0]:
        cells = [row[name] for row in rows]
        if len(rows) == 1 or len(set(cells)) > 1:
            content[name] = cells
    return pd.DataFrame(content)


def settings(spec: RunSpec, shown: Shown, current: Choice) -> dict[str, str]:
    """What an experiment sets, and what the sheet wants to see of it."""
    many = _(current.data.definition.many)
    return {
        **layout.network_settings(spec),
        _("Optimizer"): spec.optimizer.text,
        **layout.training_settings(spec, current.data),
        _("Samples"): f"{shown.samples}",
        _("{Many} to check").format(Many=many[:1].upper() + many[1:]): ", ".join(
            map(str, shown.test_indices)
        ),
        _("Mistakes to show"): f"{shown.mistakes}",
    }


def choose_row(key: str, names: Sequence[str]) -> None:
    """Take the row whose box or cell was tapped as the choice."""
    state = st.session_state
    rows, cells = state[key].selection.rows, state[key].selection.cells
    if not rows:  # the box of the chosen row, which stays chosen: a new table has its mark again
        state.unchecked = state.get("unchecked", 0) + 1
        return
    tapped = [names[row] for row in [*(row for row, _column in cells), *rows]]
    if other := [name for name in tapped if name != state.variant]:
        state.variant = other[0]
        fields.forget()


current = layout.begin(question(choice.lab()))
begin_here(current)
experiments(current)
choice.mark_done()
layout.next_step()
