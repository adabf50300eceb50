"""The functions that the demo deploys, one file each. They import nothing of Thence."""
