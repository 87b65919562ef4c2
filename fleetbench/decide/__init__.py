"""DECIDE: predictions held against each other: what-ifs, the search among them, failures, the gate, other layouts."""
