"""The commands of `sodan`, a file a family: what they take, in the words of their help. ``main.py`` lists them."""
