"""What a reader needs in the browser and in the terminal alike: the cells, their pictures, the keys, how labels go."""
