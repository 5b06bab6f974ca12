"""The subcommands of `sodan`, with their options and help. ``main.py`` lists them."""
