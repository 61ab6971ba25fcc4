"""A system in memory with handlers for the toy types, secrets in a dict, and a journal in a list."""

from __future__ import annotations

from threading import Event, Lock

from pydantic import SecretStr

from reconciler.core.journal import fold
from reconciler.core.observed import Absent, Present
from reconciler.core.planner import make_plan
from reconciler.core.resource import Mark
from reconciler.core.secret import SecretStatus, fingerprint
from reconciler.engine.executor import Executor
from reconciler.engine.performing import Performer
from reconciler.engine.refresh import observe, secret_statuses
from reconciler.errors import InDoubtError, SecretError, StatusError, UnreachableError
from reconciler.ports import Written

HIDDEN = Mark.SECRET | Mark.GENERATED | Mark.LOCAL


class FakeHandler:
    """Objects by id. `faults` maps a verb to an exception to raise, or to "lost": done, but no answer came."""

    def __init__(self, resource_type):
        self.type = resource_type
        self.objects: dict[str, Present] = {}
        self.faults: dict[str, object] = {}
        self.calls: list[str] = []
        self.secret = ""
        self.written_secrets: list[str] = []
        self.manual: tuple[str, ...] = ()
        self._lock = Lock()

    def read(self, wanted):
        self.calls.append("read")
        if isinstance(fault := self.faults.get("read"), Exception):
            return dict.fromkeys((lookup.address for lookup in wanted), fault)
        found = {}
        for lookup in wanted:
            key = [lookup.attributes.get(name) for name in self.type.key]
            by_key = [
                item
                for item in self.objects.values()
                if key and [item.attributes.get(k) for k in self.type.key] == key
            ]
            item = self.objects.get(lookup.remote_id or "") or next(iter(by_key), None)
            found[lookup.address] = item or Absent()
        return found

    def _act(self, verb, act):
        with self._lock:
            self.calls.append(verb)
            fault = self.faults.pop(verb, None)
            if isinstance(fault, Exception):
                raise fault
            result = act()
            if fault == "lost":
                raise InDoubtError("no answer", "POST /x")
            return result

    def create(self, write):
        def act():
            remote_id = str(write.attributes.get("client_id") or write.address.name)
            shown = {k: v for k, v in write.attributes.items() if not self.type.attributes[k] & HIDDEN}
            self.objects[remote_id] = Present(remote_id, shown, write.owner if self.type.marked else None)
            self._take(write)
            return Written(remote_id, self._make_secret(), self.manual)

        return self._act("create", act)

    def update(self, write):
        def act():
            item = self.objects[write.remote_id]
            shown = {k: write.attributes[k] for k in write.changed if not self.type.attributes[k] & HIDDEN}
            owner = write.owner if self.type.marked else None
            self.objects[write.remote_id] = item._replace(attributes={**item.attributes, **shown}, owner=owner)
            self._take(write)
            return Written(write.remote_id, manual=self.manual)

        return self._act("update", act)

    def delete(self, write):
        return self._act("delete", lambda: self.objects.pop(write.remote_id, None) and None)

    def rotate(self, write):
        return self._act("rotate", lambda: Written(write.remote_id, self._make_secret()))

    def prove(self, write):
        return self._act("prove", lambda: write.secrets["secret"].get_secret_value() == self.secret)

    def _take(self, write):
        self.written_secrets += [value.get_secret_value() for value in write.secrets.values()]

    def _make_secret(self):
        if not self.type.having(Mark.GENERATED):
            return None
        self.secret = f"plain-secret-{len(self.calls)}"
        return SecretStr(self.secret)


class PlainHandler(FakeHandler):
    """The same without secrets of its own."""

    rotate = None
    prove = None


class FakeSecrets:
    """Handles to values."""

    def __init__(self):
        self.values: dict[str, SecretStr] = {}
        self.broken = False

    def value(self, handle):
        return self.values.get(handle)

    def put(self, handle, value):
        if self.broken:
            raise SecretError("the disk is full")
        self.values[handle] = value

    def status(self, handle):
        value = self.values.get(handle)
        return SecretStatus(self.fingerprint(value) if value else None, writable=True)

    def fingerprint(self, value):
        return fingerprint(b"key", value.get_secret_value())


class World:
    """State, handlers and secrets of one toy stack; `run` plans and executes."""

    def __init__(self, types, state):
        self.types, self.state = types, state
        self.handlers = {
            key: (FakeHandler if kind.having(Mark.GENERATED) else PlainHandler)(kind) for key, kind in types.items()
        }
        self.secrets = FakeSecrets()
        self.events = []
        self.progress = []
        self.stop = Event()

    def plan(self, *wanted):
        desired = {item.address: item for item in wanted}
        observed = observe(desired, self.state, self.handlers, {}, 4)
        statuses = secret_statuses(desired, observed, self.state, self.secrets, self.handlers)
        from reconciler.core.planner import Situation

        return make_plan(Situation(desired, observed, self.state, self.types, statuses))

    def execute(self, plan):
        from reconciler.core.journal import Began

        self.events = [Began(self.state.lineage, self.state.serial, {})]
        performer = Performer(self.state, self.types, self.handlers, self.secrets)
        results = Executor(
            performer, self.events.append, lambda result, total: self.progress.append(result), self.stop, 4
        ).run(plan)
        self.state = fold(self.state, self.events)
        return {(str(r.address), str(r.step)): r for r in results}

    def run(self, *wanted):
        return self.execute(self.plan(*wanted))


REFUSED = StatusError(422, "no", "POST /x")
GONE = StatusError(404, "Not Found", "PATCH /x")
UNREACHABLE = UnreachableError("no connection", "GET /x")
