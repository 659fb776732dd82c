"""For the teacher: what is trained, what runs, and how accuracy grows with the network."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core import data as datasets
from core import settings
from core.charts import runs as charts
from core.data import Dataset
from core.engine import Place
from core.engine.estimates import seconds_of
from core.errors import DataError, LabError, UsageError
from core.i18n import N_
from core.labs.contract import Lab
from core.networks import structure
from core.specs import DataSpec, NetworkSpec, RunSpec
from core.store import Claim, Run
from core.studies.experiment import Experiment
from pages.ui import choice, identity, layout, networks, server, training
from pages.ui.text import _, duration, plural

Queue = dict[str, Place]

# States of a claim without a result
BROKEN = {"failed": N_("failed"), "interrupted": N_("interrupted"), "stopped": N_("stopped")}

SHOWN = 10  # runs that are under way, each with its button


def table_height(rows: Sequence[object]) -> int:
    """Pixels of a table that shows all of a few rows and scrolls through more."""
    return min(38 + 35 * len(rows), 400)


def present_data(lab: Lab) -> list[Dataset]:
    """The data sets of the lab that are on this machine."""
    found = []
    for wanted in map(datasets.definition, lab.datasets):
        try:
            found.append(server.load(datasets.locate(wanted)))
        except DataError as error:
            st.info(f"{wanted.title}: {layout.sentence(error)}")
    return found


def spec_of(experiment: Experiment, lab: Lab, data: Dataset) -> RunSpec:
    """The run of an experiment of the lab on this data."""
    return experiment.spec(lab.on(DataSpec.of(data)))


def cells(spec: RunSpec, data: Dataset, queue: Queue) -> dict[str, str]:
    """The cells of a run on a data set: its state and its test accuracy."""
    run = server.find_run(spec.key)
    return {
        data.definition.title: _("trained") if run else state(spec, queue),
        _("{title}, accuracy").format(title=data.definition.title): layout.figure(
            run.test_accuracy if run else None
        ),
    }


def state(spec: RunSpec, queue: Queue) -> str:
    """How far a run is that is not finished."""
    claim = server.engine().store.claimed(spec.key)
    if claim is None:
        return _("not trained")
    if claim.state == "running":
        return _("running, {share:.0%}").format(share=claim.fraction)
    if not claim.alive:
        return _(BROKEN[claim.state])
    place = queue.get(claim.key)
    return _("waiting, place {n}").format(n=place.number) if place else _("starting")


def experiments(lab: Lab, data: list[Dataset], queue: Queue) -> None:
    """Every experiment of the lab on every data set, with its state and its test accuracy."""
    rows = []
    for one in lab.experiments:
        specs = [spec_of(one, lab, each) for each in data]
        row = {
            _(lab.word): layout.short_name(one),
            _("Hidden layers"): layout.hidden(specs[0].network),
            _("Weights"): " / ".join(count_weights(specs[0].network, data)),
        }
        for spec, each in zip(specs, data, strict=True):
            row |= cells(spec, each, queue)
        rows.append(row)
    st.subheader(_(lab.title))
    st.dataframe(
        pd.DataFrame(rows),
        column_config={
            name: layout.fitting([name, *(row[name] for row in rows)])
            for name in (_(lab.word), _("Hidden layers"))
        },
        hide_index=True,
        height="content",
        alt=_("Every experiment on every data set, with its state and its test accuracy"),
    )
    places = ", ".join(
        f"{one.definition.title}: {_('full set') if one.complete else _('a sample')}"
        for one in data
    )
    text = _("Test accuracy of one run each with seed {n}. {places}.")
    st.caption(text.format(n=lab.base.train.seed, places=places))


def count_weights(network: NetworkSpec, data: Sequence[Dataset]) -> list[str]:
    """How many weights the network has: one number, or where data sets differ one for each."""
    counts = []
    for one in data:
        try:
            n = structure.weights(network, one.definition.shape, len(one.class_names))
            counts.append(f"{n:,}")
        except UsageError:  # its images are too small for the network
            counts.append("–")
    return counts if len(set(counts)) > 1 else counts[:1]


def train_all(lab: Lab, data: list[Dataset], under_way: Collection[str]) -> None:
    """The button that trains, before the lesson, what the lab wants trained by then."""
    wanted = [(spec, one) for one in data for spec in lab.lesson(DataSpec.of(one))]
    if not wanted:
        return
    missing = [
        (spec, one)
        for spec, one in wanted
        if spec.key not in under_way and not server.find_run(spec.key)
    ]
    if not missing:
        st.caption(_("What the lesson needs is trained or under way."))
        return
    seconds = sum(seconds_of(spec, len(one.x_train)) for spec, one in missing)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Train all"),
            type="primary",
            icon=":material/playlist_play:",
            on_click=submit,
            args=[[spec for spec, _one in missing]],
            disabled=not identity.is_teacher(),
            key="train_all",
        )
        st.caption(
            plural(
                "{n} run is missing, {time}", "{n} runs are missing, {time}", len(missing)
            ).format(n=len(missing), time=duration(seconds))
        )


def act(action: Callable[[Any], None], on: Iterable[Any]) -> None:
    """Do something to runs or their keys, one after another, as the teacher."""
    if not identity.is_teacher():
        return
    try:
        for one in on:
            action(one)
    except LabError as error:
        st.session_state.class_error = error


def submit(wanted: list[RunSpec]) -> None:
    """Ask for runs."""
    act(partial(server.engine().submit, student=identity.student()), wanted)


def stop(keys: list[str]) -> None:
    """Stop runs for everybody, the last in the queue first."""
    queue = server.engine().places()
    act(server.engine().stop, sorted(keys, key=lambda key: turn(key, queue), reverse=True))


def delete(keys: list[str]) -> None:
    """Delete finished runs."""
    act(server.engine().store.delete, keys)


def name(spec: RunSpec) -> str:
    """A run in words, with its data set and its seed."""
    known = datasets.DATASETS.get(spec.data.name)
    title = known.title if known else spec.data.name  # whose file somebody has taken away again
    return f"{networks.title(spec)} · {title} · " + _("seed {n}").format(n=spec.train.seed)


def under_way(claims: list[Claim], queue: Queue) -> None:
    """What runs and what waits: how far, for how long, on which worker, and a button to stop it.

    A row for each and no list to choose from, which would close whenever this is drawn anew.
    """
    if not claims:
        st.caption(_("Nothing is trained at the moment."))
        return
    teacher = identity.is_teacher()
    if teacher and len(claims) > 1:
        stop_button(_("Stop all"), "stop_all", [claim.key for claim in claims], _("everything"))
    for claim in claims[:SHOWN]:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"**{name(claim.spec)}**  \n{facts(claim, queue)}", width="stretch")
            if teacher:
                stop_button(_("Stop"), f"stop-{claim.key}", [claim.key], name(claim.spec))
    if len(claims) > SHOWN:
        more = len(claims) - SHOWN
        st.caption(plural("And {n} more.", "And {n} more.", more).format(n=more))


def facts(claim: Claim, queue: Queue) -> str:
    """How far a run is, for how long and where it is trained, and how many wait for it."""
    parts = [training.text(claim, queue.get(claim.key))]
    if (seconds := claim.seconds_since_began) is not None:
        parts.append(_("for {n:.0f} s on {worker}").format(n=seconds, worker=claim.machine))
    waiting = len(server.engine().students(claim.key))
    if waiting:
        parts.append(plural("{n} student", "{n} students", waiting).format(n=waiting))
    else:
        parts.append(_("another program"))
    return " · ".join(parts)


def stop_button(label: str, key: str, keys: list[str], what: str) -> None:
    """The teacher's button that stops runs for everybody."""
    st.button(
        label,
        icon=":material/stop:",
        key=key,
        help=_("Stops for everybody: {what}").format(what=what),
        on_click=stop,
        args=[keys],
    )


def turn(key: str, queue: Queue) -> int:
    """The place of a run in the queue, 0 if it runs."""
    return queue[key].number if key in queue else 0


def ended(claims: list[Claim]) -> None:
    """Runs that failed or were interrupted, and the offer to train them again."""
    if not claims:
        return
    st.subheader(_("Without a result"))
    rows = [{_("Run"): name(claim.spec), _("Why"): claim.error.sentence(_)} for claim in claims]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=_("Runs that failed, and why"))
    st.button(
        _("Train them again"),
        icon=":material/restart_alt:",
        on_click=submit,
        args=[[claim.spec for claim in claims]],
        disabled=not identity.is_teacher(),
        key="again",
    )


@layout.fragment(run_every=2)
def board(lab: Lab, data: list[Dataset], finished: set[str]) -> None:
    """All that changes while runs are trained; the rest is drawn anew when the stored ones change.

    At the size limit their number stays the same.
    """
    store = server.engine().store
    if {run.key for run in store.runs()} != finished:
        st.rerun()
    claims, queue = store.claims(), server.engine().places()
    alive = [claim for claim in claims if claim.alive]
    running = [claim for claim in alive if claim.state != "queued"]
    layout.tiles(
        {
            _("Running"): str(len(running)),
            _("Waiting"): str(len(alive) - len(running)),
            _("Workers"): str(len(server.engine().workers)),
            _("Stored runs"): str(len(finished)),
        }
    )
    training.trouble()
    if error := st.session_state.pop("class_error", None):
        layout.show_error(error)
    if data:
        experiments(lab, data, queue)
        train_all(lab, data, {claim.key for claim in alive})
    st.subheader(_("Under way"))
    under_way(sorted(alive, key=lambda claim: turn(claim.key, queue)), queue)
    ended([claim for claim in claims if claim.state in ("failed", "interrupted")])


def stored(runs: list[Run]) -> None:
    """All finished runs, how much room they take, and the button that deletes some."""
    st.subheader(_("Stored runs"))
    limit = settings.store_bytes()
    st.caption(
        _("{used:.2f} of {limit:g} GB. When it is full, runs that nobody used for long go.").format(
            used=server.engine().store.size() / 1e9, limit=limit / 1e9
        )
    )
    rows = [
        {
            _("Run"): name(run.spec),
            _("Test accuracy"): layout.figure(run.test_accuracy),
            _("Weights"): sum(layer.weights for layer in run.layers),
            _("Images"): _("full set") if run.dataset["complete"] else _("a sample"),
            _("Seconds"): round(run.train_seconds, 1),
            _("Finished (UTC)"): f"{datetime.fromisoformat(run.finished):%Y-%m-%d %H:%M}",
        }
        for run in runs
    ]
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, height=table_height(rows), alt=_("All finished runs")
    )
    if not identity.is_teacher():
        return
    names = {run.key: f"{name(run.spec)} · {run.key}" for run in runs}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        keys = st.multiselect(
            _("Runs to delete"),
            list(names),
            format_func=lambda key: names.get(key, key),
            key="runs_to_delete",
            help=_("A deleted run is gone for everybody, and can be trained again."),
        )
        sure = st.checkbox(_("Yes, these"), key=f"sure-{len(keys)}", disabled=not keys)
        st.button(
            plural("Delete {n} run", "Delete {n} runs", len(keys)).format(n=len(keys)),
            icon=":material/delete:",
            on_click=delete,
            args=[keys],
            disabled=not (keys and sure),
            key="delete_runs",
        )


def others(names: list[str]) -> None:
    """How many runs of another version of the lab there are, if any."""
    if names:
        st.caption(
            plural(
                "{n} run of another version of the lab stays untouched and is not listed.",
                "{n} runs of another version of the lab stay untouched and are not listed.",
                len(names),
            ).format(n=len(names))
        )


def accuracy_by_weights(runs: list[Run]) -> None:
    """All finished runs by size and success."""
    st.subheader(_("Does a larger network do better?"))
    st.plotly_chart(
        charts.accuracy_by_weights(runs, _=_),
        key="by_weights",
        config=layout.STILL,
        alt=_("Test accuracy of every finished run against its number of weights"),
    )
    st.caption(_("Every finished run is one point; a hollow one was trained on a sample."))


layout.head(_("Is everything trained for the lesson, and what is trained now?"))
identity.ask_password()
lab = choice.lab()
runs = server.engine().store.runs()
board(lab, present_data(lab), {run.key for run in runs})
if runs:
    accuracy_by_weights(runs)
    stored(runs)
others(server.engine().store.other_versions())
