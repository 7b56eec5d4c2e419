"""Venues: one folder a family. Rules and messages are pure; feed and gateway touch the world."""
