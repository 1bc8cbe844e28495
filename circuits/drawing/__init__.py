"""Pictures of circuits and truth tables.

Read in this order: `gate_symbols` (the picture), `layout` (where things stand), `crossings` and `routing` (the wires),
`karnaugh_maps`; and of threshold units `cubes` (the cut, or why there is none), `weight_histograms`,
`depth_histograms`.
"""
