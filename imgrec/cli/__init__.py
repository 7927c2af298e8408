"""The command line: options in, one workflow call, exit status out."""
