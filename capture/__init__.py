"""From a camera's files to leukocytes: decoding, light, scale, quality, segmentation, crops, sources."""
