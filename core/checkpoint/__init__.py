"""What stands beside the journal and can be made from it again."""
