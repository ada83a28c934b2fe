"""The words that every room speaks: ids, money, errors, and the ports through which time and chance arrive."""
