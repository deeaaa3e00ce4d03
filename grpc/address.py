"""HOST:PORT, as a person types it."""

from dataclasses import dataclass
from ipaddress import ip_address

from onecard.core.errors import BadInput


@dataclass
class Address:
    """Where to listen, or where a server is; listening on port 0 lets the machine choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """`host:port`, IPv6 in brackets. BadInput for anything else."""
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise BadInput(f"address: expected HOST:PORT, such as 127.0.0.1:7421, found {text!r}")
        return cls(host.strip("[]"), int(port))

    @property
    def loopback(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
