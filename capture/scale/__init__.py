"""How many micrometres a pixel is: calibrations, what files claim, red cells, and which of them is trusted."""
