"""The rich club of the C. elegans connectome: `python examples/connectome.py [DATA] [FIGURE]`.

279 neurons, 2,287 connections. Eleven neurons have more than 40 each; are they connected to each other more than
their degrees explain? (E. K. Towlson and others, The rich club of the C. elegans neuronal connectome, 2013.)
"""

import csv
import os
import sys
import tempfile
import time
from pathlib import Path

import jax

import jaxnet

default = os.environ.get("JAXNET_DATA", Path(__file__).parents[2] / "shared" / "data")
data = Path(sys.argv[1] if len(sys.argv) > 1 else default)
figure = Path(sys.argv[2] if len(sys.argv) > 2 else Path(tempfile.gettempdir()) / "rich_club.png")
table = data / "connectome" / "celegans" / "celegans279_directed_weighted.csv"
if not table.is_file():
    print(f"The connectome is not in {table}.")
    print("It is no part of the repository: name the folder of the data as an argument or in JAXNET_DATA.")
    sys.exit(1 if len(sys.argv) > 1 else 0)  # without a folder asked for, there is nothing to do

# 1. The graph. Chemical synapses and gap junctions may join the same two neurons, three neurons synapse on themselves.
with table.open(newline="") as file:
    arcs = jaxnet.Graph.from_pairs([(row["pre"], row["post"]) for row in csv.DictReader(file)], simplify=True)
connectome = arcs.undirected()
fan_in, fan_out = jaxnet.fan_in(arcs), jaxnet.fan_out(arcs)
print(f"1. {arcs}; without directions {connectome}, density {jaxnet.density(connectome):.3f}")
print(f"   fan-in up to {fan_in.max()} ({arcs.name(fan_in.argmax())}), ", end="")
print(f"fan-out up to {fan_out.max()} ({arcs.name(fan_out.argmax())})")

# 2. The members of the club.
club = jaxnet.rich_club_members(connectome, 40)
print(f"2. {len(club)} neurons of degree above 40:", *sorted(map(str, club)))

# 3. How densely are they connected, and how densely would neurons of their degrees be by chance?
start = time.perf_counter()
found = jaxnet.normalised_rich_club(connectome, key=jax.random.key(0), rewirings=1000)
print(f"3. {found.n_rewirings} rewirings of {found.n_swaps} swaps in {time.perf_counter() - start:.1f} s")
print("    k  members  phi(k)  rewired: mean  95 % of them    normalised        p")
for k in range(0, 70, 10):
    print(
        f"   {k:2}  {found.n_members[k]:7}  {found.phi[k]:.4f}  {found.mean[k]:13.4f}  {found.low[k]:.3f} - "
        f"{found.high[k]:.3f}  {found.normalised[k]:12.3f}  {found.p_value[k]:7.3f}"
    )

# 4. The picture.
jaxnet.draw_rich_club(found, path=figure)
print(f"4. drawn in {figure}")
