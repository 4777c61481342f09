"""From labelled cells to weights: data sets, splits, augmentation, training, evaluation, commands."""
