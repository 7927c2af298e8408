"""`python -m imgrec`, the same as `imgrec`."""

from imgrec.cli.main import main

main()
