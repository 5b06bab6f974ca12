"""The command line: `main` lists the commands; what needs large modules imports them when it runs."""
