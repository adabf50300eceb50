"""The address guard: what may be connected to, and that nothing else ever is."""

from __future__ import annotations

import ipaddress

import pytest

from thence.destinations.http.addresses import SETTING, AddressGuard, ForbiddenAddress
from thence.destinations.webhook import WebhookSender

from .conftest import LOOPBACK

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:4700::1111"]
CLOSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1",
    "127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1",
    "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fec0::1", "ff02::1",
]  # fmt: skip


@pytest.mark.parametrize("text", [*PUBLIC, "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"])
def test_public_addresses_are_allowed(text):
    assert AddressGuard().allowed(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", CLOSED)
def test_private_and_special_addresses_are_refused_unless_their_network_is_allowed(text):
    address = ipaddress.ip_address(text)
    assert not AddressGuard().allowed(address)
    assert AddressGuard([ipaddress.ip_network(text)]).allowed(address)


def test_allowing_one_network_opens_no_other():
    guard = AddressGuard([ipaddress.ip_network("10.1.0.0/16")])
    assert guard.allowed(ipaddress.ip_address("10.1.2.3"))
    assert guard.allowed(ipaddress.ip_address("::ffff:10.1.2.3"))
    for text in ("10.2.0.1", "127.0.0.1", "::ffff:10.2.0.1", "169.254.169.254"):
        assert not guard.allowed(ipaddress.ip_address(text))


def test_a_link_local_address_with_a_scope_is_refused():
    with pytest.raises(ForbiddenAddress):
        AddressGuard().check("host.example", ["fe80::1%eth0"])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "0x7f000001",
        "0",
        "127.0.0.1%2e",
        "①②⑦.0.0.1",
        "127。0。0。1",
    ],
)
async def test_the_loopback_is_refused_in_whatever_form_it_is_written(host, receiver, parcel):
    sender = WebhookSender()
    answer = await sender.send(parcel(receiver.url(host=host)))
    await sender.close()
    assert receiver.seen == []
    assert (answer.delivered, answer.again) == (False, False)
    if answer.reason != "rejected":  # "rejected": the client takes it for no host name at all
        assert answer.reason == "forbidden_address"
        assert SETTING in answer.error
    else:
        assert host == "127.0.0.1%2e"


async def test_an_unusual_form_stays_refused_where_the_network_is_allowed(receiver, parcel):
    sender = WebhookSender(allow_networks=LOOPBACK)
    answer = await sender.send(parcel(receiver.url(host="2130706433")))
    await sender.close()
    assert receiver.seen == []
    assert answer.reason == "forbidden_address"
    assert "write 127.0.0.1" in answer.error


async def test_a_private_address_is_used_where_the_setting_allows_it(receiver, parcel):
    sender = WebhookSender(allow_networks=LOOPBACK)
    answers = [
        await sender.send(parcel(receiver.url(host=host))) for host in ("127.0.0.1", "localhost")
    ]
    await sender.close()
    assert [answer.delivered for answer in answers] == [True, True]


class Names:
    """A name server double: each lookup answers the next list; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_one_private_address_among_public_ones_is_enough_to_refuse(receiver, parcel):
    names = Names(["8.8.8.8", "127.0.0.1"])
    sender = WebhookSender(lookup=names)
    answer = await sender.send(parcel(receiver.url(host="mixed.example")))
    await sender.close()
    assert answer.reason == "forbidden_address"
    assert "127.0.0.1 (mixed.example)" in answer.error
    assert receiver.seen == []


async def test_a_rebound_name_is_connected_only_at_the_checked_address(
    receiver, parcel, monkeypatch
):
    """Public when it is checked, loopback ever after: what is connected to is what was checked."""
    names, connected = Names(["8.8.8.8"], ["127.0.0.1"]), []
    sender = WebhookSender(lookup=names)

    def refuse_to_leave(info):
        sender.client._guard.__class__.check(sender.client._guard, info[4][0], [info[4][0]])
        connected.append(info[4])
        raise OSError(101, "Network is unreachable")  # tests connect to nobody outside

    monkeypatch.setattr(sender.client._guard, "open_socket", refuse_to_leave)
    first = await sender.send(parcel(receiver.url(host="rebind.example")))
    assert connected == [("8.8.8.8", receiver.port)]
    assert names.asked == 1  # there is no second lookup between check and connection
    assert (first.delivered, first.again) == (False, True)
    sender.client._session.connector.clear_dns_cache()
    second = await sender.send(parcel(receiver.url(host="rebind.example")))
    await sender.close()
    assert second.reason == "forbidden_address"
    assert connected == [("8.8.8.8", receiver.port)]
    assert receiver.seen == []


async def test_the_socket_itself_is_refused_when_an_address_came_past_the_resolver(
    receiver, parcel
):
    """The last look: even a resolver that was talked round opens no socket."""
    sender = WebhookSender()

    async def no_check(host, port=0, family=0):
        return [
            {
                "hostname": host,
                "host": "127.0.0.1",
                "port": port,
                "family": 2,
                "proto": 6,
                "flags": 0,
            }
        ]

    sender.client._resolver.resolve = no_check
    answer = await sender.send(parcel(receiver.url(host="tricked.example")))
    await sender.close()
    assert answer.reason == "forbidden_address"
    assert receiver.seen == []


async def test_an_open_connection_of_one_sender_is_of_no_use_to_another(receiver, parcel):
    open_, closed = WebhookSender(allow_networks=LOOPBACK), WebhookSender()
    assert (await open_.send(parcel(receiver.url()))).delivered
    assert (await closed.send(parcel(receiver.url()))).reason == "forbidden_address"
    await open_.close()
    await closed.close()
    assert len(receiver.seen) == 1
