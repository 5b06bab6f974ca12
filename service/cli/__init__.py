"""The command line: `main` lists the commands, `commands` says what each takes, `terminal` does it and prints."""
