"""The commands of `sodan`, one file per family: their arguments and help. ``main.py`` lists them."""
