"""The same run on many devices and in many processes.

Read in this order: `sharding` (what is split over a mesh), `processes` (joined, made to agree, lost), `process_data`
(each process reads its part), `per_device` (each device runs its own).
"""
