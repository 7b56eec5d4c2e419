"""The schema registry of the embedded stack: Apicurio, with its state in a file, through the Confluent API."""

import requests

from streams.local import artifacts
from streams.local.service import HOST, Command, Say, Service, offset_port

__all__ = ["Registry", "registry_answers"]

VERSION = "2.6.13.Final"
COORDINATE = ("io.apicurio", "apicurio-registry-app", VERSION, "all")
JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Registry(Service):
    """A registry whose schemas and ids outlive a restart."""

    name = "registry"
    title = "registry 2.6.13"

    @property
    def ports(self) -> tuple[int, ...]:
        return (offset_port(self.base, "registry"),)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.ports[0]}/apis/ccompat/v7"

    def fetch(self, say: Say) -> None:
        artifacts.java()
        self._program(say)

    def prepare(self, say: Say) -> Command:
        self.data.mkdir(parents=True, exist_ok=True)
        options = {
            "quarkus.http.host": HOST,
            "quarkus.http.port": self.ports[0],
            "quarkus.datasource.jdbc.url": f"jdbc:h2:file:{self.data / 'h2'}",
            "quarkus.log.console.color": "false",
            "quarkus.log.level": "WARN",
            "quarkus.banner.enabled": "false",
        }
        jar = self._program(say) / f"apicurio-registry-app-{VERSION}-runner.jar"
        flags = tuple(f"-D{key}={value}" for key, value in options.items())
        return Command((artifacts.java(), *JVM, "-XX:+ExitOnOutOfMemoryError", *flags, "-jar", str(jar)), self.data)

    def answers(self) -> bool:
        return registry_answers(self.address)

    def _program(self, say: Say):
        return artifacts.unpacked(f"apicurio-registry-{VERSION}", COORDINATE, say)


def registry_answers(url: str, timeout_s: float = 2.0) -> bool:
    """Whether a registry lists its subjects at this root of the Confluent API."""
    try:
        answer = requests.get(f"{url}/subjects", timeout=timeout_s)
        return answer.status_code == 200 and isinstance(answer.json(), list)
    except (requests.RequestException, ValueError):
        return False
