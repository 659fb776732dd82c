"""For the teacher: the way here, who is at which step, what is trained, and what runs."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core import data as datasets
from core import labs, settings
from core.charts import runs as charts
from core.data import Dataset
from core.engine import Place
from core.errors import DataError, LabError, UsageError
from core.fields import OneOf
from core.i18n import N_
from core.labs.contract import Lab
from core.networks import structure
from core.report import words
from core.specs import DataSpec, NetworkSpec, RunSpec
from core.store import Claim, Run
from core.store.students import Present
from core.studies.experiment import Experiment
from core.training.images import available
from pages.ui import (
    choice,
    download,
    fields,
    identity,
    invitation,
    layout,
    networks,
    record,
    server,
    snapshot,
    training,
)
from pages.ui.snapshot import Lesson, Stored
from pages.ui.text import _, duration, plural

Queue = dict[str, Place]

# States of a claim without a result
BROKEN = {"failed": N_("failed"), "interrupted": N_("interrupted"), "stopped": N_("stopped")}

SHOWN = 10  # runs that are under way, each with its button, and those without a result

PARTIAL = "†"  # marks a figure that is not of the full set

FULL_SCREEN = {  # of Plotly's buttons the one that a projector needs
    "displayModeBar": True,
    "modeBarButtonsToRemove": [
        "toImage",
        "autoScale",
        "resetScale",
        "zoomIn",
        "zoomOut",
        "pan",
        "zoom",
        "select",
        "lasso",
    ],
}

QUESTIONS: dict[str, str] = {
    "weights": N_("Does a larger network do better?"),
    "seconds": N_("Does a run that takes longer do better?"),
}


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
            download.offer(wanted, "page")
    return found


def spec_of(experiment: Experiment, lab: Lab, data: Dataset) -> RunSpec:
    """The run of an experiment of the lab on this data."""
    return experiment.spec(lab.on(DataSpec.of(data)))


def cell(spec: RunSpec, now: Lesson) -> str:
    """The test accuracy of a run, or how far it is."""
    run = now.find(spec.key)
    return layout.figure(run.test_accuracy) if run else state(spec, now)


def state(spec: RunSpec, now: Lesson) -> str:
    """How far a run is that is not finished."""
    claim = now.claims.get(spec.key)
    if claim is None:
        return _("not trained")
    if claim.state == "running":
        return _("running, {share:.0%}").format(share=claim.fraction)
    if not claim.alive:
        return _(BROKEN[claim.state])
    place = now.queue.get(claim.key)
    return _("waiting, place {n}").format(n=place.number) if place else _("starting")


@layout.fragment(run_every=5)
def students() -> None:
    """Who is at which step, and with what accuracy."""
    now = snapshot.lesson()
    st.subheader(_("Students"))
    if not now.students:
        st.caption(_("Nobody was here in the last hour."))
        return
    titles = {known.name: step_titles(known) for known in labs.LABS.values()}
    rows = [row(one, now, titles.get(one.lab, {})) for one in now.students]
    st.dataframe(
        pd.DataFrame(rows),
        column_config={
            _("Accuracy"): st.column_config.Column(
                alignment="right",
                help=_("Of the run that the student has chosen, whoever trained it"),
            ),
            _("Best"): st.column_config.Column(
                alignment="right",
                help=_("Of all runs that the student has asked for, on the same data set"),
            ),
        },
        hide_index=True,
        height=table_height(rows),
        alt=_("Who is at which step, and with what accuracy"),
    )
    text = plural(
        "{n} student was here in the last hour.",
        "{n} students were here in the last hour.",
        len(rows),
    )
    sentences = [text.format(n=len(rows)), _("Students choose their names on their Overview page.")]
    if any(text.endswith(PARTIAL) for one in rows for text in one.values()):
        note = _("{mark} trained and tested on a part of the full set, or on other images.")
        sentences.insert(0, note.format(mark=PARTIAL))
    st.caption(" ".join(sentences))
    if identity.is_teacher() and any(one.nickname for one in now.students):
        st.button(_("Clear all names"), on_click=clear_names, key="clear_names")


def clear_names() -> None:
    """Call all students by their numbers again."""
    act(lambda store: store.students.clear_names(), [server.engine().store])


def step_titles(lab: Lab) -> dict[str, str]:
    """The steps of a lab as the sidebar numbers them, by their names."""
    return {
        step.name: f"{number}. {_(step.title)}" if number else _(step.title)
        for number, step in enumerate(lab.steps)
    }


def row(one: Present, now: Lesson, titles: Mapping[str, str]) -> dict[str, str]:
    """A student as the table shows them."""
    minutes = int((time.time() - one.seen) // 60)
    own = [now.find(key) for key in one.asked]
    comparable = [run for run in own if run and same_data(run.spec, one.spec)]
    best = max(comparable, key=lambda run: run.test_accuracy, default=None)
    return {
        _("Student"): record.name(one.number, one.nickname),
        _("Step"): titles.get(one.step, one.step),
        _("Accuracy"): _marked(cell(one.spec, now), now.find(one.spec.key)) if one.spec else "–",
        _("Best"): _marked(layout.figure(best.test_accuracy if best else None), best),
        _("Experiment"): short(one.spec) if one.spec else "–",
        _("Seen"): _("{n} min ago").format(n=minutes) if minutes > 0 else _("now"),
    }


def _marked(text: str, run: Run | None) -> str:
    """A figure, marked if it is not of the full set: of a sample, or of images in its stead."""
    if run is None or run.dataset["complete"]:
        return text
    return f"{text} {PARTIAL}"


def same_data(spec: RunSpec, other: RunSpec | None) -> bool:
    """True if two runs have the same data set."""
    return other is not None and spec.data.digest == other.data.digest


def short(spec: RunSpec) -> str:
    """A run as briefly as the class needs it."""
    experiment = labs.experiment_of(spec)
    return f"{experiment.label(_) if experiment else _('Own settings')} · {title(spec)}"


def experiments(lab: Lab, data: list[Dataset], now: Lesson) -> None:
    """Every experiment of the lab on every data set: its test accuracy, or how far it is."""
    rows = []
    for one in lab.experiments:
        specs = [spec_of(one, lab, each) for each in data]
        row = {
            _(lab.word): layout.short_name(one),
            _("Hidden layers"): layout.hidden(specs[0].network),
            _("Weights"): " / ".join(count_weights(specs[0].network, data)),
        }
        for spec, each in zip(specs, data, strict=True):
            row[each.definition.title] = cell(spec, now)
        rows.append(row)
    st.subheader(_(lab.title))
    st.dataframe(
        pd.DataFrame(rows),
        column_config={
            name: layout.fitting([name, *(row[name] for row in rows)])
            for name in (_(lab.word), _("Hidden layers"))
        }
        | {
            name: st.column_config.Column(alignment="right")
            for name in (_("Weights"), *(one.definition.title for one in data))
        },
        hide_index=True,
        height="content",
        alt=_("Every experiment on every data set: its test accuracy, or how far it is"),
    )
    places = ", ".join(f"{one.definition.title}: {layout.extent(one)}" for one in data)
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


def train_all(lab: Lab, data: list[Dataset], now: Lesson) -> None:
    """The button that trains, before the lesson, what the lab wants trained by then."""
    wanted = [(spec, one) for one in data for spec in lab.lesson(DataSpec.of(one))]
    if not wanted:
        return
    missing = [
        (spec, one)
        for spec, one in wanted
        if not now.is_under_way(spec.key) and not now.find(spec.key)
    ]
    if not missing:
        st.caption(_("What the lesson needs is trained or under way."))
        return
    # As Train says it of each, and as many at once as there are workers.
    engine = server.engine()
    seconds = sum(engine.seconds(spec, available(one, spec.data)) for spec, one in missing)
    seconds /= max(1, len(engine.workers))
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
    seed = _("seed {n}").format(n=spec.train.seed)
    return f"{networks.title(spec)} · {title(spec)} · {seed}"


def title(spec: RunSpec) -> str:
    """The data set of a run."""
    known = datasets.DATASETS.get(spec.data.name)
    return known.title if known else spec.data.name  # whose file somebody has taken away again


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
    and_more(len(claims) - SHOWN)


def and_more(n: int) -> None:
    """How many are not listed, if any."""
    if n > 0:
        st.caption(plural("And {n} more.", "And {n} more.", n).format(n=n))


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
    rows = [
        {_("Run"): name(claim.spec), _("Why"): claim.error.sentence(_)} for claim in claims[:SHOWN]
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=_("Runs that failed, and why"))
    and_more(len(claims) - SHOWN)
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
    if snapshot.stored().runs.keys() != finished:
        st.rerun()
    now = snapshot.lesson()
    claims, queue = list(now.claims.values()), now.queue
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
        experiments(lab, data, now)
        train_all(lab, data, now)
    st.subheader(_("Under way"))
    under_way(sorted(alive, key=lambda claim: turn(claim.key, queue)), queue)
    ended([claim for claim in claims if claim.state in ("failed", "interrupted")])


def stored(found: Stored) -> None:
    """All finished runs, how much room they take, and the button that deletes some.

    Folded: only whoever opens it waits for a long table.
    """
    runs = list(found.runs.values())
    st.subheader(_("Stored runs"))
    limit = settings.store_bytes()
    st.caption(
        _(
            "{used:.2f} of {limit:g} GB. When it is full, the runs that were not used for longest "
            "are deleted."
        ).format(used=found.bytes / 1e9, limit=limit / 1e9)
    )
    label = plural("Show {n} run", "Show {n} runs", len(runs)).format(n=len(runs))
    if not st.toggle(label, key="show_runs"):
        return
    rows = [
        {
            _("Run"): name(run.spec),
            _("Test accuracy"): layout.figure(run.test_accuracy),
            _("Weights"): sum(layer.weights for layer in run.layers),
            _("Images"): words.images_of(run, _),
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
        sure = st.checkbox(_("Yes, delete these runs"), key=f"sure-{len(keys)}", disabled=not keys)
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


def accuracy_by(runs: list[Run]) -> None:
    """What finished runs on one data set cost, and how well they do."""
    known = {run.spec.data.name: title(run.spec) for run in runs}
    chosen = st.session_state.dataset
    names = dict(sorted(known.items(), key=lambda item: item[0] != chosen))
    st.subheader(_("What does accuracy cost?"))
    left, right = st.columns(2)
    with left:
        of = OneOf("points", N_("data set"), next(iter(names)), names)
        name = fields.select(of, key=f"points-{chosen}")
    with right:
        cost = fields.select(OneOf("cost", N_("question"), "weights", QUESTIONS))
    shown = [run for run in runs if run.spec.data.name == name]
    st.plotly_chart(
        charts.accuracy_by("seconds" if cost == "seconds" else "weights", shown, _=_),
        key="by_cost",
        config=FULL_SCREEN,
        alt=_("Test accuracy of finished runs, and what each of them cost"),
    )
    st.caption(
        _(
            "Every point is a network, by its best run, which is partly luck; a hollow one was not "
            "trained on the full set. Seconds are those of this machine, as busy as it was. Point "
            "at one to see which."
        )
    )


layout.head(
    _("Who is at which step? Is everything trained for the lesson, and what is trained now?")
)
identity.ask_password()
lab = choice.lab()
left, right = st.columns([1, 3], gap="medium")
with left:
    invitation.show()
with right:
    students()
finished = snapshot.stored()
board(lab, present_data(lab), set(finished.runs))
if finished.runs:
    accuracy_by(list(finished.runs.values()))
    stored(finished)
else:
    fields.pass_over("points", "cost")
others(finished.others)
