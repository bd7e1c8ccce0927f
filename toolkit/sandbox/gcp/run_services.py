"""Cloud Run services: containers that answer requests, each under one address.

https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#services.  One process serves, whatever the scaling
says; a new revision takes over when it listens, and not before.
"""

import re
import secrets
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.cloud import run_v2

from . import policies
from .pages import page
from .refusals import Refused, Violation, already_exists, invalid, not_found
from .rpc import Call, Caller, Rpc, Service
from .run_access import check_account, default_account, problems
from .run_book import etag, match_etag
from .run_checks import (
    LONGEST_SERVICE,
    OF_SERVICES,
    container_violations,
    id_violations,
    label_violations,
    refuse,
)
from .run_conditions import DONE, FAILED, GOING, READY, condition
from .service_life import CannotServe, Instance
from .service_proxy import Proxy

if TYPE_CHECKING:
    from .cloud import Google

LARGEST_PAGE = 1000
_MASKED = ("description", "labels", "annotations", "template", "traffic", "scaling", "ingress", "launch_stage",
           "invoker_iam_disabled", "default_uri_disabled", "custom_audiences", "client", "client_version")  # fmt: skip


@dataclass(slots=True)
class ServiceBook:
    """By name with the project's id."""

    services: dict[str, run_v2.Service] = field(default_factory=dict)


class _Front:
    """A service's address, and what serves behind it."""

    def __init__(self, services: "Services", name: str) -> None:
        self.instance: Instance | None = None
        self.proxy = Proxy(self._port, lambda header: services.may_invoke(name, header))

    def _port(self) -> int | None:
        return self.instance.port if self.instance and self.instance.alive else None

    def replace(self, instance: Instance) -> None:
        old, self.instance = self.instance, instance
        if old:
            old.stop()

    def close(self) -> None:
        self.proxy.close()
        if self.instance:
            self.instance.end()


class Services(Service):
    """google.cloud.run.v2.Services."""

    def __init__(self, google: "Google") -> None:
        super().__init__(google)
        self._fronts: dict[str, _Front] = {}
        for service in tuple(self._book.services.values()):  # of a sandbox that was kept
            self._begin(service, self._metadata(service))

    def rpcs(self) -> Mapping[str, Rpc]:
        own = "run.services"
        return {
            "CreateService": Rpc(
                run_v2.CreateServiceRequest, self.create, f"{own}.create", "parent"
            ),
            "GetService": Rpc(run_v2.GetServiceRequest, self.get, f"{own}.get"),
            "ListServices": Rpc(run_v2.ListServicesRequest, self.list, f"{own}.list", "parent"),
            "UpdateService": Rpc(
                run_v2.UpdateServiceRequest, self.update, f"{own}.update", "service.name"
            ),
            "DeleteService": Rpc(run_v2.DeleteServiceRequest, self.delete, f"{own}.delete"),
            **policies.rpcs(self.google, self._exists, own),
        }

    @property
    def busy(self) -> bool:
        return any(front.proxy.active for front in self._fronts.values())

    def close(self) -> None:
        for front in tuple(self._fronts.values()):
            front.close()
        self._fronts.clear()

    def get(self, asked: run_v2.GetServiceRequest, _: Call) -> run_v2.Service:
        return run_v2.Service(self._find(asked.name))

    def list(self, asked: run_v2.ListServicesRequest, _: Call) -> run_v2.ListServicesResponse:
        head = f"{self.google.by_id(asked.parent)}/services/"
        found = [s for name, s in self._book.services.items() if name.startswith(head)]
        items, token = page(found, asked, LARGEST_PAGE, self.google.settings.page_items)
        return run_v2.ListServicesResponse(services=items, next_page_token=token)

    def create(self, asked: run_v2.CreateServiceRequest, call: Call) -> Any:
        name = f"{self.google.by_id(asked.parent)}/services/{asked.service_id}"
        service = self._checked(asked.service_id, asked.service, call)
        if name in self._book.services:
            raise already_exists(name, message=f"Resource '{asked.service_id}' already exists.")
        now = self.google.now()
        service.name, service.uid, service.create_time = name, str(uuid.uuid4()), now
        return self._kept(service, validate_only=asked.validate_only)

    def update(self, asked: run_v2.UpdateServiceRequest, call: Call) -> Any:
        name = self.google.by_id(asked.service.name)
        if name not in self._book.services and asked.allow_missing:
            parent, _, service_id = name.rpartition("/services/")
            call.require("run.services.create", parent)
            return self.create(
                run_v2.CreateServiceRequest(
                    parent=parent, service_id=service_id, service=asked.service
                ),
                call,
            )
        current = self._find(name)
        match_etag(asked.service.etag, current.etag)
        wanted, paths = run_v2.Service(current), tuple(asked.update_mask.paths) or _MASKED
        for path in paths:
            _copy(path, asked.service, wanted)
        service = self._checked(name.rpartition("/")[2], wanted, call)
        return self._kept(service, validate_only=asked.validate_only)

    def delete(self, asked: run_v2.DeleteServiceRequest, _: Call) -> Any:
        service = self._find(asked.name)
        match_etag(asked.etag, service.etag)

        def work() -> run_v2.Service:
            gone: run_v2.Service = self._book.services.pop(service.name)
            if front := self._fronts.pop(service.name, None):
                threading.Thread(target=front.close, daemon=True).start()
            policies.PolicyBook(self.google).forget(self.google.canonical(service.name))
            gone.delete_time = self.google.now()
            return gone

        return self.google.operations.soon(_place(service), run_v2.Service(service), work)

    def may_invoke(self, name: str, authorization: str) -> bool:
        """Whether a request with this Authorization header reaches the service."""
        with self.google.lock:
            service = self._book.services.get(name)
            if service is None:
                return False
            token = authorization.removeprefix("Bearer ")
            callers = (Caller(""), Caller(self.google.tickets.bearer(token) or ""))
            return service.invoker_iam_disabled or any(
                self.google.access.may(caller, "run.routes.invoke", name) for caller in callers
            )

    # inside

    @property
    def _book(self) -> ServiceBook:
        return self.google.of(ServiceBook)

    def _find(self, name: str) -> run_v2.Service:
        found = self._book.services.get(self.google.by_id(name))
        if found is None:
            raise not_found(name)
        return found

    def _exists(self, name: str) -> bool:
        return self.google.by_id(name) in self._book.services

    def _checked(self, service_id: str, given: run_v2.Service, call: Call) -> run_v2.Service:
        """A copy with Google's defaults.  Raises Refused."""
        refuse(_violations(service_id, given))
        service = run_v2.Service(given)
        template = service.template
        template.service_account = template.service_account or default_account(self.google)
        for container in template.containers:
            container.resources.limits = {"cpu": "1000m", "memory": "512Mi"} | dict(
                container.resources.limits
            )
        check_account(self.google, template.service_account, call)
        return service

    def _kept(self, service: run_v2.Service, *, validate_only: bool) -> Any:
        current, now = self._book.services.get(service.name), self.google.now()
        service.generation += 1
        service.update_time, service.etag = now, etag()
        if validate_only:
            return self.google.operations.soon(_place(service), service, lambda: service)
        revised = current is None or current.template != service.template
        if revised or service.terminal_condition.state == FAILED:
            service.latest_created_revision = self._revision(service)
        service.reconciling, service.terminal_condition = True, condition(READY, GOING, now)
        self._book.services[service.name] = service
        return self._begin(service, self._metadata(service))

    def _metadata(self, service: run_v2.Service) -> Any:
        return self.google.operations.begin(_place(service), run_v2.Service(service))

    def _begin(self, service: run_v2.Service, operation: Any) -> Any:
        """Serve it, in a thread of its own; the operation ends when it does, or never will."""
        if service.name not in self._fronts:
            self._fronts[service.name] = _Front(self, service.name)
        front = self._fronts[service.name]
        service.uri, service.urls = front.proxy.url, [front.proxy.url]
        copied = run_v2.Service(service)
        threading.Thread(
            target=self._serve,
            args=(copied, front, operation.name),
            daemon=True,
            name="run-service",
        ).start()
        return operation

    def _serve(self, service: run_v2.Service, front: _Front, operation: str) -> None:
        revision = service.latest_created_revision
        try:
            self._check(service)
            if service.latest_ready_revision != revision or not front.instance:
                name = revision.rpartition("/")[2]
                self._replace(front, Instance(self.google, service.name, name, service.template))
        except CannotServe as error:
            self._failed(service, operation, f"{_not_ready(revision)} {error}")
        except Refused as refusal:
            self._failed(service, operation, f"{_not_ready(revision)} {refusal.message}")
        else:
            self._ready(service, operation)

    def _replace(self, front: _Front, instance: Instance) -> None:
        try:
            instance.start()
        except CannotServe:
            instance.end()
            raise
        front.replace(instance)

    def _check(self, service: run_v2.Service) -> None:
        with self.google.lock:
            account = service.template.service_account
            for problem in problems(self.google, service.template, account):
                raise Refused(problem.code, problem.message)

    def _ready(self, asked: run_v2.Service, operation: str) -> None:
        with self.google.lock:
            service, now = self._book.services.get(asked.name), self.google.now()
            if service is None or service.generation != asked.generation:
                self.google.operations.finish(operation, asked)
                return
            service.reconciling, service.observed_generation = False, service.generation
            service.latest_ready_revision = service.latest_created_revision
            service.terminal_condition = condition(READY, DONE, now)
            self.google.operations.finish(operation, run_v2.Service(service))

    def _failed(self, asked: run_v2.Service, operation: str, message: str) -> None:
        with self.google.lock:
            service, now = self._book.services.get(asked.name), self.google.now()
            if service is not None and service.generation == asked.generation:
                service.reconciling, service.observed_generation = False, service.generation
                service.terminal_condition = condition(READY, FAILED, now, message)
            self.google.operations.fail(operation, Refused("FAILED_PRECONDITION", message))

    def _revision(self, service: run_v2.Service) -> str:
        id_ = service.name.rpartition("/")[2]
        token = secrets.token_hex(2)[:3]
        return f"{service.name}/revisions/{id_}-{service.generation:05d}-{token}"


def _violations(service_id: str, service: run_v2.Service) -> Iterator[Violation]:
    yield from id_violations("service_id", service_id, LONGEST_SERVICE)
    yield from label_violations("service", service.labels, service.annotations)
    template = service.template
    yield from label_violations("service.template", template.labels, template.annotations)
    yield from container_violations("service.template", template, OF_SERVICES, fractional=True)
    least = max(service.scaling.min_instance_count, template.scaling.min_instance_count)
    most = template.scaling.max_instance_count or service.scaling.max_instance_count
    if least < 0 or most < 0 or (most and least > most):
        yield Violation(
            "service.template.scaling",
            "min_instance_count must not be more than max_instance_count",
        )
    if any(len(container.ports) > 1 for container in template.containers):
        yield Violation("service.template.containers[0].ports", "a container may have one port")


def _copy(path: str, source: run_v2.Service, target: run_v2.Service) -> None:
    """A field of the update mask; deeper paths take the whole of the top one's sub-field."""
    head, _, rest = path.partition(".")
    if head not in _MASKED or not re.fullmatch(r"[a-z_]*", rest):
        raise invalid("update_mask", f"'{path}' cannot be updated")
    if rest:
        setattr(getattr(target, head), rest, getattr(getattr(source, head), rest))
    else:
        setattr(target, head, getattr(source, head))


def _not_ready(revision: str) -> str:
    return f"Revision '{revision.rpartition('/')[2]}' is not ready and cannot serve traffic."


def _place(service: run_v2.Service) -> str:
    return service.name.partition("/services/")[0]
