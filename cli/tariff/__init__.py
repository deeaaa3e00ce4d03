"""`onecard tariff`: tariffs checked, compiled, shown and compared."""
