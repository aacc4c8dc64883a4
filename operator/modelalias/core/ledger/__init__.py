"""The ledger: what an alias and its versions remember of the moves that were made."""
