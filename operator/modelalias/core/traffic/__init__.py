"""How the requests of an HTTPRoute are split: who may get some, how much, and what is written."""
