"""Shells that take records out of the topics into other stores."""
