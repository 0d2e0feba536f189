"""From a host to the addresses it may be called at: looked up once, every one of them judged."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from muster.safe_http.address import Address
from muster.safe_http.allowance import Allowance
from muster.safe_http.deadline import Deadline
from muster.safe_http.host import Host
from muster.safe_http.refusal import refusal, shown
from muster.safe_http.verdict import Verdict

#: Name and port to textual addresses, the preferred one first. Raises OSError if there are none.
Resolver = Callable[[str, int], Sequence[str]]

#: Lookups that may hang at once in one client; the operating system offers no way to end them.
MOST_PENDING = 32

_Answer = Sequence[str] | Exception


def system_resolver(name: str, port: int) -> list[str]:
    """What the operating system answers."""
    # Bytes: text would be rewritten by Python's own codec for international names.
    found = socket.getaddrinfo(name.encode("ascii"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Lookup:
    """Resolves in a thread of its own, since a resolver may take longer than the call."""

    def __init__(self, *, resolver: Resolver, allowance: Allowance) -> None:
        self._resolver = resolver
        self._allowance = allowance
        self._pending = threading.BoundedSemaphore(MOST_PENDING)

    def addresses(self, host: Host, *, port: int, deadline: Deadline) -> tuple[Address, ...]:
        """The addresses to connect to; no other may be used for this host.

        Raises:
            Refused: there are none, or one of them may not be called.
        """
        self.judge_host(host)
        if host.address is not None:
            found = (host.address,)
        else:
            found = tuple(_parsed(text, host) for text in self._ask(host.name, port, deadline))
        if not found:
            raise refusal(Verdict.DNS_FAILED, f"{host} has no address.")
        for address in found:
            self._judge(host, address)
        return found

    def judge_host(self, host: Host) -> None:
        """Judge a host as far as that needs no lookup.

        Raises:
            Refused: it may not be called.
        """
        self._judge(host, host.address)

    def _judge(self, host: Host, address: Address | None) -> None:
        if address is None:
            problem = self._allowance.judge_name(host.name)
        else:
            problem = self._allowance.judge(host.name, address)
        if problem is not None:
            raise refusal(problem.verdict, f"{host} is not called: {problem.reason}.")

    def _ask(self, name: str, port: int, deadline: Deadline) -> Sequence[str]:
        deadline.phase = "looking up the name"
        if not self._pending.acquire(timeout=deadline.remaining()):
            raise deadline.passed()
        answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        thread = threading.Thread(
            target=self._resolve, args=(name, port, answers), name="muster-lookup", daemon=True
        )
        thread.start()
        try:
            answer = answers.get(timeout=deadline.remaining())
        except queue.Empty:
            raise deadline.passed() from None
        if isinstance(answer, OSError | UnicodeError):
            raise refusal(Verdict.DNS_FAILED, f"{name} has no address: {answer}.") from answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _resolve(self, name: str, port: int, answers: queue.SimpleQueue[_Answer]) -> None:
        try:
            answers.put(self._resolver(name, port))
        except Exception as exc:  # noqa: BLE001  # raised again by the caller, who waits for it
            answers.put(exc)
        finally:
            self._pending.release()


def _parsed(text: str, host: Host) -> Address:
    """An address of the resolver's answer, without trust in its form."""
    if "%" in text:
        raise refusal(Verdict.ZONE, f"{host} leads to {shown(text)}, which has a zone id.")
    try:
        return ip_address(text)
    except ValueError as exc:
        raise refusal(Verdict.DNS_FAILED, f"{host} leads to {shown(text)}, no address.") from exc
