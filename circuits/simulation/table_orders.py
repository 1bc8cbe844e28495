"""An order of look-up tables in which few values are waited for at once, so that these stay in the cache.

From the outputs down, each table after what it reads, as R. Sethi and J. D. Ullman (The generation of optimal code for
arithmetic expressions, 1970) order a tree; and what frees a value is run as soon as it can be.
"""

import numpy as np

from circuits.simulation.lookup_tables import LookUpTables


def depth_first(tables: LookUpTables, outputs: np.ndarray, n_nodes: int) -> LookUpTables:
    """Order look-up tables depth first.

    Args:
        tables: in any order in which a table comes after those that it reads, each needed by an output.
        outputs: `(m,)`, the nodes of the outputs, whose tables are run in this order.
        n_nodes: how many nodes there are.

    Returns:
        The same tables in another such order. A table that nothing has asked for yet is run once all that it reads is
        there and it is the last to read some of it: a full adder adds when it carries.

    Source: R. Sethi and J. D. Ullman (1970).

    >>> from circuits import library
    >>> from circuits.simulation.lookup_tables import as_lookup_tables
    >>> circuit = library.population_count(7)
    >>> depth_first(as_lookup_tables(circuit), circuit.outputs, circuit.n_nodes).nodes.size     # four full adders
    8
    """
    scheduler = _Scheduler(tables, outputs, n_nodes)
    table_of = scheduler.table_of
    waiting = [table_of[node] for node in outputs.tolist()[::-1] if table_of[node] >= 0]
    while waiting:
        table = waiting[-1]
        missing = [] if scheduler.is_run[table] else scheduler.missing_tables(table)
        if missing:
            waiting += missing
        else:
            waiting.pop()
            scheduler.run(table)
    order = scheduler.order
    return LookUpTables(tables.nodes[order], tables.leaves[order], tables.tables[order])


class _Scheduler:
    """Tables that are run one after another, with the reads that are still to come of each node."""

    def __init__(self, tables: LookUpTables, outputs: np.ndarray, n_nodes: int):
        self.nodes = tables.nodes.tolist()
        # The constant is never freed, so that reads of it do not count.
        self.leaves = [[leaf for leaf in leaves if leaf] for leaves in tables.leaves.tolist()]
        self.table_of = [-1] * n_nodes
        for table, node in enumerate(self.nodes):
            self.table_of[node] = table
        self.readers: list[list[int]] = [[] for _ in range(n_nodes)]
        for table, leaves in enumerate(self.leaves):
            for leaf in leaves:
                self.readers[leaf].append(table)
        self.reads_left = [len(readers) for readers in self.readers]
        for node in outputs.tolist():
            self.reads_left[node] += 1
        self.missing = [sum(self.table_of[leaf] >= 0 for leaf in leaves) for leaves in self.leaves]
        self.is_run = [False] * len(self.nodes)
        self.order: list[int] = []

    def missing_tables(self, table: int) -> list[int]:
        """Return the tables that a table reads and that are not run yet, the first to run last."""
        read = [self.table_of[leaf] for leaf in reversed(self.leaves[table])]
        return [other for other in read if other >= 0 and not self.is_run[other]]

    def run(self, table: int) -> None:
        """Run a table, and then whatever frees a value and reads only what is there."""
        ready = [table]
        while ready:
            table = ready.pop()
            if self.is_run[table]:
                continue
            self.is_run[table] = True
            self.order.append(table)
            node = self.nodes[table]
            for reader in self.readers[node]:
                self.missing[reader] -= 1
            for leaf in self.leaves[table]:
                self.reads_left[leaf] -= 1
                if self.reads_left[leaf] == 1:
                    ready += self._freeing(leaf)
            ready += self._freeing(node)

    def _freeing(self, node: int) -> list[int]:
        """Return the readers of a node that can be run and would be the last to read one of their leaves."""
        return [
            reader
            for reader in self.readers[node]
            if not self.missing[reader]
            and not self.is_run[reader]
            and 1 in [self.reads_left[leaf] for leaf in self.leaves[reader]]
        ]
