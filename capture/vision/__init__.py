"""What is seen in a field: light, blur, stain, nuclei, outlines; and the crop of each leukocyte."""
