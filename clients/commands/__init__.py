"""Subcommands of the clients, one module each, loaded only when used."""
