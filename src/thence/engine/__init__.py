"""Moves invocations: one verb a file, one loop shape, one writer. Knows no vendor and no HTTP.

accept  dispatch  run  settle  deliver      the way of one invocation
stop  redrive  rescue  expire  prune        what else may happen to it
writer                                      every change goes through its group commits
lanes  catalogue  node  loop                what the verbs share
engine                                      builds them and is what the doors talk to
"""
