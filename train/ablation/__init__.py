"""Which part of the recipe is worth what: the same small training again and again, one thing changed."""
