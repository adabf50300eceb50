"""The vendors' own SDKs as clients. They are installed from PyPI into environments of their own (their
pins clash with each other and with ours) and used as their documents say; only public settings point
them at this service. The tests below `alibaba/` and `huawei/` run inside those environments."""
