"""Projects of Serverless Devs (`s.yaml`), deployed as they are to this service.

document.py   the file: YAML and its ${…} values
wanted.py     what a project wants, in the words of the vendor's API
fc3.py, fc.py how the two components' properties say that
vendor.py     signed requests to the service's Function Compute door
plan.py       what there is against what is wanted, as changes
apply.py      making the changes, in order
show.py       a plan and its outcome for people
"""
