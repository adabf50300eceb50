"""Moves invocations: one verb a file, one loop shape, one writer. Knows no vendor and no HTTP.

The way of one invocation
    accept  making  checks                  checks a call and commits it; backlog: it waits
    dispatch  node_queue  due_queue         gives what is due to free instances, fairly
    run  running  suspects                  one attempt; those that run here; those that may end a node
    settle  deciding  owed  large_results   what an ending means and owes, in one commit
    place  deliver  delivery_attempts       records: made in that commit, or sent; turns: who is next
    turns  sending

What else may happen to it
    end  expire  stop  retire               it ends without another attempt
    redrive  rescue  prune  sweep           it runs again, was lost, is kept no longer
    invoke                                  a synchronous call, of which nothing is stored

What is deployed
    catalogue  mirror  plan  plans          in memory as in the store; changes decided by a revision
    entries  effect  targets  family        its parts: configurations in effect, cycles, versions
    deployed_code  trial  elsewhere         code on the disk, loaded once to try; what other nodes wrote

What the verbs share
    writer  group  answer  outage  room     the group commit; while the store is away or the disk is full
    lanes  slots  lease  node  backlog      what waits for a function, its slots; this node and its lease
    loop  alarm  tasks  options  flow       the shape of every loop, timers, settings, arrows that point back

What others use of it
    engine  wiring  life  store_watch       builds, connects, starts and stops all that
    sources                                 how anything inside this process has a function called
    functions  invocations  deliveries      questions, an object for each subject
    mailbox  events  minutes  stats
    health  tend  wait  why  actor
"""
