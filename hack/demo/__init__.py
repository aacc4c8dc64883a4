"""`make demo`: the product's story, told while it happens.

Act 0 on this machine, the others on a real cluster. The end-to-end test plays the same story from here. Only
act 0 needs the environment; the rest is standard library.
"""
