"""What crosses a process: typed messages, their bytes, and the sockets that carry them."""
