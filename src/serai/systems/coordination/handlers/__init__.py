"""One family of etcd's calls a file: a message becomes a word, the member does it, and it becomes a message again.

A method has the name that the table gives its call, in snake case; one that is not there is not served.
"""
