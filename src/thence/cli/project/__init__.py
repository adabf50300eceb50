"""Projects of Serverless Devs (`s.yaml`), deployed as they are to this service.

loader.py     the file: YAML as the tool reads it, within bounds
document.py   its ${…} values; unresolved.py those that cannot be had
wanted.py     what a project wants, in the words of the vendor's API
fc3.py, fc.py how the two components' properties say that; elsewhere.py what both leave out
vendor.py     signed requests to the service's Function Compute door
plan.py       what there is against what is wanted, as changes
foretell.py   what the service will refuse of them
apply.py      making the changes, in order
show.py       a plan and its outcome for people
"""
