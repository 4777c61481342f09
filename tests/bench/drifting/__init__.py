"""Parts of the drift benchmark."""
