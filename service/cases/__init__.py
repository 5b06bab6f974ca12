"""Cases: which mail belongs to them (``placement``) and how they stand: state, asks, turn, clocks, brief. Pure."""
