"""``python -m fleetbench``."""

from fleetbench.cli.main import main

main()
