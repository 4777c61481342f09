"""The networks: classes, preprocessing, ResNet-18, the LeNet bank, checkpoints, verdicts, the engine."""
