"""Columns of protobuf messages, in and out."""
