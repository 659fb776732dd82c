"""The study of a page: what is chosen, and what of it is done."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import streamlit as st

from core.charts.studies import Curves
from core.charts.style import MOST, style
from core.data import Dataset
from core.errors import DataError, LabError
from core.fields import LIMITS, OneOf, SeveralOf, Text, WholeNumber, named, value_text
from core.i18n import N_
from core.labs import LABS, OWN
from core.labs.contract import Lab
from core.networks import bases
from core.networks.frozen import Pretrained
from core.specs import DataSpec, RunSpec, changed
from core.specs.optimizers import OPTIMIZERS
from core.store import Claim, Run
from core.studies import study as studies
from core.studies.study import Study
from pages.ui import choice, download, fields, identity, layout, record, server, training
from pages.ui.text import _, duration, plural

SEEDS = WholeNumber("seeds", N_("seeds"), 3, studies.SEEDS)
COMPARED = SeveralOf(
    "optimizers",
    N_("optimizer"),
    ["adam", "sgd", "rmsprop"],
    {name: known.title for name, known in OPTIMIZERS.items()},
)
SWEPT = OneOf(
    "sweep",
    N_("parameter"),
    "learning_rate",
    named(["learning_rate", *(name for one in OPTIMIZERS.values() for name in one.parameters)]),
)
"""The parameter that an own study changes: of any optimizer, as a URL may name it."""
VALUES = Text("values", N_("its values"), "0.01, 0.001, 0.0001")
NETWORK = OneOf(
    "network_from",
    N_("network"),
    "lab",
    {"lab": N_("{lab}: {layers}, batch {n}"), "sidebar": N_("As chosen in the sidebar")},
)
EPOCHS = WholeNumber("study_epochs", N_("epochs"), 5, LIMITS["epochs"])
"""By default as many as the lab's base has."""

BROKEN = ("failed", "interrupted")
"""States of a claim that somebody did not ask for."""


@dataclass(frozen=True)
class Chosen:
    """A study with a number of seeds on a data set."""

    study: Study
    seeds: int
    data: Dataset

    @property
    def data_spec(self) -> DataSpec:
        return DataSpec.of(self.data)

    @cached_property
    def specs(self) -> list[RunSpec]:
        """All its runs."""
        return self.study.specs(self.seeds, self.data_spec)

    @property
    def base(self) -> RunSpec:
        """The run that the rows change."""
        return self.study.base.on(self.data_spec)

    @property
    def heading(self) -> str:
        """What its rows are."""
        return _("Optimizer") if of_optimizers(self.study) else _("Experiment")

    @property
    def watched(self) -> list[str]:
        """On which parts of the images its rows are watched: prefixes of figures in Epoch."""
        splits = [spec.train.validation_split for spec in self.specs]
        return ["val_"] * any(splits) + ["test_"] * (not all(splits))

    @property
    def epochs(self) -> int:
        """Of its longest runs."""
        return max(spec.train.epochs for spec in self.specs)

    def seconds(self, specs: Iterable[RunSpec]) -> float:
        """About how long these of its runs take, one after another."""
        images = len(self.data.arrays.x_train)
        return sum(server.engine().seconds(spec, images) for spec in specs)


@dataclass(frozen=True)
class Progress:
    """What is done of a study: finished runs and claims by the keys of its runs."""

    wanted: list[RunSpec]
    runs: Mapping[str, Run]
    claims: Mapping[str, Claim]

    @property
    def missing(self) -> list[RunSpec]:
        return [spec for spec in self.wanted if spec.key not in self.runs]

    @property
    def errors(self) -> list[LabError]:
        """Why runs ended without a result, each reason once."""
        ended = [claim.error for claim in self.claims.values() if claim.state in BROKEN]
        return list({str(error): error for error in ended}.values())

    @property
    def alive(self) -> list[Claim]:
        return [claim for claim in self.claims.values() if claim.alive]

    @property
    def mine(self) -> list[Claim]:
        """What is under way that this student waits for."""
        student, engine = identity.student(), server.engine()
        return [claim for claim in self.alive if student in engine.students(claim.key)]

    @property
    def fraction(self) -> float:
        """How much of all trainings is done, from 0 to 1."""
        under_way = sum(one.fraction for one in self.alive if one.state != "preparing")
        return min((len(self.runs) + under_way) / len(self.wanted), 1.0)


def owner() -> Lab:
    """The chosen lab, or where that has not this page a lab that has it."""
    step = st.session_state.step.name
    known = (choice.lab(), *LABS.values())
    return next(lab for lab in known if step in {one.name for one in lab.steps})


def offered() -> dict[str, Study]:
    """The studies of this page by their names."""
    return {study.name: study for study in owner().studies}


def of_optimizers(study: Study) -> bool:
    """True if its rows differ in nothing but the optimizer and its parameters."""
    return all(row.changes.keys() <= {"optimizer"} for row in study.rows)


def choose() -> Chosen:
    """Draw the widgets of the study. Raises LabError for what cannot be."""
    # What the URL says of an own study holds when it is chosen later.
    for field in (COMPARED, SWEPT, VALUES, NETWORK, EPOCHS):
        fields.read(field)
    known = offered()
    titles = {name: f"{name} · {_(study.title)}" for name, study in known.items()}
    titles[OWN] = _("Own study")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = fields.select(
            OneOf("study", N_("study"), next(iter(titles)), titles),
            format_func=titles.__getitem__,
            width=420,
        )
        seeds = fields.number(
            SEEDS,
            width=140,
            help=_("How often each row is trained, each time from other first weights."),
        )
    study = _own_study() if name == OWN else _with_bases(known[name])
    chosen = Chosen(study, seeds, choice.current().data)
    images = len(chosen.data.arrays.x_train)
    studies.check_size(chosen.study, seeds, chosen.data_spec, images)
    return chosen


def _with_bases(wanted: Study) -> Study:
    """The rows whose pre-trained networks are on this machine; says why the others are left out.

    What is missing is downloaded by a button: the page does not wait for it. Raises DataError if
    no row is left.
    """
    bases_of = {row.name: row.spec(wanted.base).network.base for row in wanted.rows}
    needed = {row: base.name for row, base in bases_of.items() if isinstance(base, Pretrained)}
    missing = [name for name in dict.fromkeys(needed.values()) if not bases.present(name)]
    left = [row for row in wanted.rows if needed.get(row.name) not in missing]
    if missing:
        st.caption(_("Left out are the rows whose pre-trained network is not on this computer."))
    for name in missing:
        download.missing_weights(name)
    if not left:
        raise DataError(N_("No row of this study is left."))
    names = {row.name for row in left}
    rows = [
        replace(row, statement=None) if row.statement and row.statement.other not in names else row
        for row in left
    ]
    found, reasons = studies.with_bases(replace(wanted, rows=tuple(rows)))
    for sentence in dict.fromkeys(map(layout.sentence, reasons)):
        st.caption(_("A row is left out. {reason}").format(reason=sentence))
    return found


def _own_study() -> Study:
    """The widgets of an own study."""
    names = fields.several(COMPARED, label=_("Optimizers"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        parameters = dict.fromkeys(p for name in names for p in OPTIMIZERS[name].parameters)
        # What the URL asks for stays, even if no optimizer has it: then own_study says so.
        wanted = dict.fromkeys([SWEPT.default, *parameters, fields.value(SWEPT)])
        sweep = fields.select(
            replace(SWEPT, choices=named(wanted)),
            label=_("Parameter to change"),
            on_change=_new_sweep,
            width=300,
        )
        values = fields.text(
            VALUES,
            width=300,
            help=_("Separated by commas, such as 0.1, 0.01. Empty: Keras's default."),
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        base = owner().base
        titles = {name: _(title) for name, title in NETWORK.choices.items()}
        titles["lab"] = titles["lab"].format(
            lab=_(owner().title), layers=layout.layers(base.network), n=base.train.batch_size
        )
        network = fields.select(NETWORK, format_func=titles.__getitem__, width=420)
        epochs = fields.number(replace(EPOCHS, default=base.train.epochs), width=140)
    if network == "sidebar":
        base = choice.current().spec
    base = changed(base, {"train": {"epochs": epochs}})
    return studies.own_study(names, base, (sweep, studies.values_from(values)))


def _new_sweep() -> None:
    """Begin with values that suit the parameter; those of the last one need not."""
    state = st.session_state
    known = [OPTIMIZERS[name].parameters.get(state.sweep) for name in state.optimizers]
    default = next((parameter.default for parameter in known if parameter), None)
    if default is None:
        state["values"] = VALUES.default
    else:
        state["values"] = "false, true" if isinstance(default, bool) else value_text(default)


def progress(chosen: Chosen) -> Progress:
    """Ask the store what is done and what is under way."""
    store = server.engine().store
    wanted = chosen.specs
    runs = {spec.key: run for spec in wanted if (run := store.find(spec.key))}
    claims = {
        spec.key: claim
        for spec in wanted
        if spec.key not in runs and (claim := store.claimed(spec.key))
    }
    return Progress(wanted, runs, claims)


def start(missing: list[RunSpec]) -> None:
    """Ask for the runs of a study that are not there yet."""
    try:
        for spec in missing:
            server.engine().submit(spec, identity.student())
            record.ask(spec.key)
    except LabError as error:
        st.session_state.start_error = error


def stop(claims: list[Claim]) -> None:
    """Stop what this student waits for, the last in the queue first. What is finished stays."""
    for claim in reversed(claims):
        server.engine().stop(claim.key, identity.student())


def controls(chosen: Chosen, done: Progress) -> None:
    """How much is done, and the button that starts or stops the rest."""
    total = len(done.wanted)
    text = plural("{done} of {n} run is done", "{done} of {n} runs are done", total)
    text = text.format(done=len(done.runs), n=total)
    if done.alive:
        st.progress(done.fraction, text)
        training.trouble()
        if done.mine:
            st.button(
                _("Stop"),
                icon=":material/stop:",
                help=_("What is done stays."),
                on_click=stop,
                args=[done.mine],
                key="stop_study",
            )
            return
        st.caption(_("Somebody else asked for the runs that are under way."))
    if done.errors:
        st.warning("  \n".join(map(layout.sentence, done.errors)))
    if error := st.session_state.pop("start_error", None):
        layout.show_error(error)
    if done.missing:
        _offer(done, text, chosen.seconds(done.missing))
    else:
        st.caption(text)


def _offer(done: Progress, text: str, seconds: float) -> None:
    """The button that starts what is missing; what takes long is confirmed first."""
    agreed = seconds <= studies.CONFIRM_SECONDS or st.checkbox(
        _("Yes, train for {time}").format(time=duration(seconds)), key="agreed"
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Go on") if done.runs else _("Start"),
            type="primary",
            icon=":material/play_arrow:",
            on_click=start,
            args=[done.missing],
            disabled=not agreed,
            key="start_study",
        )
        st.caption(f"{text} · {duration(seconds)}")


def live(draw: Callable[[Chosen, Progress], None], chosen: Chosen) -> None:
    """Draw what shows a study, and again every second while runs are under way."""

    def board(alive: bool) -> None:
        done = progress(chosen)
        if alive != bool(done.alive):
            st.rerun()
        draw(chosen, done)
        fields.write()

    alive = bool(progress(chosen).alive)
    layout.fragment(run_every=1 if alive else None)(board)(alive)


def curves(chosen: Chosen, done: Progress, picked: list[str]) -> list[Curves]:
    """The curves of every row, those of `picked` in colour; the colour of a row stays its own."""
    rows = []
    for place, row in enumerate(chosen.study.rows):
        keys = [chosen.study.spec(row, s, chosen.data_spec).key for s in range(chosen.seeds)]
        epochs = [done.runs[key].epochs for key in keys if key in done.runs]
        epochs += [done.claims[key].epochs for key in keys if key in done.claims]
        look = None
        if row.name in picked:
            # More rows than looks: then those that are picked share them out among themselves.
            few = len(chosen.study.rows) <= MOST
            look = style(place if few else picked.index(row.name))
        rows.append(Curves(row.label(_), look, epochs, row.published_training))
    return rows
