"""What shows a session to a person or a program: terminal, plain lines, exports."""
