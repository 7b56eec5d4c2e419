"""What the commands of `millrace` do, a module each, imported when the command is called."""
