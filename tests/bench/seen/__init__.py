"""How well fields are seen: each module measures one thing and gives rows for the report."""
