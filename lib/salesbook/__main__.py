"""`python -m salesbook`: the command line."""

from salesbook.cli import main

main(prog_name="salesbook")
