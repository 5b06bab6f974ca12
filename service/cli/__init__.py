"""The command line. `main` lists the commands. Each command imports the large modules that it needs when it runs."""
