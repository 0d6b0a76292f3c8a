"""Clients of python-socketio, a thread each: prints a line of JSON for each of them, and one for all answers."""

import json
import random
import sys
import threading
import time

import requests
import socketio

url, count, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
WAYS = {"polling": ["polling"], "upgrade": ["polling", "websocket"], "websocket": ["websocket"]}
PATIENCE = 60
statuses = {}
lock = threading.Lock()


def note(response, leaving):
    # While a client leaves, it may still send a poll, which then meets a session that has ended.
    if leaving.is_set():
        return
    with lock:
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1


def talk(way, index):
    chance = random.Random(seed * 1000 + index)
    session = requests.Session()
    leaving = threading.Event()
    session.hooks["response"].append(lambda response, *_args, **_kwargs: note(response, leaving))
    # Each request has a connection of its own, so that it may land anywhere.
    session.headers["Connection"] = "close"
    client = socketio.Client(reconnection=False, http_session=session)
    seen = {"kind": f"python {way}", "ups": 0, "downs": 0, "faults": []}
    echoed = {"next": 0}
    waiting = {}
    caught_up = threading.Event()

    def on_down(m, n, body=None):
        if m != seen["downs"]:
            seen["faults"].append(f"down {m} instead of {seen['downs']}")
        seen["downs"] = m + 1
        if n == -1:
            return
        if n != echoed["next"]:
            seen["faults"].append(f"echo {n} instead of {echoed['next']}")
        if waiting.pop(n, None) != body:
            seen["faults"].append(f"echo {n} has another content")
        echoed["next"] = n + 1
        if not waiting:
            caught_up.set()

    client.on("down", on_down)
    client.on("disconnect", lambda *_args: seen.setdefault("ended", {"reason": "disconnect", "at": 0}))
    client.connect(url, transports=WAYS[way], wait_timeout=PATIENCE)
    seen["sid"] = client.eio.sid
    seen["tag"] = client.eio.sid[:4]
    for _ in range(rounds):
        caught_up.clear()
        burst = [chance.choice(["text", "x" * 20_000, b"\x07" * 10_000]) for _ in range(chance.randint(1, 4))]
        for at, body in enumerate(burst):
            waiting[seen["ups"] + at] = body
        for body in burst:
            client.emit("up", (seen["ups"], body))
            seen["ups"] += 1
        if not caught_up.wait(PATIENCE):
            seen["faults"].append("an echo is missing")
            break
    counts = client.call("bye", timeout=PATIENCE)
    if counts != {"ups": seen["ups"], "downs": seen["downs"]}:
        seen["faults"].append(f"{seen['ups']} up and {seen['downs']} down, the server has {counts}")
    seen["transport"] = client.eio.transport()
    has_ended = "ended" in seen
    leaving.set()
    client.disconnect()
    if not has_ended:
        seen.pop("ended", None)
        seen["left"] = time.time() * 1000
    with lock:
        print(json.dumps(seen), flush=True)


def attempt(way, index):
    try:
        talk(way, index)
    except Exception as error:  # noqa: BLE001
        with lock:
            print(json.dumps({"kind": f"python {way}", "faults": [repr(error)], "ups": 0, "downs": 0}), flush=True)


ways = list(WAYS)
threads = [threading.Thread(target=attempt, args=(ways[i % len(ways)], i)) for i in range(count)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"statuses": statuses}), flush=True)
