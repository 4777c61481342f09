"""Making weights the daemon's: the paired comparison, the rule, the store of promoted weights, the model card."""
