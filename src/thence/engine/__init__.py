"""Moves invocations: one verb a file, one loop shape, one writer. Knows no vendor and no HTTP.

accept  dispatch  run  settle  deliver      the way of one invocation
stop  redrive  rescue  expire  prune        what else may happen to it
sources                                     how anything inside this process has a function called
writer                                      every change goes through its group commits
lanes  family  effect  node  loop           what the verbs share
catalogue  versions  aliases  configs       what is deployed, and how it is called; targets: cycles
controls  entries  load
minutes                                     counts by function and minute
engine  functions  looking                  builds them and is what the doors talk to
"""
