"""Runs untrusted code in a process of its own: a warm parent (zygote), its forked workers, and their client.

`client` is the trusted side, with `parent`, `channel`, `pack` and `verdicts` behind it. `zygote`, `worker`,
`live`, `failure`, `source`, `standins` and `lockdown` run on the other side of the wire: nothing there may
hold answers, and nothing it says is believed without a check.
"""
