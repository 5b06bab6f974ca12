"""The command line. `main` lists the commands, `commands` defines their arguments and help, `terminal` runs them."""
