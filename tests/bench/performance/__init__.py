"""How fast it is, beside floors and peers: each module measures one thing and gives figures for the page."""
