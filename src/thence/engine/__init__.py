"""Moves invocations: one verb a file, one loop shape, one writer. Knows no vendor and no HTTP.

accept  dispatch  run  settle  deliver      the way of one invocation
end  stop  redrive  rescue  expire  prune   what else may happen to it
sources                                     how anything inside this process has a function called
making                                      a checked invocation of what a call asks for
deciding  owed  place  large_results        what an ending means, owes, and does on its way to the disk
writer  group  outage                       every change goes through its group commits; what is done while it cannot
wiring  flow  life  store_watch             builds the verbs, connects, starts and stops them
lanes  family  running  lease  backlog      what the verbs share
effect  node  loop  due_queue  node_queue
catalogue  versions  aliases  configs       what is deployed, and how it is called; targets: cycles
controls  entries  load
invocations  deliveries  mailbox            what doors ask; events: the stream, minutes: counts by time,
events  minutes  stats  health              health: whether the service can work
functions                                   what is deployed, as doors ask for it and have it changed
engine                                      all of that, as doors use it
"""
