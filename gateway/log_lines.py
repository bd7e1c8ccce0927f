"""The gateway's own log: one JSON object per line on stdout, which both clouds' log services take as it is."""

import json
import logging
import os
import sys


class JsonLines(logging.Formatter):
    """As everything of ours is logged.  Cloud Logging takes the weight of a line from `severity`
    (https://cloud.google.com/logging/docs/structured-logging)."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"_log": True, "level": record.levelname.lower(), "msg": record.getMessage()}
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        line["severity"] = record.levelname
        return json.dumps(line | {"logger": record.name, "ts": int(record.created * 1000)})


def log_to_stdout() -> None:
    """From AL_LOG_LEVEL on, warnings if that says nothing."""
    out = logging.StreamHandler(sys.stdout)
    out.setFormatter(JsonLines())
    logging.basicConfig(level=os.environ.get("AL_LOG_LEVEL", "WARNING"), handlers=[out])
