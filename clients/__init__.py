"""What a person looks at: terminal, plain lines, exports."""
