"""What others charged, held against a tariff: explained by a rule, or listed."""
