"""What the images of these tests run: as little as shows the law at hand."""

RUNTIME = """
import json, os, sys, time, urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/"
COUNT = 0

def answer(event):
    if event.get("exit"):
        os._exit(event["exit"])
    if event.get("sleep"):
        time.sleep(event["sleep"])
    if event.get("print"):
        print(event["print"], flush=True)
    if event.get("write"):
        open(os.environ["TMPDIR"] + "/kept", "w").write(event["write"])
    if event.get("read"):
        return open(os.environ["TMPDIR"] + "/kept").read()
    if event.get("env"):
        return os.environ.get(event["env"])
    if "requestContext" in event:
        seen = {k: event.get(k) for k in ("rawPath", "rawQueryString", "body", "cookies", "isBase64Encoded")}
        seen["method"] = event["requestContext"]["http"]["method"]
        return {"statusCode": 201, "headers": {"x-made": "yes"}, "cookies": ["a=1", "b=2"], "body": json.dumps(seen)}
    return {"pid": os.getpid(), "count": COUNT}

while True:
    with urllib.request.urlopen(API + "next") as asked:
        event, id_ = json.load(asked), asked.headers["Lambda-Runtime-Aws-Request-Id"]
    COUNT += 1
    kind, result = "response", None
    try:
        result = answer(event)
        if event.get("raise"):
            raise ValueError(event["raise"])
    except ValueError as error:
        kind, result = "error", {"errorType": "ValueError", "errorMessage": str(error)}
    request = urllib.request.Request(API + id_ + "/" + kind, data=json.dumps(result).encode())
    urllib.request.urlopen(request).close()
"""

SAY = """
import os, sys
for word in os.environ.get("SAY", "").split("|"):
    print(word, flush=True)
print("to stderr", file=sys.stderr, flush=True)
sys.exit(int(os.environ.get("CODE", "0")))
"""

TELL_ENVIRONMENT = """
import json, os
print(json.dumps({"env": dict(os.environ), "cwd": os.getcwd()}), flush=True)
"""

WHO_AM_I = """
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"], flush=True)
"""

WAIT_FOR_TERM = """
import signal, sys, time
def ended(*_):
    print("terminated", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, ended)
print("ready", flush=True)
time.sleep(600)
"""

IGNORE_TERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""

LEAVE_CHILDREN = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("child", child.pid, flush=True)
import time
time.sleep(float(__import__("os").environ.get("LINGER", "0")))
"""

PYTHON = {"Entrypoint": ["python3", "/app/main.py"], "WorkingDir": "/app"}
