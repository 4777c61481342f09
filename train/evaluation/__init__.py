"""How good weights are: what is scored, how, and the report of it as JSON, Markdown, figures and a page."""
