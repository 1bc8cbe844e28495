"""The page: cells of marimo, which hold the controls and call the other files of this wing."""

import marimo

app = marimo.App(width="full", app_title="Circuits and networks: a playground", css_file="page.css")


@app.cell
def _():
    import gc
    import html

    import marimo as mo

    from circuits.playground import charts, choices, gallery, members, pictures, row_tables, runs, soft_units
    from circuits.playground.learned_circuits import read_back

    gc.freeze()  # or each collection looks at all that was imported, for a tenth of a second

    def panel(title, content, note="", kind=""):
        return (
            f'<section class="panel {kind}"><h3>{title}</h3><div class="shown">{content}</div><p>{note}</p></section>'
        )

    def count(number, what):
        return f"{number:,} {what}{'' if number == 1 else 's'}"

    def panels(*all_panels):
        return mo.Html(f'<div class="panels">{"".join(all_panels)}</div>')

    def controls(*all_controls):
        return mo.Html(f'<div class="controls">{"".join(f"<div>{control}</div>" for control in all_controls)}</div>')

    return (
        charts,
        choices,
        controls,
        count,
        gallery,
        html,
        members,
        mo,
        panel,
        panels,
        pictures,
        read_back,
        row_tables,
        runs,
        soft_units,
    )


@app.cell
def _(mo):
    mo.Html(
        "<h1>Circuits and networks</h1><p>A Boolean circuit; the same as threshold units, as sigmoids, and learned by "
        "gradient; and a circuit again, with a proof.</p>"
    )
    return


@app.cell
def _(choices, mo):
    get_choice, set_choice = mo.state(choices.from_gallery("XOR"))
    return get_choice, set_choice


@app.cell
def _(choices, mo, set_choice):
    # How often something else than the gallery was chosen: it then shows no name, and each can be chosen again.
    get_elsewhere, set_elsewhere = mo.state(0)

    def choose(other):
        set_choice(other)
        set_elsewhere(lambda count: count + 1)

    # Each control has a name of its own: marimo forgets those that nothing holds.
    expression = mo.ui.text(
        label="Expression",
        placeholder="such as s = a ^ b; carry = a & b",
        on_change=lambda text: choose(lambda before: choices.from_text(text, before)),
        full_width=True,
    )
    upload = mo.ui.file(
        label="Upload",
        on_change=lambda files: (
            files and choose(lambda before: choices.from_upload(files[0].name, files[0].contents, before))
        ),
        max_size=choices.MOST_BYTES,
    )
    return expression, get_elsewhere, upload


@app.cell
def _(choices, gallery, get_elsewhere, mo, set_choice):
    offered = mo.ui.dropdown(
        gallery.NAMES,
        value=None if get_elsewhere() else "XOR",
        label="Gallery",
        on_change=lambda name: name and set_choice(choices.from_gallery(name)),
    )
    return (offered,)


@app.cell
def _(choices, controls, expression, offered, upload):
    controls(
        offered,
        f'<div class="long">{expression}</div>',
        upload,
        f"<small>A netlist: .bench .blif .aag .aig .v .pla .th .c, also .gz; at most {choices.MOST_INPUTS} inputs and "
        f"{choices.MOST_UNITS} units</small>",
    )
    return


@app.cell
def _(count, get_choice, html, mo):
    choice = get_choice()
    mo.Html(
        (f'<p class="message" role="alert">{html.escape(choice.message)}</p>' if choice.message else "")
        + f"<h2>{html.escape(choice.name)}</h2><p>{count(choice.circuit.n_inputs, 'input')}, "
        f"{count(choice.circuit.n_outputs, 'output')}, {count(choice.circuit.n_gates, 'gate')}, "
        f"{count(choice.units.n_units, 'threshold unit')}. Set the inputs:</p>"
    )
    return (choice,)


@app.cell
def _(activation, again, choice, optimiser, runs, seeds, step_size, width):
    plan = runs.Plan(width.value, activation.value, optimiser.value, step_size.value, seeds.value, again.value)
    runs.begin(choice.circuit, plan)
    return (plan,)


@app.cell
def _(choice, mo, row_tables):
    names = choice.circuit.input_names
    switches = mo.ui.array(
        [mo.ui.switch(value=k == 0, label=row_tables.as_label(name)) for k, name in enumerate(names)]
    )
    mo.Html(f'<div class="controls inputs">{"".join(f"<div>{one}</div>" for one in switches)}</div>')
    return (switches,)


@app.cell
def _(choice, panel, panels, pictures, row_tables, soft_units, switches):
    bits = tuple(int(bit) for bit in switches.value)
    row = row_tables.row_of(bits)
    bits_text = "".join(map(str, bits))
    units = pictures.units_picture(choice.units)
    few = choice.circuit.n_inputs + choice.circuit.n_outputs <= 5
    shown_bits = pictures.with_values(units, soft_units.unit_values(choice.units, [bits])[0])
    panels(
        panel(
            "In gates",
            pictures.image(pictures.circuit_picture(choice.circuit, bits), f"The circuit with inputs {bits_text}"),
            "Thick and vermilion: 1. Thin and blue: 0.",
        ),
        panel(
            "In threshold units",
            pictures.image(shown_bits, f"The threshold network with inputs {bits_text}"),
            "A unit is 1 if what it reads, times the weights, adds up to its threshold. Blue and dashed: below 0.",
            "wide",
        ),
        panel("Truth table", row_tables.truth_table_html(choice.circuit, row), kind=few * "narrow"),
    )
    return bits, bits_text, row, units


@app.cell
def _(mo):
    mo.Html(
        "<h2>As sigmoids</h2><p>The same units, with the sigmoid 1 / (1 + exp(-gain z)) for the step. How large must "
        "the gain be?</p>"
    )
    return


@app.cell
def _(controls, mo, soft_units):
    gain = mo.ui.slider(steps=soft_units.GAINS.round(3).tolist(), value=8.0, label="Gain", show_value=True)
    controls(gain)
    return (gain,)


@app.cell
def _(bits, bits_text, charts, choice, gain, panel, panels, pictures, soft_units, units):
    curve = soft_units.gain_curve(choice.units)
    place = int(abs(curve.gains - gain.value).argmin())
    soft = soft_units.unit_values(choice.units, [bits], curve.gains[place])[0]
    promised = curve.promised[place]
    said = f"{promised:.2g}" if promised == promised else f"nothing below gain {curve.first:.3g}"
    panels(
        panel(
            "Error against gain",
            pictures.image(charts.gain_chart(curve, place), "Error against gain, measured and promised"),
            f"At gain {curve.gains[place]:.3g} no output is further than {curve.measured[place]:.2g} from its bit, "
            f"and the theorem promises {said}. For an error of 0.1 it asks for gain {curve.tenth:.3g}.",
        ),
        panel(
            "The units at this gain",
            pictures.image(
                pictures.with_values(pictures.as_sigmoids(units), soft), f"The sigmoid network with inputs {bits_text}"
            ),
            "The weights and thresholds are those of the units above, times the gain.",
            "wide",
        ),
    )
    return


@app.cell
def _(mo):
    mo.Html(
        "<h2>Learned</h2><p>Networks with one hidden layer learn the truth table, all rows at each of 1,000 steps. "
        "Any change trains them anew.</p>"
    )
    return


@app.cell
def _(controls, members, mo, runs):
    width = mo.ui.slider(1, members.WIDEST, value=4, label="Hidden units", show_value=True)
    activation = mo.ui.dropdown(list(members.ACTIVATIONS), value="sigmoid", label="Activation")
    optimiser = mo.ui.dropdown(list(members.OPTIMISERS), value="Adam", label="Optimiser")
    step_size = mo.ui.slider(
        steps=[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10], value=0.1, label="Step size", show_value=True
    )
    seeds = mo.ui.slider(1, runs.MOST_SEEDS, value=runs.MOST_SEEDS, label="Networks", show_value=True)
    again = mo.ui.button(value=0, on_click=lambda count: count + 1, label="Train from other starts")
    controls(width, activation, optimiser, step_size, seeds, again)
    return activation, again, optimiser, seeds, step_size, width


@app.cell
def _(choice, plan, runs):
    run = runs.train(choice.circuit, plan)
    return (run,)


@app.cell
def _(controls, mo, runs):
    step = mo.ui.slider(0, runs.STEPS, runs.EVERY, value=runs.STEPS, label="Step", show_value=True, full_width=True)
    member = mo.ui.slider(0, runs.MOST_SEEDS, value=0, label="Network shown (0: the best)", show_value=True)
    controls(f'<div class="long scrub">{step}</div>', member)
    return member, step


@app.cell
def _(bits_text, charts, member, panel, panels, pictures, row, run, runs, step):
    record = step.value // runs.EVERY
    shown = min(member.value, len(run.losses)) - 1 if member.value else run.best
    solved = int(run.right[:, record].sum())
    learned = pictures.with_values(
        pictures.learned_picture(run, shown, record), runs.values_at(run, shown, record, row)
    )
    panels(
        panel(
            f"Network {shown + 1} after {step.value} steps",
            pictures.image(learned, f"Network {shown + 1} with inputs {bits_text}"),
            f"Loss {run.losses[shown, record]:.3g}; right on all rows: {'yes' if run.right[shown, record] else 'no'}.",
            "wide",
        ),
        panel(
            "Decision surface" if run.circuit.n_inputs == 2 else "Outputs",
            pictures.image(charts.learned_chart(run, shown, record), "What the network says"),
            "Blue: 0. Vermilion: 1."
            if run.circuit.n_inputs == 2
            else "Squares should be above the line, circles below.",
        ),
        panel(
            "All networks",
            pictures.image(charts.losses_chart(run, shown, record), "Losses of all networks, and the share solved"),
            f"Solved by {solved} of {len(run.losses)} networks after {step.value} steps.",
        ),
    )
    return record, shown


@app.cell
def _(mo):
    mo.Html(
        "<h2>Read back</h2><p>The network of this step, its units made steps, as a circuit: is it the one above?</p>"
    )
    return


@app.cell
def _(choice, html, panel, panels, pictures, read_back, record, run, runs, shown):
    found = read_back(*runs.network_at(run, shown, record), choice.circuit)
    picture = (
        pictures.image(pictures.circuit_picture(found.circuit), "The circuit that was read back")
        if found.circuit.n_gates <= pictures.MOST_GATES
        else ""
    )
    panels(
        panel(
            "Is it the circuit?",
            f'<p class="{"proved" if found.equal else "refuted"}" role="status">{html.escape(found.verdict)}</p>'
            f'<pre class="formula">{html.escape(found.formula)}</pre>',
            html.escape(f"circuits.from_network: {found.extracted}"),
        ),
        panel(
            "In gates",
            picture or f"<p>{found.circuit.n_gates} gates: too many to read in a picture.</p>",
            "Its units as gates, simplified."
            if found.structural
            else "Of its values alone: its units as steps differ.",
            "wide",
        ),
    )
    return


if __name__ == "__main__":
    app.run()
