"""The pages: what stands at each alias, on which numbers, and who is waited for.

Served by a process of its own, never by the operator, with the credentials of the person who looks. A module named
`..._page` answers one address: it reads, makes a view of what it has read, and hands that to a template. The modules
that make views are pure; rules come from the core and from the command line, none is written here again.
"""
