"""Projects of Serverless Devs (`s.yaml`), deployed as they are to this service. The words in here are
that tool's and those of Function Compute.

yaml_file.py       the file: YAML as the tool reads it, within bounds
document.py        its ${…} values; missing_values.py those that cannot be had
resource.py        what a resource is to be, in the words of the vendor's API; resources.py all of a file
fc3.py, fc.py      how the properties of the two components say that; properties.py, code_folder.py
                   and left_out.py what both have
fc_client.py       signed requests to the service's Function Compute door; service_facts.py what is asked
plan.py            what there is against what the file says, as changes
checker.py         what the service will refuse of them; door_rules.py by which rules
apply.py           making the changes, in order
plan_text.py       a plan and its outcome for people
"""
