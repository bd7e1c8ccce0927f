"""The embedded Google cloud: one gRPC port with all services, and one HTTP port for what is asked over REST.

The unmodified google-cloud clients talk to it through toolkit/clouds/gcp.py.  It refuses what Google refuses, and is
never slow or unreliable unless its settings say so.  It must not know what `al` wants of it: only what Google does.

How to write a service (secret_manager.py is one to look at)
-----------------------------------------------------------

A service is a class made with the `Google` that it belongs to; one per daemon.  `rpcs()` is its table::

    class Jobs(Service):
        def rpcs(self) -> Mapping[str, Rpc]:
            return {
                "GetJob": Rpc(run_v2.GetJobRequest, self.get, "run.jobs.get"),
                "ListJobs": Rpc(run_v2.ListJobsRequest, self.list, "run.jobs.list", on="parent"),
                "TailLogEntries": Rpc(..., self.tail, kind=Kind.STREAM),
            }

        def get(self, asked: run_v2.GetJobRequest, call: Call) -> run_v2.Job: ...

`services.py` names the class beside its gRPC service; its module is imported at the first call, so imports of google
libraries at the top of a service's module are right, and in `cloud.py`, `server.py` and `services.py` they are not.

* **Permission**: the third field of `Rpc` is what the caller needs on the resource that the request's field `on` names
  (`name` unless said; dots go deeper: `on="secret.name"`), asked before the handler runs.  More in the handler:
  `call.require("run.jobs.runWithOverrides", name)` raises, `call.may(...)` answers.  For another identity, as when a job
  reads a secret for its account: `google.access.may(Caller.account(email), permission, name)`.
* **Refusing**: raise one of refusals.py: `invalid("job.template", "why")` carries the field violation, `not_found(name)`,
  `already_exists(name)`, `precondition(text)`, `aborted(text)`, `exhausted(quota)`, `denied(permission, name)`.
* **State**: `google.of(Kind)` is the one object of that class, made without arguments when first asked for, and
  forgotten by `google.reset()`; it must be picklable (google's messages are) and holds no threads.  Hold `google.lock`
  (re-entrant; every unary handler is run under it already, so it must not wait unless its `Rpc` says `waits=True` and it
  takes the lock itself; streams are not under it).
* **Names**: `google.canonical(name)` has the project's number, as Secret Manager answers; `google.by_id(name)` the id,
  as Cloud Run does.  Both refuse other projects.  Keep state under one of them.
* **Time**: `google.now()` (UTC); the setting `clock_ahead` moves it.
* **Operations**: `google.operations.soon(parent, metadata, work)` answers a google.longrunning.Operation; `work()` runs
  when it is due (at once unless `operation_seconds` or `stuck_operations` say otherwise) and gives its response or
  raises a refusal.  For what ends when it ends: `begin(parent, metadata)`, later `report(name, metadata)`,
  `finish(name, response)` or `fail(name, refusal)`.
* **Policies**: `policies.rpcs(google, exists, "run.jobs")` gives the three RPCs of a resource that has a policy.
* **Settings**: fields of settings.GcpSettings, read as `google.settings`; add yours there.  Faults that tests ask for:
  `google.faults.lose("RunJob", times=1)` does the work and loses the answer; `google.faults.fail("RunJob",
  "UNAVAILABLE", times=2)` fails instead; `repeat` does it twice, `delay` later.
* **Closing**: `close()` of a service is called when the cloud ends, or is reset: end what you started.  A service that has
  something running says so by `busy`, and the daemon stays.
* **This machine**: `google.machine` (machine.py) has the images, the registry's storage and the directory to work in.
* **Containers**: `google.tickets.issue(email)` -> ticket; `google.surroundings(ticket)` is the environment of a container
  that runs as that account (AL_GCP_ENDPOINT, AL_GCP_HTTP, GCE_METADATA_HOST, ...); `google.tickets.end(ticket)` with it.

What was asked is at `google.recording` (permissions, as in toolkit/sandbox/recording.py) and `google.counts` (how often
each RPC was called).  Tests: `moto_tests/gcp/conftest.py` has the fixtures `google`, `gcp_cloud`, `gcp_context` and
`gcp_clients`.
"""
