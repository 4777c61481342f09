"""Putting weights into use: the paired comparison, the rule, the store of promoted weights, the model card."""
