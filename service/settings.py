"""Every SODAN_* variable, read once, at the start of a command. A wrong value stops the start with one line."""
