"""Runs, agents and sums as the JSON that the gateway answers with and `--json` prints.

Names and units are the API's: what is live has ISO times, what is counted has milliseconds.  Nothing secret is in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.core.clock import from_iso, iso
from toolkit.core.run import Run, TriggerKind
from toolkit.core.sums import NOTHING, Sums
from toolkit.core.work import Call, Delivery, DeliveryState, Lock

from .history import (
    Edge,
    Usage,
    began_ms,
    call_graph,
    duration_ms,
    kind,
    result,
)
from .line import Line, Place
from .past import Summary
from .past import summary as summarised
from .status import NextRun, Seen, Standing, doing, instances, last_seconds, standings

MOST_BODY = 256 * 1024  # bytes of a webhook that are shown


def status(seen: Seen, next_run: NextRun, about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that goes on; `about` is what the asked process knows of itself."""
    running = instances(seen)
    return {
        "scheduler": scheduler(seen, about),
        "agents": [agent(standing) for standing in standings(seen, next_run)],
        "instances": [instance(run) for run in running],
        "running": len(running),
        "queueSizes": {name: seen.lengths.get(name, 0) for name in sorted(seen.roster.posts)},
        "locks": [lock(held) for held in seen.locks],
        "backends": [backend(line) for _, line in sorted(seen.lines.items())],
    }


def scheduler(seen: Seen, about: Mapping[str, Any]) -> dict[str, Any]:
    posts = seen.roster.posts.values()
    return {
        "projectName": seen.roster.project,
        **about,
        "projectScale": seen.switches.limit(seen.roster),
        "cronJobCount": sum(bool(p.timing) for p in posts),
        "webhooksActive": any(p.webhooks for p in posts),
        "paused": seen.switches.paused,
    }


def agent(standing: Standing) -> dict[str, Any]:
    last, took = standing.last, last_seconds(standing)
    return {
        "name": standing.post.agent,
        "description": standing.post.description,
        "state": standing.state.value,
        "enabled": standing.enabled,
        "statusText": standing.said,
        "lastError": standing.trouble,
        "lastRunAt": (last.started or last.created) if last else None,
        "lastRunDuration": round(took * 1000) if took is not None else None,
        "nextRunAt": iso(standing.next_run) if standing.next_run else None,
        "schedule": standing.post.timing,
        "timezone": standing.post.timezone,
        "timeout": standing.post.timeout,
        "environment": standing.post.environment,
        "queuedWebhooks": standing.queued,
        "scale": standing.scale,
        "runningCount": len(standing.instances),
        "runReason": doing(standing.instances[0]) if standing.instances else None,
        "taskUrl": standing.instances[0].page if standing.instances else None,
        "lastRunUsage": usage(Usage.of(last)) if last and last.usage else None,
        "cumulativeUsage": usage(standing.usage),
        "locks": [held.key for held in standing.locks],
        "triggers": list(standing.triggers),
    }


def instance(run: Run) -> dict[str, Any]:
    """A run while it goes on, and how pages name its end."""
    return {
        "id": run.id,
        "agentName": run.agent,
        "status": result(run).value,
        "startedAt": run.started or run.created,
        "trigger": doing(run),
        "runtime": run.runtime,
        "taskUrl": run.page,
    }


def lock(held: Lock) -> dict[str, Any]:
    return {
        "resourceKey": held.key,
        "agentName": held.holder.agent,
        "holder": held.holder,
        "heldSince": _ms(held.since),
        "expiresAt": _ms(held.expires),
    }


def backend(line: Line) -> dict[str, Any]:
    """A model's server with a limit: whose turn it is, and who waits, in order."""
    return {
        "id": line.backend,
        "holders": [place(one) for one in line.held],
        "waiting": [
            place(one) | {"position": number} for number, one in enumerate(line.waiting, 1)
        ],
    }


def place(one: Place) -> dict[str, Any]:
    return {"instance": one.run, "agentName": one.run.agent, "since": _ms(one.since)}


def usage(used: Usage) -> dict[str, Any]:
    return {
        "inputTokens": used.input,
        "outputTokens": used.output,
        "cacheReadTokens": used.cache_read,
        "cacheWriteTokens": used.cache_write,
        "totalTokens": used.total,
        "turnCount": used.turns,
        "cost": round(used.cost, 6),
    }


# ------------------------------------------------------------------------------ what is over


def run(record: Run) -> dict[str, Any]:
    """A row of the runs, in the names of the table that predecessors of this API had."""
    used = Usage.of(record)
    return {
        "instance_id": record.id,
        "agent_name": record.agent,
        "trigger_type": kind(record),
        "trigger_source": record.source,
        "result": result(record).value,
        "exit_code": record.exit_code,
        "started_at": began_ms(record),
        "duration_ms": duration_ms(record),
        "input_tokens": used.input,
        "output_tokens": used.output,
        "cache_read_tokens": used.cache_read,
        "cache_write_tokens": used.cache_write,
        "total_tokens": used.total,
        "cost_usd": round(used.cost, 6),
        "turn_count": used.turns,
        "error_message": record.reason or None,
        "cause": record.cause.value if record.cause else None,
        "pre_hook_ms": record.usage.get("preHookMs"),
        "post_hook_ms": record.usage.get("postHookMs"),
        "webhook_receipt_id": record.delivery,
        "return_value": record.return_value,
        "runtime": record.runtime,
        "task_url": record.page,
        "depth": record.depth,
    }


def trigger(record: Run) -> dict[str, Any]:
    """Why a run started."""
    return {
        "instanceId": record.id,
        "agentName": record.agent,
        "triggerType": kind(record),
        "triggerSource": record.source,
        "startedAt": began_ms(record),
        "result": result(record).value,
        "webhookReceiptId": record.delivery,
    }


def caller(record: Run) -> dict[str, Any]:
    """Who called it; empty for a run that no agent called."""
    if record.trigger is not TriggerKind.CALL or not record.source:
        return {}
    return {
        "callerInstance": record.source,
        "callerAgent": record.source.rsplit("-", 1)[0],
        "callDepth": record.depth,
    }


def row(entry: Run | Delivery) -> dict[str, Any]:
    """One line of the feed: a run, or a webhook that came to nothing."""
    if isinstance(entry, Run):
        more = {"status": result(entry).value, "durationMs": duration_ms(entry)}
        return trigger(entry) | more | {"error": entry.reason or None}
    return {
        "instanceId": None,
        "agentName": None,
        "triggerType": "webhook",
        "triggerSource": entry.source,
        "startedAt": _ms(entry.received),
        "status": "dead-letter",
        "webhookReceiptId": entry.id,
        "error": entry.reason.value if entry.reason else None,
        "summary": entry.summary,
    }


def delivery(entry: Delivery) -> dict[str, Any]:
    """A webhook, its body as text."""
    text = entry.body[:MOST_BODY].decode("utf-8", "replace")
    return {
        "id": entry.id,
        "source": entry.source,
        "deliveryId": entry.delivery,
        "eventSummary": entry.summary,
        "timestamp": _ms(entry.received),
        "headers": dict(entry.headers),
        "body": text or None,
        "matchedAgents": entry.matched,
        "status": "dead-letter" if entry.state is DeliveryState.DEAD else "processed",
        "deadLetterReason": entry.reason.value if entry.reason else None,
        "replayOf": entry.replay_of,
    }


def summary(sums: Summary) -> dict[str, Any]:
    return {
        "runs": sums.runs,
        "ok": sums.ok,
        "errors": sums.errors,
        "killed": sums.killed,
        "avgDurationMs": sums.average,
        "avgPreHookMs": sums.before,
        "avgPostHookMs": sums.after,
        **usage(sums.usage),
    }


def sums(agents: Mapping[str, Sums], calls: Sequence[Call]) -> dict[str, Any]:
    """Of all, of each agent, and who called whom."""
    everything = sum(agents.values(), start=NOTHING)
    return {
        "totals": summary(summarised(everything)),
        "agents": [{"name": name} | summary(summarised(one)) for name, one in agents.items()],
        "calls": [edge(found) for found in call_graph(calls)],
    }


def edge(found: Edge) -> dict[str, Any]:
    return {
        "caller": found.caller,
        "target": found.target,
        "count": found.count,
        "avgDepth": found.depth,
        "avgDurationMs": found.average,
    }


def _ms(text: str) -> int:
    return round(from_iso(text).timestamp() * 1000)
