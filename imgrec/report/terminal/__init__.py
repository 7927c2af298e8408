"""Tables and lines for the terminal; a command imports the module with its own."""
