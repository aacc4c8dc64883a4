"""What a cluster did to this machine, kept on disk so that another command can undo it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from hack.cluster.layout import Layout
from hack.cluster.processes import Process, boot_id


@dataclass(frozen=True)
class Record:
    """Name the provider, its processes in the order of their start, and kernel settings as they were before."""

    provider: str
    boot: str
    processes: tuple[Process, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def with_process(self, process: Process) -> "Record":
        """Add one process."""
        return replace(self, processes=(*self.processes, process))

    def running(self) -> bool:
        """Tell whether every process of it still runs since this start of the machine."""
        if self.boot != boot_id() or not self.processes:
            return False
        return all(process.alive() for process in self.processes)


def read(layout: Layout) -> Record | None:
    """Read the record, or None where no cluster was brought up or its record was cut short."""
    try:
        found = json.loads(layout.record.read_text())
        processes = tuple(Process(**process) for process in found.pop("processes"))
        return Record(**found, processes=processes)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(layout: Layout, record: Record) -> None:
    """Replace the record in one step."""
    fresh = layout.record.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(record), indent=1))
    fresh.replace(layout.record)
