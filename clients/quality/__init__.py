"""A session's quality records: which leukocytes the machine finds, and where on the slide the hand has been."""
